"""What the visits add up to, node by node: recomputed here, and kept up to date by the journal.

An observation of a node's gain is the measured gain plus the *first* observation of the node that
it was measured against (0 for the root), as the planner's tree has it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from runner.model import Outcome
from runner.store.codec import gain_fixed, reward_micro

MEASURED = frozenset({Outcome.IMPROVED, Outcome.NEUTRAL, Outcome.REGRESSED, Outcome.REJECTED})


@dataclass(slots=True)
class Sums:
    """A node's statistics; the columns of the same names."""

    visits: int = 0
    reward_micro: int = 0
    observations: int = 0
    gain_sum: int = 0
    gain_first: int = 0

    def columns(self) -> tuple[int, ...]:
        return (
            self.visits, self.reward_micro, self.observations, self.gain_sum, self.gain_first,
        )  # fmt: skip

    def observe(self, gain: int) -> None:
        if self.observations == 0:
            self.gain_first = gain
        self.observations += 1
        self.gain_sum += gain


def rebuild(connection: sqlite3.Connection, run: int) -> int:
    """Recompute a run's statistics from its visits alone, within the caller's transaction.

    Returns how many nodes had others.
    """
    held = connection.execute(_HELD, (run,)).fetchall()
    sums = {label: Sums() for _, label, *_ in held}
    for label, against, outcome, gain, reward in connection.execute(_VISITS, (run,)):
        own = sums[label]
        own.visits += 1
        own.reward_micro += reward_micro(reward)
        if gain is not None and outcome in MEASURED:
            own.observe(sums[against].gain_first + gain_fixed(gain))
    # A node has its row before its children have theirs, so backwards each sum is complete when
    # it is added to its parent's.
    for _, label, *_ in reversed(held):
        parent = sums.get(label.rpartition(".")[0])
        if parent is not None:
            parent.visits += sums[label].visits
            parent.reward_micro += sums[label].reward_micro
    wrong = [
        (*columns, node)
        for node, label, *before in held
        if (columns := sums[label].columns()) != tuple(before)
    ]
    connection.executemany(_UPDATE, wrong)
    return len(wrong)


_HELD = """
SELECT id, label, visits, reward_micro, observations, gain_sum, gain_first
FROM nodes WHERE run = ? ORDER BY id
"""
_VISITS = """
SELECT n.label, a.against, v.outcome, v.gain, v.counted_reward
FROM visits v JOIN attempts a ON a.id = v.attempt JOIN nodes n ON n.id = a.node
WHERE v.run = ? ORDER BY v.closed
"""
_UPDATE = """
UPDATE nodes SET visits = ?, reward_micro = ?, observations = ?, gain_sum = ?, gain_first = ?
WHERE id = ?
"""
