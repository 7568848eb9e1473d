"""What ``protocol.py`` says of snapshots, held against the fake and the engine alike."""

from __future__ import annotations

import pytest
from worlds import Bench

from runner.errors import EngineError, SnapshotMissing
from runner.sandbox.protocol import Leftovers
from runner.sandbox.snapshots import MAX_DEPTH


def test_a_snapshot_is_found_by_tag_and_by_digest(bench: Bench) -> None:
    result, _ = bench.sh("head -c 100000 /dev/zero >file")
    snapshot = bench.commit(result.container, "A")
    assert snapshot.tag == f"oppie/{bench.world.run_id}:{bench.label}.A"
    assert snapshot.digest.startswith("sha256:")
    assert snapshot.parent_digest == ""
    assert bench.sandbox.find(snapshot.tag).size_bytes >= 100_000
    assert bench.sandbox.find(snapshot.tag) == snapshot
    by_digest = bench.sandbox.find(snapshot.digest)
    assert (by_digest.digest, by_digest.depth) == (snapshot.digest, snapshot.depth)


def test_a_commit_is_made_once(bench: Bench) -> None:
    result, _ = bench.sh("echo x >file")
    first = bench.commit(result.container, "A", facts={"attempt": "A-1", "tree": "t"})
    assert bench.commit(result.container, "A", facts={"attempt": "A-1", "tree": "t"}) == first
    bench.sandbox.remove(result.container)
    assert bench.commit(result.container, "A", facts={"attempt": "A-1", "tree": "t"}) == first
    assert bench.sandbox.leftovers().images == (first.tag,)


def test_another_attempts_commit_takes_the_tag(bench: Bench) -> None:
    """The image that had it is listed by its digest, and can be discarded by it."""
    first, _ = bench.sh("echo first >file")
    second, _ = bench.sh("echo second >file")
    old = bench.commit(first.container, "A", facts={"attempt": "A-1"})
    new = bench.commit(second.container, "A", facts={"attempt": "A-2"})
    assert new.tag == old.tag
    assert bench.sh("cat file", new.tag)[1] == b"second\n"
    assert bench.sh("cat file", old.digest)[1] == b"first\n"
    node = f"{bench.label}.A"
    assert bench.sandbox.leftovers().snapshot_labels == {new.tag: node, old.digest: node}
    for container in bench.containers:
        bench.sandbox.remove(container)
    bench.sandbox.discard(old.digest)
    with pytest.raises(SnapshotMissing):
        bench.sandbox.find(old.digest)
    assert bench.sandbox.find(new.tag) == new


def test_the_same_attempt_from_another_parent_is_another_snapshot(bench: Bench) -> None:
    one, two = bench.child("echo 1 >file", "A.1"), bench.child("echo 2 >file", "A.2")
    result, _ = bench.sh("true", one.digest)
    first = bench.commit(result.container, "A.3", one, {"attempt": "A.3-1"})
    result, _ = bench.sh("true", two.digest)
    second = bench.commit(result.container, "A.3", two, {"attempt": "A.3-1"})
    bench.tags.append(first.digest)
    assert (first.parent_digest, second.parent_digest) == (one.digest, two.digest)
    assert bench.sh("cat file", second.digest)[1] == b"2\n"


def test_a_container_can_be_read_after_its_commit(bench: Bench) -> None:
    result, _ = bench.sh("echo x >file")
    bench.commit(result.container, "A")
    assert bench.read(result.container, "file") == b"x\n"


def test_a_container_that_is_gone_cannot_be_committed(bench: Bench) -> None:
    with pytest.raises(EngineError):
        bench.commit("oppie-nobody-never", "A")


