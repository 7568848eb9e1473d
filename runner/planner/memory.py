"""What earlier searches have seen, as a policy takes it in; and what of it this search can use.

Nothing here is taken for granted: the target may have changed, or the memory may be wrong. How far
it is believed is ``runner.planner.trust``'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runner.model import Action
from runner.planner.bits import bits
from runner.planner.blame import Blame
from runner.planner.surrogate import ByRows, Rows, Surrogate

_BESIDE_OWN = 0.25  # of an earlier observation's weight is left beside one of this search
_MOST_WEIGHT = 2.0  # of one state, however often it was seen: the model's misfit stays
_MOST_STATES = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """A state of an earlier search: the keys of the actions in effect, none of them open-ended, and
    its gain over that search's root in log units; ``None`` if it failed. ``weight`` is 1 for what was
    seen in the last search of the same target, and less for what is older or from elsewhere."""

    keys: frozenset[str]
    gain: float | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Used:
    """A proposal of an open-ended action: its strategy tag, how many of this tag stood above it on
    its path, and its gain over its parent; ``None`` if it failed, or repeated what was known."""

    tag: str
    before: int
    gain: float | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier searches have observed, in any order."""

    seen: tuple[Seen, ...] = ()
    used: tuple[Used, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.seen or self.used)


@dataclass(frozen=True, slots=True)
class Place:
    """A state that passed in an earlier search, by its bits, and its gain in log units."""

    state: int
    gain: float


class Remembered:
    """A memory in terms of the present actions. Observations that name others are left out, and
    several of one state become one: the mean of those that passed, if they weigh more than those
    that failed."""

    def __init__(self, actions: Sequence[Action], memory: Memory) -> None:
        self._priors = [action.prior for action in actions]
        passed, failed = _by_state(actions, memory.seen)
        self.places = tuple(sorted((Place(s, gain) for s, gain, _ in passed), key=_best_first))
        self.blame = Blame(len(actions))
        for state, _, _ in passed:
            self.blame.passing(bits(state, len(actions)))
        for state in failed:
            self.blame.failing(bits(state, len(actions)))
        self.rows = _rows(passed, len(actions))
        self.used = tuple(
            Used(u.tag, u.before, u.gain, _BESIDE_OWN * u.weight)
            for u in memory.used
            if u.weight > 0
        )

    def fit(self) -> ByRows | None:
        """The model of what was seen earlier alone; ``None`` if nothing passed."""
        return Surrogate(self._priors, self.rows).by_rows() if self.rows else None


def _best_first(place: Place) -> tuple[float, int]:
    return -place.gain, place.state


_Passed = list[tuple[int, float, float]]  # state, mean gain, weight


def _by_state(actions: Sequence[Action], seen: Sequence[Seen]) -> tuple[_Passed, list[int]]:
    """The states that passed, those of most weight first, and those that failed."""
    sums: dict[int, list[float]] = {}
    # Sorted, so that sums are rounded alike in any order.
    for state, gain, weight in sorted(_known(actions, seen), key=str):
        entry = sums.setdefault(state, [0.0, 0.0, 0.0])  # weights passed, of failures, and gains
        entry[gain is None] += weight
        entry[2] += 0.0 if gain is None else gain * weight
    passed = [
        (state, gains / weight, min(weight, _MOST_WEIGHT))
        for state, (weight, against, gains) in sums.items()
        if weight > against
    ]
    passed.sort(key=lambda each: (-each[2], -each[1], each[0]))
    failed = sorted(s for s, (weight, against, _) in sums.items() if against >= weight)
    return passed[:_MOST_STATES], failed[:_MOST_STATES]


def _known(
    actions: Sequence[Action], seen: Sequence[Seen]
) -> Iterator[tuple[int, float | None, float]]:
    """What is about states that the present actions can reach from the root."""
    place = {action.key: i for i, action in enumerate(actions) if not action.open_ended}
    for each in seen:
        if not each.keys or each.weight <= 0.0 or not each.keys <= place.keys():
            continue
        groups = [group for key in each.keys if (group := actions[place[key]].group)]
        if len(groups) == len(set(groups)):
            yield sum(1 << place[key] for key in each.keys), each.gain, each.weight


def _rows(passed: _Passed, actions: int) -> Rows | None:
    if not passed:
        return None
    x = np.array([bits(state, actions) for state, _, _ in passed], dtype=float)
    gains = np.array([gain for _, gain, _ in passed])
    return Rows(x, gains, _BESIDE_OWN * np.array([weight for _, _, weight in passed]))
