"""How hard a task looks, from what one can look up before anything is run.

The score is a sum of weighted features, each between 0 and 1 (``record`` between -1 and 1):

    score = sum over features of weight * feature,    at least 0

A count v becomes ln(1 + v) / ln(1 + full), at most 1: the step from 1 file to 2 says more than that
from 11 to 12. ``benchmarks.complexity`` fits the weights of the features that recorded spaces have,
such that a single loop is likelier not to be enough where the score exceeds 0.8, and prints how
often that is wrong. The weights of folders and of the history are assumptions: no recording has
more than one folder, or a history.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BELIEF = 2.0  # earlier runs that a record has to outweigh
_NAMED = 3  # features that explain a score
_LOOP = 3  # evaluations of a loop
_TELLING = 9  # evaluations of a run that says anything
_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Features:
    """What was looked up of a task.

    ``files`` are those that its requests name, or that a change is likely to touch (``how`` says
    which), in ``folders`` folders and with ``lines`` lines; ``tests`` is the number of test files
    that speak of them. ``commits``, ``authors`` and ``churn_lines`` (added and removed) are those of
    these files in the recent history; ``agents`` the number of actions that are agents. ``wins``
    are earlier runs over the target in which a loop would have been enough (``enough_of``),
    ``losses`` those in which it wouldn't.
    """

    files: int = 0
    folders: int = 0
    lines: int = 0
    tests: int = 0
    commits: int = 0
    authors: int = 0
    churn_lines: int = 0
    agents: int = 1
    wins: int = 0
    losses: int = 0
    how: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """A feature: from what count on it is 1, what one of it is called, and its weight."""

    full: int
    noun: str
    weight: float


SCALES: Mapping[str, Scale] = {
    "files": Scale(12, "file", 1.10),
    "folders": Scale(6, "folder", 0.05),
    "lines": Scale(4000, "line", 0.15),
    "tests": Scale(12, "test file", 0.10),
    "commits": Scale(100, "recent commit", 0.10),
    "authors": Scale(8, "recent author", 0.05),
    "churn_lines": Scale(4000, "recently changed line", 0.05),
    "agents": Scale(4, "agent", 0.15),
}
RECORD_WEIGHT = 0.20


@dataclass(frozen=True, slots=True)
class Complexity:
    """``score`` is 0 or more, usually below 1; ``why`` names what weighs most in it."""

    score: float
    why: str


def complexity(features: Features) -> Complexity:
    """Estimate how hard a task is."""
    found = values(features)
    shares = {name: scale.weight * found[name] for name, scale in SCALES.items()}
    shares["record"] = RECORD_WEIGHT * found["record"]
    return Complexity(max(sum(shares.values()), 0.0), _why(features, shares))


def values(features: Features) -> dict[str, float]:
    """Each feature on its scale."""
    found = {
        name: min(math.log1p(max(getattr(features, name), 0)) / math.log1p(scale.full), 1.0)
        for name, scale in SCALES.items()
    }
    tries = features.wins + features.losses
    return found | {"record": (features.losses - features.wins) / (tries + _BELIEF)}


def enough_of(gains: Sequence[float | None]) -> bool | None:
    """Whether a loop would have been enough in a run that is over: one of its first three
    evaluations had 95 % of what it has reached in the end.

    ``gains`` are those of its evaluations over the root (log-ratios, ``None`` for a failure), in the
    order in which they were completed. ``None`` if there were too few to tell.
    """
    if len(gains) < _TELLING:
        return None
    reached = max((gain for gain in gains if gain is not None), default=0.0)
    first = max((gain for gain in gains[:_LOOP] if gain is not None), default=0.0)
    return reached <= 0.0 or first >= _SHARE * reached


def _why(features: Features, shares: Mapping[str, float]) -> str:
    """The counts that weigh most, most first."""
    told = {
        name: f"{getattr(features, name):,} {scale.noun}{'s' * (getattr(features, name) != 1)}"
        for name, scale in SCALES.items()
    }
    told["files"] = f"{told['files']} {features.how}".rstrip()
    tries = features.wins + features.losses
    told["record"] = f"one loop was enough in {features.wins} of {tries} earlier runs"
    weighing = sorted((name for name in shares if shares[name]), key=lambda n: -abs(shares[n]))
    return ", ".join(told[name] for name in weighing[:_NAMED]) or "nothing is known of it"
