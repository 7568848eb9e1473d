"""What is there: on the engine, in the evidence, in the state folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from runner.evidence import CRASH_REPORT, Evidence, refs_of, unfinished_in, with_commits
from runner.keeping import keeping
from runner.reconcile.evidence import ref_of, run_of
from runner.sandbox.protocol import Leftovers
from runner.store import KnownRun

_YOUNG_S = 2.0
_ATTEMPTS = "attempts"


@dataclass(frozen=True, slots=True)
class Found:
    """``refs`` are full names and their commits; ``commits`` those of the journal's commits that
    the evidence has though their refs are gone. The others are paths, by the run's id; ``scratch``
    has those of no run at "". ``folders`` are all runs' own."""

    held: Leftovers = field(default_factory=Leftovers)
    refs: Mapping[str, str] = field(default_factory=dict)
    commits: Set[str] = frozenset()
    folders: Mapping[str, Path] = field(default_factory=dict)
    attempts: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    scratch: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def look(
    held: Leftovers, evidence: Evidence, runs: Path, known: Iterable[KnownRun], only: str = ""
) -> Found:
    """Look at everything, or at what is of the run ``only``. ``runs`` is the folder that holds each
    run's own. Raises ``EvidenceError``, ``StateError``."""
    with keeping("look through", runs.parent):
        return _look(held, evidence, runs, known, only)


def _look(
    held: Leftovers, evidence: Evidence, runs: Path, known: Iterable[KnownRun], only: str
) -> Found:
    refs = refs_of(evidence, only)
    here = [runs / only] if only else sorted(runs.glob("*"))
    folders = {path.name: path for path in here if path.is_dir()}
    scratch: dict[str, Sequence[Path]] = {
        name: _unfinished(path) for name, path in folders.items()
    }
    scratch[""] = _settled(evidence) if only else [*_settled(evidence), *_named_tmp(runs.parent)]
    return Found(
        held=held,
        refs=refs,
        commits=with_commits(evidence, _astray(known, refs)),
        folders=folders,
        attempts={
            name: sorted(path.glob(f"{_ATTEMPTS}/*")) for name, path in folders.items()
        },
        scratch=scratch,
    )


def _astray(known: Iterable[KnownRun], refs: Mapping[str, str]) -> Set[str]:
    """The commits that rows have, and their refs have not."""
    return {
        node.state.commit
        for run in known
        for node in run.nodes.values()
        if node.state
        and node.state.commit
        and refs.get(ref_of(run.run_id, node.label)) != node.state.commit
    }


def _unfinished(folder: Path) -> list[Path]:
    return [*sorted(folder.rglob("*.tmp")), *_named_tmp(folder)]


def _named_tmp(folder: Path) -> list[Path]:
    """What Python's ``tempfile`` has named."""
    return sorted(folder.glob("tmp" + "[a-z0-9_]" * 8))


def _settled(evidence: Evidence) -> Sequence[Path]:
    """What killed gits have left in the evidence. One that still runs is given time to end: it
    loses its input with its planner, and cleans up by itself."""
    found = unfinished_in(evidence)
    # Of one that has written its report nothing more is to be waited for.
    begun = [path for path in found if not path.name.startswith(CRASH_REPORT)]
    if any(abs(time.time() - _changed_at(path)) < _YOUNG_S for path in begun):
        time.sleep(_YOUNG_S)
        found = unfinished_in(evidence)
    return found


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def run_ids(found: Found) -> Set[str]:
    """All runs that something is there of."""
    held = found.held
    return {
        *(each.run_id for each in held.held_containers),
        *(each.run_id for each in held.held_images),
        *(run_of(ref) for ref in found.refs),
        *found.folders,
    } - {""}
