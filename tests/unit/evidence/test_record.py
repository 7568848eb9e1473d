from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import EngineUnavailable, EvidenceError, StateError, TaskError
from runner.evidence import ArchiveLimits, Evidence, Recorded, TreeTooLarge

from .tars import Member, chunks, file, hardlink, symlink, tar

RUN = "20261121-024017-ab12"


def record(
    evidence: Evidence, *members: Member, label: str = "A", parent: str = "", message: str = "x"
) -> Recorded:
    return evidence.record(RUN, label, parent, chunks(tar(*members)), message)


def paths(evidence: Evidence, recorded: Recorded) -> set[str]:
    return set(evidence.manifest(recorded.commit))


def blob(evidence: Evidence, recorded: Recorded, path: str) -> bytes:
    blob_id = evidence.manifest(recorded.commit)[path].split()[1]
    return subprocess.run(
        ["git", f"--git-dir={evidence.folder}", "cat-file", "blob", blob_id],
        check=True,
        capture_output=True,
    ).stdout


def test_keeps_contents_modes_and_links(evidence: Evidence) -> None:
    done = record(
        evidence,
        file("a.txt", "hello\n"),
        file("run.sh", "#!/bin/sh\n", mode=0o755),
        symlink("to-a", "a.txt"),
        file("deep/er/b", b"\x00\xff"),
        file("empty"),
    )
    modes = {path: about.split()[0] for path, about in evidence.manifest(done.commit).items()}
    assert modes == {
        "a.txt": "100644",
        "run.sh": "100755",
        "to-a": "120000",
        "deep/er/b": "100644",
        "empty": "100644",
    }
    assert blob(evidence, done, "a.txt") == b"hello\n"
    assert blob(evidence, done, "to-a") == b"a.txt"
    assert blob(evidence, done, "deep/er/b") == b"\x00\xff"
    assert done.files_changed == 5
    assert done.skipped == ()
    assert done.parent_tree_id == ""


def test_equal_trees_are_equal_whatever_order_and_times(evidence: Evidence) -> None:
    one = record(evidence, file("a", "1", mtime=5), file("b", "2"), label="A.1")
    two = record(evidence, file("b", "2"), file("a", "1", mtime=9), label="A.2")
    assert one.tree_id == two.tree_id
    assert one.commit == two.commit


def test_child_replaces_the_parents_tree(evidence: Evidence) -> None:
    root = record(evidence, file("a", "1"), file("b", "2"), file("c", "3"))
    child = record(evidence, file("a", "1"), file("b", "changed"), label="A.1", parent=root.commit)
    assert child.parent_tree_id == root.tree_id
    assert paths(evidence, child) == {"a", "b"}
    assert child.files_changed == 2
    assert evidence.changed(root.commit, child.commit) == ("b", "c")


def test_recording_again_after_a_crash_is_idempotent(evidence: Evidence) -> None:
    root = record(evidence, file("a", "1"))
    again = record(evidence, file("a", "1"))
    assert again == root
    other = record(evidence, file("a", "2"))
    assert evidence.commit(RUN, "A") == other.commit
    assert evidence.manifest(other.commit).keys() == {"a"}
    assert record(evidence, file("a", "1")).parent_tree_id == ""


def test_an_empty_workspace_is_a_tree(evidence: Evidence) -> None:
    root = record(evidence, file("a", "1"))
    done = record(evidence, label="A.1", parent=root.commit)
    assert paths(evidence, done) == set()
    assert done.tree_id == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert done.files_changed == 1
    after = record(evidence, file("a", "1"), label="A.1.1", parent=done.commit)
    assert after.parent_tree_id == done.tree_id
    assert after.files_changed == 1


def test_a_root_may_be_empty(evidence: Evidence) -> None:
    done = record(evidence)
    assert done.tree_id == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert (done.files_changed, done.skipped) == (0, ())