def test_state_is_carried_from_step_to_step(bench: Bench) -> None:
    """Contents, deletions, links, modes and names, over a chain of five."""
    script = "echo {n} >>log; echo {n} >file-{n}; rm -f file-$(({n} - 2)); ln -sf file-{n} last"
    snapshot, depths = None, []
    for n in range(1, 6):
        snapshot = bench.child(script.format(n=n), "A" + ".1" * (n - 1), snapshot)
        depths.append(snapshot.depth)
    assert snapshot is not None
    first = depths[0]
    assert depths == [first + n for n in range(5)]
    _, said = bench.sh("cat log; ls; readlink last; cat last", snapshot.digest)
    assert said.split() == b"1 2 3 4 5 file-4 file-5 last log file-5 5".split()


def test_modes_links_and_times_survive_a_commit(bench: Bench) -> None:
    script = (
        "echo x >f; chmod 600 f; mkdir d; chmod 750 d; echo y >d/g; chmod 755 d/g; ln -s d/g l;"
        "touch -d '2020-02-02 02:02:02' f d/g; mkdir empty"
    )
    show = "stat -c '%n %a %F' f d d/g empty; stat -c %Y f d/g; readlink l"
    result, before = bench.sh(f"{script}\n{show}")
    snapshot = bench.commit(result.container, "A")
    assert bench.sh(show, snapshot.digest)[1] == before


def test_siblings_do_not_see_each_other(bench: Bench) -> None:
    root = bench.child("echo root >file", "A")
    one = bench.child("echo one >>file; touch one", "A.1", root)
    two = bench.child("echo two >>file; touch two", "A.2", root)
    assert bench.sh("cat file; ls", one.digest)[1].split() == b"root one file one".split()
    assert bench.sh("cat file; ls", two.digest)[1].split() == b"root two file two".split()
    assert bench.sh("cat file; ls", root.digest)[1].split() == b"root file".split()


def test_a_size_is_what_a_snapshot_adds_to_its_parent(bench: Bench) -> None:
    root = bench.child("head -c 3000000 /dev/urandom >big", "A")
    child = bench.child("head -c 50000 /dev/urandom >small", "A.1", root)
    assert 50_000 <= child.size_bytes < 1_000_000
    assert root.size_bytes >= 3_000_000


def test_discarding_takes_one_image_and_nothing_that_it_was_built_on(bench: Bench) -> None:
    root = bench.child("echo root >file", "A")
    child = bench.child("echo child >>file", "A.1", root)
    leaf = bench.child("echo leaf >>file", "A.1.1", child)
    bench.sandbox.discard(leaf.tag)
    with pytest.raises(SnapshotMissing, match=leaf.tag):
        bench.sandbox.find(leaf.tag)
    with pytest.raises(SnapshotMissing):
        bench.sandbox.find(leaf.digest)
    assert bench.sandbox.find(child.digest).digest == child.digest
    assert bench.sandbox.find(root.tag) == root
    bench.sandbox.discard(leaf.tag)
    assert bench.sh("cat file", child.digest)[1] == b"root\nchild\n"


def test_a_tag_can_be_given_back(bench: Bench) -> None:
    """Somebody has moved a node's tag: its image is known by the digest, and listed by it."""
    ours, theirs = bench.child("echo ours >file", "A"), bench.child("echo theirs >file", "B")
    bench.child("echo child >file", "A.1", ours)
    bench.sandbox.retag(theirs.digest, ours.tag)
    assert bench.sandbox.find(ours.tag).digest == theirs.digest
    held = {image.digest: image for image in bench.sandbox.leftovers().held_images}
    assert ours.tag not in held[ours.digest].names
    bench.sandbox.retag(ours.digest, ours.tag)
    assert bench.sandbox.find(ours.tag).digest == ours.digest
    bench.sandbox.retag(theirs.digest, theirs.tag)
    with pytest.raises(SnapshotMissing):
        bench.sandbox.retag("sha256:" + "0" * 64, ours.tag)


def test_of_two_tags_one_can_go(bench: Bench) -> None:
    made = bench.child("touch file", "A")
    second = f"{made.tag}-r1"
    bench.sandbox.retag(made.digest, second)
    assert set(bench.sandbox.leftovers().images) == {made.tag, second}
    bench.sandbox.discard(made.tag)
    assert bench.sandbox.leftovers().images == (second,)
    assert bench.sandbox.find(second).digest == made.digest
    bench.sandbox.discard(second)
    assert bench.sandbox.leftovers() == Leftovers()


