"""A node of the search tree, and the fixed-point numbers that its statistics are kept in."""

from __future__ import annotations

import math

from runner.model import Decision, Metric, Outcome, Snapshot

_ONE = 1 << 32  # fixed point: integers of 2**-32, so that sums don't depend on their order
_UNKNOWN_SD = 0.1  # of a gain from one pair, which has no interval: a noisy benchmark's
_INTERVAL_SDS = 2 * 1.959964  # the width of a 95 % interval of a normal law, in deviations


def fixed(value: float) -> int:
    """``value`` as a multiple of 2**-32. Integer sums are exact under any order of addition."""
    return round(value * _ONE)


def real(value: int) -> float:
    """The number that ``fixed`` made ``value`` of."""
    return value / _ONE


class Node:
    """One state, owned by its ``Tree``; read it anywhere, change it nowhere else.

    ``state`` is the state's key: bit i is set if action i is in effect; above those bits stands
    the index of ``lineage``, the last node of the path that an open-ended action made (the root
    if there is none). ``value`` is L(s), the gain from the root in log units; it is 0 for the
    root and meaningless until ``observations`` > 0. ``visits`` and ``reward`` include the whole
    subtree, ``in_flight`` too.
    """

    __slots__ = (
        "actions",
        "attempts",
        "children",
        "commit",
        "decision",
        "expected_gain",
        "failures",
        "first",
        "first_reward",
        "in_flight",
        "index",
        "label",
        "last_child",
        "lineage",
        "metrics",
        "observation_sum",
        "observations",
        "open",
        "outcome",
        "parent",
        "peak",
        "reward_sum",
        "rounds",
        "snapshot",
        "state",
        "tree_id",
        "twin",
        "value",
        "variance_sum",
        "visits",
    )

    def __init__(self, index: int, label: str, parent: Node | None) -> None:
        self.index = index
        self.label = label
        self.parent = parent
        self.lineage: Node = self if parent is None else parent.lineage
        self.state = 0
        self.actions: tuple[int, ...] = ()  # of the edge from the parent, as action indexes
        self.children: list[int] = []
        self.last_child = 0  # the ordinal in the newest child's label
        self.expected_gain = 0.0
        self.open = False  # an attempt of this very node is in flight
        self.attempts = 0
        self.rounds = 0  # of an agent, in all attempts that were closed
        self.in_flight = 0
        self.visits = 0
        self.reward_sum = 0  # fixed point
        self.first_reward = 0  # fixed point, of the first visit
        self.observations = 0
        self.observation_sum = 0  # fixed point, of cumulative gains
        self.variance_sum = 0  # fixed point, of the observations' variances
        self.first = 0  # fixed point, the first observation: children build on it
        self.peak: int | None = None  # fixed point, the highest first observation below and here
        self.value = 0.0
        self.failures = 0
        self.outcome: Outcome | None = None
        self.decision: Decision | None = None
        self.twin = ""
        self.metrics: tuple[Metric, ...] = ()
        self.snapshot: Snapshot | None = None
        self.commit = ""
        self.tree_id = ""

    @property
    def started(self) -> int:
        """Expansions started from here, k(s), those in flight included."""
        return len(self.children)

    @property
    def reward(self) -> float:
        """The sum of the rewards of all visits here and below."""
        return real(self.reward_sum)

    @property
    def passed(self) -> bool:
        """Committed, and no later measurement found it failing."""
        return self.decision is Decision.COMMIT and self.failures == 0

    @property
    def mean(self) -> float:
        """The plain mean of the observations of L(s)."""
        return self.observation_sum / (self.observations * _ONE) if self.observations else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the mean of the observations, by their intervals."""
        return math.sqrt(real(self.variance_sum)) / max(self.observations, 1)

    def observe(self, gain: int, low: float, high: float) -> None:
        """Add an observation of L(s) (fixed point) whose measurement had this 95 % interval.

        L(s) is the mean of the observations, shrunk towards the parent's first one: with d their
        distance and v the variance of the mean, L = parent + d * d^2 / (d^2 + v), the smooth form
        of the James-Stein rule. It is scale-free, leaves exact measurements alone, and trusts a
        difference the more, the more often it was measured. It looks at the node's own
        observations and one constant only, so it is the same under any order of completion.
        """
        if self.observations == 0:
            self.first = gain
        self.observations += 1
        self.observation_sum += gain
        spread = (high - low) / _INTERVAL_SDS
        self.variance_sum += fixed((spread if math.isfinite(spread) else _UNKNOWN_SD) ** 2)
        base = real(self.parent.first) if self.parent is not None else 0.0
        distance = self.mean - base
        variance = real(self.variance_sum) / self.observations**2
        square = distance * distance
        self.value = base + (distance * square / (square + variance) if square > 0 else 0.0)
