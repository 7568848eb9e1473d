"""A snapshot that is gone is made again from an ancestor and the evidence, in both worlds."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
from worlds import Bench, World

from runner.errors import EngineOutOfSpace, SnapshotMissing
from runner.evidence import TARGET, Claims, Evidence
from runner.expand.context import RunContext
from runner.expand.judging import Meter, Trial
from runner.expand.lane import Lane
from runner.expand.rebuilding import standing
from runner.expand.root import rules_of
from runner.model import Phase, Snapshot, State
from runner.planner.watermarks import DiskRules, Mark
from runner.sandbox.protocol import Sandbox
from tests.runs import make_target, make_task

T = TypeVar("T")

ROOT_SCRIPT = """
mkdir -p src/deep docs; echo 1 >src/a; echo 2 >src/deep/b; echo 3 >docs/only; echo 4 >gone
echo '*.o' >.gitignore; echo object >src/a.o
echo 5 >becomes-folder; mkdir becomes-file; echo 6 >becomes-file/inner; ln -s src/a link
mkdir real; echo 7 >real/kept; mkdir will-lead; echo 8 >will-lead/kept
"""
FIRST_SCRIPT = """
rm gone docs/only; rmdir docs; echo more >>src/a; chmod +x src/deep/b; echo new >'odd name
with a line'; rm becomes-folder; mkdir becomes-folder; echo in >becomes-folder/x
rm -r becomes-file; echo out >becomes-file; rm link; ln -s src/deep link
rm -r will-lead; ln -s real will-lead; echo ignored >mine.o
"""
SECOND_SCRIPT = "echo again >>src/a; mkdir empty; rm -r becomes-folder; printf '\\377' >binary"


@dataclass
class Grove:
    """A root, a child and a grandchild, recorded and committed as a run does it."""

    bench: Bench
    context: RunContext
    states: dict[str, State]

    def trial(self, attempt_id: str = "A.9-1", sandbox: Sandbox | None = None) -> Trial:
        return Trial(self.context, sandbox or self.bench.sandbox, attempt_id, "A.9", Meter())

    def evict(self, *labels: str) -> None:
        for label in labels:
            snapshot = self.states[label].snapshot
            assert snapshot is not None
            self.bench.sandbox.discard(snapshot.tag)

    def files(self, snapshot: Snapshot | None) -> dict[str, tuple[bytes, int, str, bytes]]:
        """What is in a workspace: kind, mode and content or target by name, but for what git ignores."""
        assert snapshot is not None
        result, _ = self.bench.sh("true", snapshot.digest)
        with self.bench.open_archive(result.container) as tar:
            found = {
                member.name: (
                    member.type,
                    member.mode & 0o111,
                    member.linkname,
                    _content(tar, member),
                )
                for member in tar
                if not member.isdir() and not member.name.endswith(".o")
            }
        self.bench.sandbox.remove(result.container)
        return found


@pytest.fixture
def grove(bench: Bench, tmp_path: Path) -> Iterator[Grove]:
    # Labels are tags here, and the world's run is shared: this test's nodes are all its own.
    run_id = f"{bench.world.run_id}-{bench.label}"[:80].rstrip("-")
    sandbox = bench.world.open(run_id=run_id)
    target = make_target(tmp_path / "target")
    context = RunContext(
        run_id,
        make_task(target),
        tmp_path / "runs" / run_id,
        Evidence(tmp_path / "evidence.git"),
        Claims(),
        Lane(1, tmp_path),
        lambda: False,
    )
    context.folder.mkdir(parents=True)
    own = Bench(World(bench.world.kind, bench.world.folder, bench.world.image, run_id), sandbox, tmp_path, "g")
    grove = Grove(own, context, {})
    steps = (("A", "", ROOT_SCRIPT), ("A.1", "A", FIRST_SCRIPT), ("A.1.1", "A.1", SECOND_SCRIPT))
    for label, parent, script in steps:
        grove.states[label] = grown(grove, label, grove.states.get(parent), script)
    yield grove
    for container in sandbox.leftovers().containers:
        sandbox.remove(container)
    while images := sandbox.leftovers().images:
        sandbox.discard(images[0])
    sandbox.close()


def grown(grove: Grove, label: str, parent: State | None, script: str) -> State:
    sandbox, context = grove.bench.sandbox, grove.context
    before = parent.snapshot if parent else None
    result, said = grove.bench.sh(script, before.digest if before else "")
    assert result.code == 0, said
    archive = b"".join(sandbox.archive(result.container))
    if parent is None:
        context.evidence.record(context.run_id, TARGET, "", [archive], "target")
    made = context.evidence.record(
        context.run_id, label, parent.commit if parent else "", [archive], label, rules_of(context)
    )
    facts = {"attempt": f"{label}-1", "tree": made.tree_id, "commit": made.commit}
    snapshot = sandbox.commit(result.container, label, before, facts)
    sandbox.remove(result.container)
    return State(label, snapshot, made.commit, made.tree_id)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() else None
    return file.read() if file else b""


def told(walk: Generator[Phase, None, T]) -> tuple[list[Phase], T]:
    phases = []
    while True:
        try:
            phases.append(next(walk))
        except StopIteration as end:
            return phases, end.value


def test_what_is_there_is_taken_as_it_is(grove: Grove) -> None:
    for state in grove.states.values():
        phases, found = told(standing(grove.trial(), state))
        assert not phases
        assert found.snapshot is not None and state.snapshot is not None
        assert found.snapshot.digest == state.snapshot.digest


@pytest.mark.parametrize("evicted", [("A.1.1",), ("A.1.1", "A.1")])
def test_it_holds_the_same_sources_as_the_one_that_is_gone(
    grove: Grove, evicted: tuple[str, ...]
) -> None:
    """Contents, modes, links, deletions, files that became folders and the other way round."""
    state = grove.states["A.1.1"]
    before = grove.files(state.snapshot)
    grove.evict(*evicted)
    phases, found = told(standing(grove.trial(), state))
    assert grove.files(found.snapshot) == before
    base = "A.1" if evicted == ("A.1.1",) else "A"
    assert [(p.name, p.facts["of"], p.facts["base"]) for p in phases] == [
        ("snapshot.rebuilt", "A.1.1", base)
    ]
    held = grove.bench.sandbox.held(f"oppie/{grove.context.run_id}:A.1.1")
    assert held is not None and found.snapshot is not None
    assert (held.digest, held.tree_id, held.rebuilt_from) == (
        found.snapshot.digest, state.tree_id, base,
    )  # fmt: skip
    assert grove.bench.sandbox.leftovers().containers == ()
    # It is found again, and what is committed of it doesn't say that it was rebuilt.
    assert told(standing(grove.trial(), state))[0] == []
    child = grown(grove, "A.1.1.1", found, "echo child >>src/a")
    assert child.snapshot is not None
    of_child = grove.bench.sandbox.held(child.snapshot.digest)
    assert of_child is not None and of_child.rebuilt_from == ""


def test_an_inner_one_is_rebuilt_under_those_that_stand_on_it(grove: Grove) -> None:
    state = grove.states["A.1"]
    before = grove.files(state.snapshot)
    grove.evict("A.1.1", "A.1")
    told(standing(grove.trial(), grove.states["A.1.1"]))
    _, found = told(standing(grove.trial(), state))
    assert grove.files(found.snapshot) == before


def test_what_is_rebuilt_is_newer_than_what_was_built_before(grove: Grove) -> None:
    """Or `make` would take an object file of the ancestor's sources for that of the node's."""
    grove.evict("A.1.1", "A.1")
    _, found = told(standing(grove.trial(), grove.states["A.1.1"]))
    assert found.snapshot is not None
    result, said = grove.bench.sh(
        "exec 2>&1; test src/a -nt src/a.o && cat src/a.o mine.o", found.snapshot.digest
    )
    grove.bench.sandbox.remove(result.container)
    # The ancestor's ignored files are there, the node's own are not.
    assert said.startswith(b"object\n") and result.code != 0


def test_another_tree_is_refused_and_leaves_nothing(grove: Grove) -> None:
    grove.evict("A.1.1")
    lie = replace(grove.states["A.1.1"], tree_id=grove.states["A"].tree_id)
    with pytest.raises(SnapshotMissing, match=r"A\.1\.1 is gone, and can't be rebuilt from A\.1: its tree is"):
        told(standing(grove.trial(), lie))
    left = grove.bench.sandbox.leftovers()
    assert left.containers == ()
    assert set(left.snapshot_labels.values()) == {"A", "A.1"}
    refs = grove.context.evidence.folder / "refs" / "oppie" / grove.context.run_id
    assert not list(refs.glob("*rebuilt*"))


def test_somebody_elses_image_under_the_tag_does_not_count(grove: Grove) -> None:
    state, root = grove.states["A.1.1"], grove.states["A"].snapshot
    assert root is not None and state.snapshot is not None
    before = grove.files(state.snapshot)
    grove.evict("A.1.1")
    grove.bench.sandbox.retag(root.digest, state.snapshot.tag)
    _, found = told(standing(grove.trial(), state))
    assert found.snapshot is not None and found.snapshot.digest != root.digest
    assert grove.files(found.snapshot) == before


def test_without_any_ancestor_there_is_nothing_to_rebuild_from(grove: Grove) -> None:
    grove.evict("A.1.1", "A.1", "A")
    with pytest.raises(SnapshotMissing, match="nothing is left to rebuild it from"):
        told(standing(grove.trial(), grove.states["A.1"]))


def test_no_rebuilding_is_begun_on_a_full_disk(grove: Grove) -> None:
    grove.evict("A.1.1")
    trial = grove.trial()
    full = replace(grove.context, disk=DiskRules(hard=Mark(1.0)))
    with pytest.raises(EngineOutOfSpace, match=r"disk .* is all but full"):
        told(standing(replace(trial, context=full), grove.states["A.1.1"]))
    assert grove.bench.sandbox.leftovers().containers == ()


def test_two_workers_that_need_the_same_one_get_the_same(grove: Grove) -> None:
    state = grove.states["A.1.1"]
    grove.evict("A.1.1")
    found: dict[str, tuple[list[Phase], State]] = {}

    def work(slot: int) -> None:
        sandbox = grove.bench.world.open(slot=slot)
        trial = grove.trial(f"A.1.1.{slot}-1", sandbox)
        found[f"{slot}"] = told(standing(trial, state))
        sandbox.close()

    threads = [threading.Thread(target=work, args=(slot,)) for slot in (3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    digests = {made.snapshot.digest for _, made in found.values() if made.snapshot}
    assert len(found) == 3 and len(digests) == 1
    assert sum(len(phases) for phases, _ in found.values()) == 1
