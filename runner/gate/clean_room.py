"""The clean room: where candidates are built from recorded sources alone, and judged."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from runner.errors import Cancelled, EngineError, SnapshotMissing
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Trial
from runner.expand.root import TARGET, Root
from runner.expand.verify import build, verify
from runner.measure.plan import Plan
from runner.model import ROOT, Phase, State, Verdict, Verified
from runner.report.estimate import Estimate
from runner.sandbox.protocol import Sandbox

T = TypeVar("T")
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class CleanRoom:
    """What verifying takes. ``image`` is what the root's container had started from."""

    context: RunContext
    sandbox: Sandbox
    root: Root
    image: str
    cancelled: threading.Event


def opened(
    context: RunContext, sandbox: Sandbox, root: Root, image: str, cancelled: threading.Event
) -> Generator[Phase, None, CleanRoom]:
    """A clean room whose root is there: one whose snapshot was removed is built again from its
    evidence. Raises ``EngineError``."""
    assert root.state.snapshot is not None
    try:
        sandbox.find(root.state.snapshot.digest)
    except SnapshotMissing:
        trial = Trial(context, sandbox, fresh_id(context, f"{ROOT}-again"), ROOT)
        built = yield from build(trial, image, context.evidence.commit(context.run_id, TARGET))
        if isinstance(built, Failure):
            raise EngineError(f"the root can't be built again: {built.reason}") from None
        root = replace(root, state=replace(root.state, snapshot=built.snapshot))
    return CleanRoom(context, sandbox, root, image, cancelled)


def verified(
    room: CleanRoom, state: State, plan: Plan, claim: Estimate | None
) -> Generator[Phase, None, Verified]:
    """Verify one state against the root, and again if the engine fails.

    Raises ``EngineError`` if it goes on failing, ``Cancelled`` once told to stop.
    """

    def once(attempt_id: str) -> Generator[Phase, None, Verified]:
        return verify(
            room.context, room.sandbox, room.root, room.image, state, plan, claim, attempt_id
        )

    found = yield from patiently(room, state.label, f"{state.label}-verify", once)
    yield Phase(state.label, "verify.finished", {"verdict": str(found.verdict)})
    return found


def patiently(
    room: CleanRoom, label: str, stem: str, once: Callable[[str], Generator[Phase, None, T]]
) -> Generator[Phase, None, T]:
    """Do something that needs the engine, and again, as a new attempt, if the engine fails."""
    for number in itertools.count(1):
        try:
            return (yield from once(fresh_id(room.context, stem)))
        except EngineError as error:
            if number >= _ATTEMPTS:
                raise
            yield Phase(label, "verify.failed", {"reason": str(error)})
            if room.cancelled.wait(2.0**number):
                raise Cancelled("the run was told to stop") from error
    raise AssertionError("counting never ends")


def fresh_id(context: RunContext, stem: str) -> str:
    """An attempt id that nobody has used: what an earlier attempt has measured is not used again."""
    taken = {path.name for path in (context.folder / "attempts").glob(f"{stem}-*")}
    return next(
        name for number in itertools.count(1) if (name := f"{stem}-{number}") not in taken
    )


def best_of(found: Sequence[Verified]) -> Verified | None:
    """The one that is surely the most better, or the first if none is."""
    improved = [each for each in found if each.verdict is Verdict.IMPROVED]
    return max(improved, key=_sure, default=None) or next(iter(found), None)


def _sure(found: Verified) -> float:
    return found.measurement.low if found.measurement else 0.0
