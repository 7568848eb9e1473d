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

    def observe(self, gain: int) -> None:
        if self.observations == 0:
            self.gain_first = gain
        self.observations += 1
        self.gain_sum += gain


def rebuild(connection: sqlite3.Connection, run: int) -> None:
    """Recompute a run's statistics from its visits alone, within the caller's transaction."""
    labels = connection.execute("SELECT label FROM nodes WHERE run = ?", (run,))
    sums = {label: Sums() for (label,) in labels}
    for path, against, outcome, gain, reward in connection.execute(_VISITS, (run,)):
        steps = path.split(" ")
        for label in steps:
            sums[label].visits += 1
            sums[label].reward_micro += reward_micro(reward)
        if gain is not None and outcome in MEASURED:
            sums[steps[-1]].observe(sums[against].gain_first + gain_fixed(gain))
    connection.executemany(
        _UPDATE,
        (
            (s.visits, s.reward_micro, s.observations, s.gain_sum, s.gain_first, run, label)
            for label, s in sums.items()
        ),
    )


_VISITS = """
SELECT v.path, a.against, v.outcome, v.gain, v.counted_reward
FROM visits v JOIN attempts a ON a.id = v.attempt
WHERE v.run = ? ORDER BY v.closed
"""
_UPDATE = """
UPDATE nodes SET visits = ?, reward_micro = ?, observations = ?, gain_sum = ?, gain_first = ?
WHERE run = ? AND label = ?
"""
