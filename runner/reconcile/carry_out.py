"""Carries out what was decided: the one executor."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, assert_never

from runner.errors import EngineError, EngineUnavailable, EvidenceError
from runner.evidence import Evidence, drop_ref, set_ref
from runner.keeping import keeping
from runner.reconcile.decide import decide
from runner.reconcile.found import look
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.sandbox.protocol import Sandbox
from runner.store import KnownRun

_UNEXPLAINED = "unexplained"  # beside a run's ``attempts``


class Door(Protocol):
    """What is asked of an engine: ``Sandbox`` for one run, ``EngineHoldings`` for all."""

    def remove(self, container: str) -> None: ...

    def discard(self, tag: str) -> None: ...

    def retag(self, digest: str, tag: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Done:
    """A ruling that something had to be done for; ``failure`` says why it could not be."""

    ruling: Ruling
    failure: str = ""

    @property
    def did(self) -> str:
        """What was done, in words."""
        if self.failure:
            return f"left as it is, since it can't be changed ({self.failure})"
        if self.ruling.fate is Fate.KILL:
            return "removed"
        return "moved aside" if self.ruling.thing is Thing.FOLDER else "made again what it was"


def carry_out(rulings: Iterable[Ruling], door: Door, evidence: Evidence) -> tuple[Done, ...]:
    """Do what the rulings say, in their order; one that fails doesn't keep the others back.

    Raises ``EngineUnavailable`` where there is no engine to talk to, and ``StateError`` where the
    state folder can't be changed.
    """
    return tuple(
        Done(ruling, _attempt(ruling, door, evidence))
        for ruling in rulings
        if ruling.fate in (Fate.KILL, Fate.RESET)
    )


def settle(known: KnownRun, sandbox: Sandbox, evidence: Evidence, runs: Path) -> tuple[Done, ...]:
    """Bring all that there is of one run to what the journal knows; what had to be done.

    ``runs`` is the folder that holds each run's own. Only its planner may ask for this, while none
    of its workers is at work. Raises ``EngineError``, ``EvidenceError``, ``StateError``.
    """
    found = look(sandbox.leftovers(), evidence, runs, [known], known.run_id)
    return carry_out(decide({known.run_id: known}, found), sandbox, evidence)


def _attempt(ruling: Ruling, door: Door, evidence: Evidence) -> str:
    try:
        _do(ruling, door, evidence)
    except EngineUnavailable:
        raise
    except (EngineError, EvidenceError) as error:
        return str(error)
    return ""


def _do(ruling: Ruling, door: Door, evidence: Evidence) -> None:
    kill = ruling.fate is Fate.KILL
    match ruling.thing:
        case Thing.CONTAINER:
            door.remove(ruling.name)
        case Thing.IMAGE if kill:
            door.discard(ruling.name)
        case Thing.IMAGE:
            door.retag(ruling.to, ruling.name)
        case Thing.REF if kill:
            drop_ref(evidence, ruling.name)
        case Thing.REF:
            set_ref(evidence, ruling.name, ruling.to)
        case Thing.FOLDER if not kill:
            _move_aside(Path(ruling.name))
        case Thing.FOLDER | Thing.FILE:
            _remove(Path(ruling.name))
        case Thing.RUN:
            raise AssertionError("a run is a row, which the store changes")
        case _:
            assert_never(ruling.thing)


def _move_aside(folder: Path) -> None:
    """``attempts/A.1-1`` becomes ``unexplained/A.1-1``, or the first of that name that is free."""
    place = folder.parent.parent / _UNEXPLAINED
    names = (f"{folder.name}{suffix}" for suffix in ("", *(f"~{n}" for n in range(2, 1000))))
    with keeping("move", folder):
        place.mkdir(exist_ok=True)
        folder.rename(next(place / name for name in names if not (place / name).exists()))


def _remove(path: Path) -> None:
    with keeping("remove", path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
