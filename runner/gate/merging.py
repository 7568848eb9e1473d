"""What a branch becomes with a node's change, judged against the branch as it is now."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from runner.evidence import Prepared
from runner.expand.inspect import inspect
from runner.expand.judging import Failure, Meter, Trial
from runner.expand.verify import conclude, costed
from runner.gate.clean_room import CleanRoom, Judged, paired, patiently
from runner.measure.loaders import Sources
from runner.measure.plan import Plan
from runner.model import Outcome, Phase, Verdict, Verified


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of examining a merge. ``rejection`` is "" if it may land; ``log`` is the folder in
    which everything that was run has left its output."""

    verified: Verified
    rejection: str
    log: str


def examine_merge(
    room: CleanRoom, prepared: Prepared, plan: Plan, *, gain_needed: bool = True
) -> Generator[Phase, None, Examined]:
    """Build the branch as it is and as it would be, and judge the second against the first.

    The branch may have gone on since the run began: its own checks and its own speed are what
    counts. Rejected is what fails, what is worse, and what shows no gain, unless ``gain_needed`` is
    false. Raises ``EngineError``.
    """
    label, meter = prepared.label, Meter()
    attempts: list[str] = []

    def once(attempt_id: str) -> Judged:
        attempts.append(attempt_id)
        return _judged(room, prepared, room.trial(attempt_id, label, meter), plan)

    yield Phase(label, "merge.started", {"branch": prepared.branch, "files": len(prepared.paths)})
    result = yield from patiently(room, label, f"{label}-merge", once)
    found = costed(conclude(label, result, None), meter)
    rejection = _rejection(found, gain_needed)
    yield Phase(label, "merge.examined", {"verdict": str(found.verdict), "rejection": rejection})
    return Examined(found, rejection, str(room.context.attempt(attempts[-1]).folder))


def _judged(room: CleanRoom, prepared: Prepared, trial: Trial, plan: Plan) -> Judged:
    if reason := _tampering(room, prepared):
        return Failure(Outcome.TAMPERED, reason)
    result = yield from paired(room, trial, prepared.before, prepared.after, plan, anew=True)
    if isinstance(result, Failure) and result.of_baseline:
        return replace(result, reason=f"the branch itself, before the merge: {result.reason}")
    return result


def _tampering(room: CleanRoom, prepared: Prepared) -> str:
    """Whether the change touches what judges, as the branch has it."""
    manifest = room.context.evidence.manifest
    before, after = manifest(prepared.before), manifest(prepared.after)
    return inspect(room.context, Sources(before, {}), before, Sources(after, {})).tampered


def _rejection(found: Verified, gain_needed: bool) -> str:
    match found.verdict:
        case Verdict.IMPROVED:
            return ""
        case Verdict.NO_DIFFERENCE if not gain_needed:
            return ""
        case Verdict.NO_DIFFERENCE:
            return "no difference to the branch as it is now could be shown"
        case Verdict.WORSE:
            return "it makes the branch as it is now worse"
        case Verdict.FAILED | Verdict.NOT_REPRODUCED | Verdict.TAMPERED:
            return found.reason

