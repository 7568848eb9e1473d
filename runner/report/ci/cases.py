"""A run as test cases: what passed, what failed, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from runner.model import RunView, StopReason, Verdict, Verified
from runner.report.figures import gain_with_interval
from runner.report.summary import stop_words
from runner.report.text import clean

MESSAGE_LIMIT = 2000


class CaseState(StrEnum):
    """An error is the environment's fault; a failure is what was judged."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was judged. ``suite`` and ``name`` together are its name, and stay the same in
    the next run; ``message`` says why it is what it is. ``label`` is the node's, if it is one."""

    suite: str
    name: str
    state: CaseState
    message: str = ""
    seconds: float | None = None
    label: str = ""


def cases_of(view: RunView) -> tuple[Case, ...]:
    """The run itself, its root, and its verifications.

    The verification that was chosen is the run's result, and fails unless it is an improvement. Of
    the others one that shows no difference is skipped: it harms nobody.
    """
    return (*_run(view), *_verifications(view))


def _run(view: RunView) -> Iterator[Case]:
    took = None if view.ended_at is None else view.ended_at - view.started_at
    if view.stop is StopReason.ROOT_FAILS:
        yield Case(
            "run", "the untouched target", CaseState.FAILED, clean(view.stop_detail, MESSAGE_LIMIT)
        )
        return
    yield Case("run", "the untouched target", CaseState.PASSED, "; ".join(_remarks(view)))
    if view.stop is None:
        yield Case("run", "search", CaseState.SKIPPED, "it has not ended", took)
        return
    broken = view.stop in (StopReason.ENVIRONMENT, StopReason.INTERRUPTED)
    state = CaseState.ERROR if broken else CaseState.PASSED
    yield Case("run", "search", state, stop_words(view.stop, view.stop_detail), took)
    if view.verified is None and not broken:
        yield Case("run", "result", CaseState.FAILED, "no candidate was verified")


def _remarks(view: RunView) -> Iterator[str]:
    return (clean(remark) for remark in view.remarks)


def _verifications(view: RunView) -> Iterator[Case]:
    chosen = view.verified
    found = view.verifications or ((chosen,) if chosen else ())
    result = max((at for at, each in enumerate(found) if _same(each, chosen)), default=-1)
    counted: dict[str, int] = {}
    for at, each in enumerate(found):
        counted[each.label] = counted.get(each.label, 0) + 1
        again = f" ({counted[each.label]})" if counted[each.label] > 1 else ""
        state = _state(each.verdict, is_result=at == result)
        yield Case("verification", each.label + again, state, said_of(each), each.container_s)


def _same(one: Verified, other: Verified | None) -> bool:
    """Branch and patch are added to the chosen one later."""
    mine = (one.label, one.verdict, one.measurement)
    return other is not None and mine == (other.label, other.verdict, other.measurement)


def _state(verdict: Verdict, *, is_result: bool) -> CaseState:
    match verdict:
        case Verdict.IMPROVED:
            return CaseState.PASSED
        case Verdict.NO_DIFFERENCE:
            return CaseState.FAILED if is_result else CaseState.SKIPPED
        case Verdict.WORSE | Verdict.NOT_REPRODUCED | Verdict.FAILED | Verdict.TAMPERED:
            return CaseState.FAILED
        case _:
            assert_never(verdict)


def said_of(found: Verified) -> str:
    """The verdict in one line: ``improved, +12.0 % [+8.1, +16.0], 12 pairs: why``."""
    measured = found.measurement
    numbers = f", {gain_with_interval(measured)}, {measured.pairs} pairs" if measured else ""
    return clean(
        f"{found.verdict}{numbers}{': ' if found.reason else ''}{found.reason}", MESSAGE_LIMIT
    )
