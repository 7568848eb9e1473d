"""One sign, one style and one word per state of a node.

The signs differ in shape and the word always stands beside them, so that nothing hangs on
telling colours apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from runner.model import ROOT, Outcome


@dataclass(frozen=True, slots=True)
class Sign:
    """How a node's state is drawn: on terminals that speak Unicode, on others, and its style."""

    glyph: str
    ascii_glyph: str
    style: str
    word: str

    def text(self, ascii_only: bool) -> str:
        return self.ascii_glyph if ascii_only else self.glyph


ROOT_SIGN = Sign("◆", "*", "bold", "root")
OPEN_SIGN = Sign("◌", "o", "bright_blue", "open")


def sign_of(label: str, outcome: Outcome | None) -> Sign:
    """The sign of a node; one without an outcome is open: an attempt of it has begun."""
    if label == ROOT:
        return ROOT_SIGN
    return OPEN_SIGN if outcome is None else outcome_sign(outcome)


def outcome_sign(outcome: Outcome) -> Sign:
    match outcome:
        case Outcome.IMPROVED:
            return Sign("▲", "+", "green", "improved")
        case Outcome.NEUTRAL:
            return Sign("≈", "~", "", "neutral")
        case Outcome.REGRESSED:
            return Sign("▼", "-", "yellow", "regressed")
        case Outcome.REJECTED:
            return Sign("✗", "x", "red", "rejected")
        case Outcome.FAILED:
            return Sign("✗", "x", "red", "failed")
        case Outcome.TIMEOUT:
            return Sign("✗", "x", "red", "timeout")
        case Outcome.OOM:
            return Sign("✗", "x", "red", "out of memory")
        case Outcome.DISK:
            return Sign("✗", "x", "red", "disk full")
        case Outcome.TAMPERED:
            return Sign("!", "!", "bold magenta", "tampered")
        case Outcome.DUPLICATE:
            return Sign("≡", "=", "cyan", "duplicate")
        case Outcome.BUDGET:
            return Sign("$", "$", "yellow", "money spent")
        case Outcome.INFRA:
            return Sign("·", ".", "dim", "engine trouble")
        case _:
            assert_never(outcome)