def test_repositories_inside_are_left_out(evidence: Evidence) -> None:
    done = record(
        evidence,
        file(".git/config", "[core]"),
        file("sub/.GIT/HEAD", "x"),
        file("sub/GIT~1/HEAD", "x"),
        file(".git", "gitdir: elsewhere"),
        file("x/.git ./y", "x"),
        file("x/.git::$INDEX_ALLOCATION", "x"),
        file(".gitignore", "*.o"),
        file(".github/ci.yml", "x"),
        file("a.git/y", "x"),
    )
    assert paths(evidence, done) == {".gitignore", ".github/ci.yml", "a.git/y"}
    assert done.skipped == ()


def test_what_no_tree_can_hold_is_skipped_by_name(evidence: Evidence) -> None:
    done = record(
        evidence,
        Member("workspace/pipe", kind=tarfile.FIFOTYPE),
        Member("workspace/disk", kind=tarfile.BLKTYPE),
        Member("/etc/passwd", b"x"),
        Member("workspace/../../etc/passwd", b"x"),
        Member("workspace/hl", kind=tarfile.LNKTYPE, link="/etc/shadow"),
        hardlink("gone", "nowhere"),
        symlink("x/.gitmodules", "a"),
        file("good", "x"),
    )
    assert paths(evidence, done) == {"good"}
    assert len(done.skipped) == 7
    assert "'pipe': a device, FIFO or socket" in done.skipped
    assert "'/etc/passwd': an absolute name" in done.skipped
    assert "'gone': a hard link to a file that isn't in the archive" in done.skipped


def test_hard_links_are_the_earlier_file(evidence: Evidence) -> None:
    done = record(evidence, file("a", "data", mode=0o755), hardlink("b", "a"), hardlink("c/d", "b"))
    manifest = evidence.manifest(done.commit)
    assert manifest["a"] == manifest["b"] == manifest["c/d"]
    assert manifest["a"].startswith("100755")


@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_odd_names_survive(evidence: Evidence, format_: int) -> None:
    names = {
        'quo"te', "new\nline", "back\\slash", "tab\t", ":(top)x", " lead", "-rf", "émoji 🦊",
        "bad\udcff\udcfe", "l" * 250, "/".join(["deep" * 20] * 10), '"', "a -> b", "#x", "\x01",
    }  # fmt: skip
    data = tar(*(file(name, name.encode("utf-8", "replace")) for name in names), format_=format_)
    done = evidence.record(RUN, "A", "", chunks(data, 7), "x")
    assert paths(evidence, done) == names
    assert set(evidence.changed("4b825dc642cb6eb9a060e54bf8d69288fbee4904", done.commit)) == names


def test_a_file_that_becomes_a_folder(evidence: Evidence) -> None:
    root = record(evidence, file("a", "1"), file("b/c", "2"))
    done = record(evidence, file("a/x", "1"), symlink("b", "a"), label="A.1", parent=root.commit)
    assert paths(evidence, done) == {"a/x", "b"}


