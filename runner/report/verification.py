"""What was verified, beside what the search had estimated, in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from runner.model import ROOT, Outcome, RunView, Verdict, Verified
from runner.report.figures import count, duration, gain_with_interval, known, percent
from runner.report.glyphs import outcome_sign
from runner.report.text import clean

_REASON_LIMIT = 400
REMARK_LIMIT = 1000


def is_improvement(found: Verified | None) -> bool:
    """Whether an improvement may be claimed: a verdict without numbers is no evidence."""
    return found is not None and found.verdict is Verdict.IMPROVED and found.measurement is not None


def meaning(verdict: Verdict) -> str:
    """What a verdict means, as a clause."""
    match verdict:
        case Verdict.IMPROVED:
            return "better than the root: the interval excludes no gain"
        case Verdict.NO_DIFFERENCE:
            return "the interval holds 0: it may be no better than the root"
        case Verdict.WORSE:
            return "worse than the root: the interval excludes a gain"
        case Verdict.NOT_REPRODUCED:
            return (
                "what the search had measured is not in its recorded sources alone: it was luck, or "
                "lived in what was left elsewhere (a cache, the home folder, an installed program)"
            )
        case Verdict.FAILED:
            return "from its recorded sources it can't be set up, checked or measured"
        case Verdict.TAMPERED:
            return "its sources change what judges them"
        case _:
            assert_never(verdict)


def nearest_outcome(verdict: Verdict) -> Outcome:
    """The outcome that is closest to a verdict: for its colour, and for programs that were written
    before verdicts had words of their own."""
    match verdict:
        case Verdict.IMPROVED:
            return Outcome.IMPROVED
        case Verdict.NO_DIFFERENCE:
            return Outcome.NEUTRAL
        case Verdict.WORSE:
            return Outcome.REGRESSED
        case Verdict.NOT_REPRODUCED | Verdict.FAILED:
            return Outcome.FAILED
        case Verdict.TAMPERED:
            return Outcome.TAMPERED
        case _:
            assert_never(verdict)


def style_of(verdict: Verdict) -> str:
    """The style of a verdict on a terminal; the words say the same."""
    return outcome_sign(nearest_outcome(verdict)).style


def verified_words(found: Verified) -> str:
    """``improved, +25.0 % [+20.0, +30.0], 16 pairs, estimated +31.0 %``; without numbers, why."""
    return ", ".join([found.verdict.value, *numbers_of(found)])


def numbers_of(found: Verified) -> Iterator[str]:
    """The numbers behind a verdict, or what is known instead, and what the search had estimated."""
    if found.measurement is not None:
        yield gain_with_interval(found.measurement)
        yield count(found.measurement.pairs, "pair")
    elif found.reason:
        yield clean(found.reason, _REASON_LIMIT)
    if found.claimed is not None:
        yield f"estimated {percent(found.claimed)}"


def verifications_of(view: RunView, label: str) -> tuple[Verified, ...]:
    """All that came of verifying a node, in their order: `oppie verify` may have done it again."""
    found = tuple(each for each in view.verifications if each.label == label)
    chosen = view.verified  # of a run that kept no others
    return found or ((chosen,) if chosen is not None and chosen.label == label else ())


def verification_of(view: RunView, label: str) -> Verified | None:
    """What came of verifying a node the last time."""
    return next(reversed(verifications_of(view, label)), None)


def standing(view: RunView, label: str) -> str:
    """What marks a node among others, in few words; "" for most.

    ``best by estimate``, ``verified +25.0 %``, ``clean room: not reproduced``, or two of them.
    """
    found = verification_of(view, label)
    words = ["best by estimate"] if label == view.best and label != ROOT else []
    if found is not None and found.measurement is not None and is_improvement(found):
        words.append(f"verified {percent(found.measurement.gain)}")
    elif found is not None:
        words.append(f"clean room: {found.verdict}")
    return ", ".join(words)


def containers_words(container_s: float, saved_s: float) -> str:
    """``2:03 spent, 1:10 saved by stopping early``; "" where nothing is known."""
    if not known(container_s):
        return ""
    saved = f", {duration(saved_s)} saved by stopping early" if known(saved_s) else ""
    return f"{duration(container_s)} spent{saved}"


def remarks_of(view: RunView) -> list[str]:
    """What the root can't be relied on for, safe to show, a sentence each."""
    return [clean(remark, REMARK_LIMIT) for remark in view.remarks]