def test_discarding_an_inner_snapshot_leaves_its_children_whole(bench: Bench) -> None:
    root = bench.child("echo root >file", "A")
    child = bench.child("echo child >>file", "A.1", root)
    leaf = bench.child("echo leaf >>file", "A.1.1", child)
    bench.sandbox.discard(child.tag)
    with pytest.raises(SnapshotMissing):
        bench.sandbox.find(child.tag)
    result, said = bench.sh("cat file", leaf.digest)
    assert said == b"root\nchild\nleaf\n"
    bench.sandbox.remove(result.container)
    while images := bench.sandbox.leftovers().images:
        bench.sandbox.discard(images[0])
    with pytest.raises(SnapshotMissing):
        bench.sandbox.find(child.digest)


def test_an_image_in_use_is_not_discarded(bench: Bench) -> None:
    snapshot = bench.child("touch file", "A")
    result, _ = bench.sh("true", snapshot.digest)
    with pytest.raises(EngineError, match=r"uses it|is using|in use by"):
        bench.sandbox.discard(snapshot.tag)
    bench.sandbox.remove(result.container)
    bench.sandbox.discard(snapshot.tag)
    with pytest.raises(SnapshotMissing):
        bench.sandbox.find(snapshot.tag)


@pytest.mark.parametrize("reference", ["oppie/nobody:never", "sha256:" + "0" * 64, "oppie/nobody"])
def test_an_image_that_is_not_there(bench: Bench, reference: str) -> None:
    with pytest.raises(SnapshotMissing, match=reference):
        bench.sandbox.find(reference)
    bench.sandbox.discard(reference)


def test_leftover_images_come_children_first(bench: Bench) -> None:
    root = bench.child("touch a", "A")
    child = bench.child("touch b", "A.1", root)
    leaf = bench.child("touch c", "A.1.1", child)
    found = bench.sandbox.leftovers()
    assert found.images == (leaf.tag, child.tag, root.tag)
    assert found.snapshot_labels == {
        snapshot.tag: snapshot.tag.partition(":")[2] for snapshot in (root, child, leaf)
    }
    for tag in found.images:
        bench.sandbox.discard(tag)
    assert bench.sandbox.leftovers() == Leftovers()


def test_no_chain_grows_beyond_the_engines_limit() -> None:
    assert MAX_DEPTH <= 120


def test_the_room_where_the_images_are(bench: Bench) -> None:
    room = bench.sandbox.room()
    assert room is not None
    assert 0 < room.free_bytes <= room.total_bytes


def test_one_image_and_what_it_holds(bench: Bench) -> None:
    root = bench.child("touch a", "A")
    result, _ = bench.sh("touch b", root.digest)
    facts = {"attempt": "A.1-1", "tree": "t1", "commit": "c1", "rebuilt": "A"}
    child = bench.commit(result.container, "A.1", root, facts)
    for reference in (child.tag, child.digest):
        held = bench.sandbox.held(reference)
        assert held is not None
        assert (held.digest, held.parent_digest) == (child.digest, root.digest)
        assert (held.tree_id, held.commit, held.rebuilt_from) == ("t1", "c1", "A")
        assert held.attempt_id == "A.1-1"
    above = bench.sandbox.held(root.tag)
    assert above is not None and (above.tree_id, above.rebuilt_from) == ("", "")
    # What is committed of it says of itself what it holds, and nothing of what it came from.
    result, _ = bench.sh("touch c", child.digest)
    leaf = bench.commit(result.container, "A.1.1", child)
    below = bench.sandbox.held(leaf.tag)
    assert below is not None and (below.tree_id, below.rebuilt_from) == ("", "")
    for missing in (bench.world.image, "oppie/nobody:never"):
        assert bench.sandbox.held(missing) is None