def test_sparse_files_are_recorded_with_their_holes(evidence: Evidence, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    with (folder / "holes").open("wb") as out:
        out.seek(1 << 20)
        out.write(b"end")
    data = subprocess.run(
        ["tar", "--sparse", "--format=gnu", "-C", str(tmp_path), "-c", "workspace"],
        check=True,
        capture_output=True,
    ).stdout
    assert len(data) < 1 << 19
    done = evidence.record(RUN, "A", "", chunks(data), "x")
    assert blob(evidence, done, "holes") == bytes(1 << 20) + b"end"


def test_large_files_are_streamed(evidence: Evidence) -> None:
    big = bytes(range(256)) * (20 << 12)  # beyond core.bigFileThreshold
    one = record(evidence, file("big", big), file("small", "1"))
    two = record(evidence, file("big", big), file("small", "2"), label="A.1", parent=one.commit)
    assert two.files_changed == 1
    assert blob(evidence, two, "big") == big


@pytest.mark.parametrize("cut", [0, 100, 600, 1024, 1500, 2300])
def test_a_truncated_stream_leaves_no_commit(evidence: Evidence, cut: int) -> None:
    data = tar(file("a", b"x" * 700), file("b", "2"))
    with pytest.raises(EvidenceError, match="damaged"):
        evidence.record(RUN, "A.1", "", chunks(data[:cut]), "x")
    with pytest.raises(TaskError, match=r"A\.1"):
        evidence.commit(RUN, "A.1")
    assert not list(evidence.folder.glob("fast_import_crash_*"))


def test_a_damaged_header_in_mid_stream_is_no_end(evidence: Evidence) -> None:
    data = bytearray(tar(file("a", "1"), file("b", "2")))
    second = data.index(b"workspace/b")
    data[second + 148 : second + 154] = b"999999"
    with pytest.raises(EvidenceError, match="damaged"):
        evidence.record(RUN, "A", "", chunks(bytes(data)), "x")


def test_noise_is_no_archive(evidence: Evidence) -> None:
    with pytest.raises(EvidenceError, match="damaged"):
        evidence.record(RUN, "A", "", chunks(b"not a tar at all" * 200), "x")


def test_what_the_engine_raises_goes_through_and_moves_nothing(evidence: Evidence) -> None:
    before = record(evidence, file("a", "1"))

    def dying() -> Iterator[bytes]:
        yield tar(file("a", b"x" * 5000))[:3000]
        raise EngineUnavailable("the engine went away")

    with pytest.raises(EngineUnavailable):
        evidence.record(RUN, "A", "", dying(), "x")
    assert evidence.commit(RUN, "A") == before.commit


def test_a_parent_that_is_not_there_is_an_error(evidence: Evidence) -> None:
    with pytest.raises(
        EvidenceError, match=r"fast-import failed .*: .*(commit|missing|valid|find)"
    ):
        evidence.record(RUN, "A.1", "0" * 39 + "1", chunks(tar(file("a", "1"))), "x")


def test_limits_are_a_typed_error(tmp_path: Path) -> None:
    small = Evidence(tmp_path / "e", ArchiveLimits(entries=3, size_bytes=100))
    with pytest.raises(TreeTooLarge, match="3 entries"):
        record(small, file("a"), file("b"), file("c"))
    with pytest.raises(TreeTooLarge, match="100 bytes"):
        record(small, file("a", b"x" * 101))
    record(small, file("a", b"x" * 100))


def test_messages_may_say_anything(evidence: Evidence) -> None:
    message = 'A.1: tile=8 \n\ndone\nfrom refs/heads/x\n"é \udc80'
    done = record(evidence, file("a", "1"), message=message)
    log = subprocess.run(
        ["git", f"--git-dir={evidence.folder}", "log", "--format=%an|%B", done.commit],
        check=True,
        capture_output=True,
    ).stdout.decode()
    assert log.startswith("oppie|A.1: tile=8")
    assert "from refs/heads/x" in log


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1,
                max_size=12).filter(lambda name: name not in (".", "..") and "git" not in name.lower()),
        st.binary(max_size=2000), max_size=6,
    )
)  # fmt: skip
def test_any_files_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    evidence = Evidence(folder / "e")
    done = record(evidence, *(file(name, data) for name, data in files.items()))
    out = folder / "out"
    evidence.checkout(RUN, "A", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files
    assert done.files_changed == len(files)


def test_several_workers_record_at_a_time(evidence: Evidence) -> None:
    root = record(evidence, *(file(f"f{i}", f"{i}") for i in range(150)))

    def work(number: int) -> Recorded:
        members = [file(f"f{i}", f"{i}") for i in range(150)]
        members[number % 4] = file(f"f{number % 4}", "changed")
        return record(evidence, *members, label=f"A.{number}", parent=root.commit)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(1, 17)))
    assert {each.files_changed for each in done} == {1}
    assert len({each.tree_id for each in done}) == 4
    for number, each in enumerate(done, start=1):
        assert evidence.commit(RUN, f"A.{number}") == each.commit
    subprocess.run(
        ["git", f"--git-dir={evidence.folder}", "fsck", "--strict"],
        check=True,
        capture_output=True,
    )


def test_many_may_make_the_repository_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Evidence(tmp_path / "e"), range(8)))
    for number, each in enumerate(made):
        record(each, file("a", "1"), label=f"A.{number}")
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_a_place_where_no_repository_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateError, match=r"can't make .*Not a directory"):
        Evidence(tmp_path / "file" / "e")
