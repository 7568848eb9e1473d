"""The clean room: where candidates are built from recorded sources alone, and judged."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from runner.errors import Cancelled, EngineError, TaskError
from runner.evidence import TARGET
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Meter, Trial
from runner.expand.room import blameless, demand_room
from runner.expand.root import Root
from runner.expand.trying import learn_all
from runner.expand.verify import Built, build, conclude, costed, examine, verify
from runner.measure.plan import Plan
from runner.model import ROOT, Measurement, Phase, State, Verdict, Verified
from runner.report.estimate import Estimate
from runner.sandbox.protocol import Sandbox

T = TypeVar("T")
Judged = Generator[Phase, None, Measurement | Failure]
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class CleanRoom:
    """What verifying takes. ``image`` is what the root's container had started from; ``baseline`` is
    the root, built in this room as candidates are; ``opening`` is what that took, until the
    first verification has been charged for it."""

    context: RunContext
    sandbox: Sandbox
    root: Root
    image: str
    cancelled: threading.Event
    baseline: Built
    opening: Meter

    def trial(self, attempt_id: str, label: str, meter: Meter) -> Trial:
        """A place to judge in."""
        return Trial(self.context, self.sandbox, attempt_id, label, meter)

    def close(self) -> None:
        """Remove the baseline."""
        self.sandbox.discard(self.baseline.snapshot.tag)


def opened(
    context: RunContext, sandbox: Sandbox, root: Root, image: str, cancelled: threading.Event
) -> Generator[Phase, None, CleanRoom]:
    """A clean room with the root in it, built from its evidence: nothing of the search's own
    snapshots is needed. To be closed. Raises ``EngineError``, and ``TaskError`` where the sealed
    files are gone."""
    sealed = context.task.sealed.files
    if sealed is not None and not sealed.is_dir():
        raise TaskError(f"sealed.files: {sealed} is no directory any more, and verification needs it")
    trial = Trial(context, sandbox, fresh_id(context, f"{ROOT}-room"), ROOT)
    built = yield from build(trial, image, context.evidence.commit(context.run_id, TARGET))
    if isinstance(built, Failure):
        raise EngineError(f"the root can't be built again: {built.reason}")
    return CleanRoom(context, sandbox, root, image, cancelled, built, trial.meter)


def verified(
    room: CleanRoom, state: State, plan: Plan, claim: Estimate | None
) -> Generator[Phase, None, Verified]:
    """Verify one state against the root, and again if the engine fails. ``claim`` is what the search
    has measured of it.

    Raises ``EngineError`` if it goes on failing, ``Cancelled`` once told to stop.
    """
    meter = replace(room.opening)
    room.opening.container_s = 0.0

    def once(attempt_id: str) -> Judged:
        trial = room.trial(attempt_id, state.label, meter)
        return verify(trial, room.root, room.baseline, room.image, state, plan)

    result = yield from patiently(room, state.label, f"{state.label}-verify", once)
    found = costed(conclude(state.label, result, claim), meter)
    yield Phase(state.label, "verify.finished", {"verdict": str(found.verdict)})
    return found


def paired(
    room: CleanRoom, trial: Trial, before: str, after: str, plan: Plan, *, anew: bool = False
) -> Judged:
    """Build two trees in the room, and judge the second against the first.

    ``anew``: the first is not the root's, so what its checks can be relied on for is learned first.
    A ``Failure`` of the first is one ``of_baseline``.
    """
    without = room.trial(f"{trial.attempt_id}-without", trial.label, trial.meter)
    root, images = room.root, list[Built]()
    try:
        for place, tree in ((without, before), (trial, after)):
            built = yield from build(place, room.image, tree)
            if isinstance(built, Failure):
                return replace(built, of_baseline=place is without)
            images.append(built)
        baseline, candidate = images
        if anew:
            known = yield from learn_all(without, baseline.snapshot.digest)
            if isinstance(known, Failure):
                return replace(known, of_baseline=True)
            root = replace(root, checks=known)
        return (yield from examine(trial, root, candidate, baseline, after, plan))
    finally:
        for image in images:
            room.sandbox.discard(image.snapshot.tag)


def patiently(
    room: CleanRoom, label: str, stem: str, once: Callable[[str], Generator[Phase, None, T]]
) -> Generator[Phase, None, T]:
    """Do something that needs the engine, and again, as a new attempt, if the engine fails."""
    for number in itertools.count(1):
        try:
            result = yield from once(fresh_id(room.context, stem))
            if blameless(result):
                demand_room(room.context, room.sandbox)
            return result
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
