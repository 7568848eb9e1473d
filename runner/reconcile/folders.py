"""Which folders and files of the state folder the journal explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.reconcile.names import is_node_attempt, whole_of
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.store import KnownRun


def rule_attempts(known: KnownRun, attempts: Sequence[Path]) -> Iterator[Ruling]:
    """One ruling for each attempt's folder that isn't explained; ``attempts`` are their paths.

    What an attempt has finished is taken from its folder. So a folder that was there before its
    attempt would give the attempt the result of another: it is moved out of the way.
    """
    for path in attempts:
        attempt_id = whole_of(path.name) or path.name
        if is_node_attempt(attempt_id) and attempt_id not in known.attempts:
            why = "no row of the journal explains this attempt"
            yield Ruling(Thing.FOLDER, str(path), known.run_id, Fate.RESET, why)


def rule_unknown(run_id: str, folder: Path, *, was_begun: bool) -> Ruling:
    """The folder of a run that has no row. A run gets its row before anything is tried."""
    if was_begun:
        why = "the journal doesn't know this run, which has left something"
        return Ruling(Thing.FOLDER, str(folder), run_id, Fate.FOREIGN, why)
    why = "its command died before the run had begun"
    return Ruling(Thing.FOLDER, str(folder), run_id, Fate.KILL, why)


def rule_scratch(run_id: str, paths: Sequence[Path]) -> Iterator[Ruling]:
    """Files that were about to be written when their planner died; nobody will ever read them."""
    for path in paths:
        yield Ruling(Thing.FILE, str(path), run_id, Fate.KILL, "it was never written to its end")
