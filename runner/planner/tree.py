"""The search tree: what was tried, what is being tried, and what came of it.

It is changed by ``open`` (or ``adopt``, when a journal is replayed) and ``close`` only, in
O(depth) each. All sums are integers, so the same visits give the same statistics whatever the
order in which they are completed. What changed is appended to ``changes``, which policies read
with a cursor of their own whenever they select: a policy can be rebuilt from a tree at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.errors import TaskError
from runner.model import (
    ROOT,
    Action,
    Closed,
    Decision,
    Expansion,
    Job,
    JobKind,
    Metric,
    Outcome,
    State,
)
from runner.planner.node import Node, fixed, real
from runner.planner.ranking import Ranking
from runner.planner.states import States

_MEASURED = (Outcome.IMPROVED, Outcome.NEUTRAL, Outcome.REGRESSED, Outcome.REJECTED)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy wants done: expand the node ``label`` by ``actions``, or measure it again.

    ``actions`` are action keys, applied in order in one container; empty for a re-measurement.
    ``expected_gain`` is the policy's guess, in log units, relative to the node.
    """

    kind: JobKind
    label: str
    actions: tuple[str, ...] = ()
    expected_gain: float = 0.0


class Tree:
    """All nodes of one search. ``root`` is the untouched target, which counts as measured.

    Raises ``TaskError`` if two actions share a key.
    """

    def __init__(
        self, root: State, actions: Sequence[Action], root_metrics: tuple[Metric, ...] = ()
    ) -> None:
        self.actions = tuple(actions)
        self.nodes: list[Node] = []
        self.changes: list[int] = []  # indexes of nodes that were opened, closed or expanded
        # What was closed, in order: the node's index, and the observation that was made of it
        # (its twin's, for a duplicate) in fixed point; None if it failed.
        self.closings: list[tuple[int, int | None]] = []
        self.in_flight = 0
        self.evaluations = 0
        self.snapshot_bytes = 0
        self.container_s = 0.0
        self.cost_usd = 0.0
        self._by_label: dict[str, Node] = {}
        self._by_state: dict[int, Node] = {}
        self._ranking = Ranking(self.nodes)
        self.states = States(self.actions)
        node = Node(0, root.label, None)
        node.outcome, node.decision = Outcome.NEUTRAL, Decision.COMMIT
        node.metrics, node.snapshot = root_metrics, root.snapshot
        node.commit, node.tree_id = root.commit, root.tree_id
        self._add(node)
        self._ranking.add(node)
        self.changes.append(0)

    # Reading

    @property
    def root(self) -> Node:
        return self.nodes[0]

    @property
    def started(self) -> int:
        """Evaluations started, those in flight included."""
        return self.evaluations + self.in_flight

    @property
    def best(self) -> str:
        """The label of the node with the highest L among those that passed; ties go to the older.

        It is the root unless something measured better.
        """
        return self._ranking.first().label

    def top(self, count: int) -> list[Node]:
        """The ``count`` nodes of highest L among those that passed, best first."""
        return self._ranking.top(count)

    def node(self, label: str) -> Node:
        """The node of this label; ``KeyError`` if there is none."""
        return self._by_label[label]

    def path(self, label: str) -> tuple[str, ...]:
        """The labels from the root to this node."""
        return tuple(reversed([node.label for node in _upwards(self._by_label[label])]))

    def is_open(self, label: str) -> bool:
        """Whether an attempt of this very node is in flight."""
        node = self._by_label.get(label)
        return node is not None and node.open

    def at(self, state: int) -> Node | None:
        """The node that was opened for this state, or ``None``."""
        return self._by_state.get(state)

    def added(self, node: Node) -> int:
        """The actions in effect that were added since the node's lineage, as bits."""
        return self.states.added(node.state, node.lineage.state)

    def untried(self, node: Node) -> list[int]:
        """Indexes of the actions that lead from ``node`` to a state nobody has opened.

        Open-ended actions always do.
        """
        return self.states.untried(node.state, self._by_state)

    def state_of(self, node: Node) -> State:
        """What a worker must know of the node."""
        return State(node.label, node.snapshot, node.commit, node.tree_id)

    # Changing

    def open(self, choice: Choice) -> Job:
        """Count a choice as in flight and make the job for it. The state is claimed from now on.

        Raises ``ValueError`` if the node can't be started from, is being measured already, or
        the choice leads to a known state.
        """
        origin = self._by_label[choice.label]
        if not origin.passed:
            raise ValueError(f"{choice.label} has no snapshot to start from")
        if choice.kind is JobKind.REMEASURE:
            if origin.open or origin.parent is None:
                raise ValueError(f"{choice.label} is being measured, or is the root")
            self._start(origin, origin.attempts + 1)
            return self._job(origin, JobKind.REMEASURE, origin.attempts)
        label = f"{choice.label}.{origin.last_child + 1}"
        actions = tuple([self.states.index[key] for key in choice.actions])
        child = self._grow(origin, label, actions)
        child.expected_gain = choice.expected_gain
        self._start(child, 1)
        return self._job(child, JobKind.EXPAND, 1)

    def reopen(self, job: Job) -> Job:
        """The next attempt of a job that came to nothing; it stays in flight."""
        node = self._by_label[job.label]
        if not node.open:
            raise ValueError(f"{job.label} is not in flight")
        node.attempts += 1
        return self._job(node, job.kind, node.attempts)

    def adopt(self, job: Job) -> None:
        """Open exactly this job, as the journal has it; a further attempt of an open one too.

        Raises ``TaskError`` if the job's actions are not among the tree's, ``ValueError`` if it
        can't follow from what was adopted before.
        """
        node = self._by_label.get(job.label)
        if node is None:
            origin = self._by_label[job.label.rpartition(".")[0]]
            node = self._grow(origin, job.label, self._indexes(job))
            node.expected_gain = job.expected_gain
        elif node.open:
            node.attempts = max(node.attempts, job.number)
            return
        elif job.kind is JobKind.EXPAND:
            raise ValueError(f"{job.label} was closed before")
        self._start(node, job.number)

    def close(self, expansion: Expansion) -> Closed:
        """Count a completed attempt: in-flight down, a visit and its reward up the path.

        An observation of L(s) is ``gain`` plus the *first* observation of the node it was
        measured against (0 for the root): fixed before the job was opened, and so independent of
        what completes when. Raises ``ValueError`` if the attempt is not in flight, or tells
        neither a reward nor a twin.
        """
        reward = self.settle(expansion)
        return Closed(expansion, real(reward), self.path(expansion.job.label), self.best)

    def settle(self, expansion: Expansion) -> int:
        """``close``, without telling what came of it; returns the reward in fixed point. A journal
        of many nodes is replayed by it. Raises as ``close`` does."""
        node = self._by_label[expansion.job.label]
        if not node.open:
            raise ValueError(f"{expansion.job.label} is not in flight")
        reward = self._reward_of(expansion)
        self.closings.append((node.index, self._learn(node, expansion)))
        if node.visits == 0:
            node.first_reward = reward
        node.open = False
        node.rounds += len(expansion.rounds)
        self.in_flight -= 1
        self.evaluations += 1
        self.container_s += expansion.container_s
        self.cost_usd += expansion.spending.cost_usd or 0.0
        peak = node.first if node.observations else None
        step: Node | None = node
        while step is not None:
            step.in_flight -= 1
            step.visits += 1
            step.reward_sum += reward
            if peak is not None and (step.peak is None or step.peak < peak):
                step.peak = peak
            step = step.parent
        self.changes.append(node.index)
        return reward

    # Inside

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self._by_label[node.label] = node
        self._by_state.setdefault(node.state, node)

    def _indexes(self, job: Job) -> tuple[int, ...]:
        for action in job.actions:
            if action.key not in self.states.index:
                raise TaskError(
                    f"action {action.key!r} of node {job.label} is not in the catalogue"
                )
        return tuple([self.states.index[action.key] for action in job.actions])

    def _grow(self, origin: Node, label: str, actions: tuple[int, ...]) -> Node:
        child = Node(len(self.nodes), label, origin)
        state = origin.state
        for action in actions:
            if self.states.is_open_ended(action):
                child.lineage = child
                state = self.states.branched(state, child.index)
            else:
                state = self.states.after(state, action)
        if state in self._by_state:
            raise ValueError(f"{label} would be the known state {self._by_state[state].label}")
        child.state, child.actions = state, actions
        origin.children.append(child.index)
        origin.last_child = max(origin.last_child, int(label.rpartition(".")[2]))
        self._add(child)
        self.changes.append(origin.index)
        return child

    def _start(self, node: Node, number: int) -> None:
        node.open = True
        node.attempts = max(node.attempts, number)
        self.in_flight += 1
        step: Node | None = node
        while step is not None:
            step.in_flight += 1
            step = step.parent
        self.changes.append(node.index)

    def _job(self, node: Node, kind: JobKind, number: int) -> Job:
        if kind is JobKind.REMEASURE or node.parent is None:
            here, root = self.state_of(node), self.state_of(self.root)
            return Job(kind, node.label, number, here, root, (), 0.0)
        parent = self.state_of(node.parent)
        actions = tuple([self.actions[i] for i in node.actions])
        return Job(kind, node.label, number, parent, parent, actions, node.expected_gain)

    def _reward_of(self, expansion: Expansion) -> int:
        if expansion.reward is not None:
            return fixed(expansion.reward)
        twin = self._by_label.get(expansion.twin)
        if twin is self.root:
            return 0  # an action that changed nothing gained nothing
        if twin is None or twin.visits == 0:
            raise ValueError(f"{expansion.job.label} has neither a reward nor a twin with one")
        return twin.first_reward

    def _learn(self, node: Node, expansion: Expansion) -> int | None:
        measured = expansion.outcome in _MEASURED
        if expansion.job.kind is JobKind.EXPAND:
            node.outcome, node.decision = expansion.outcome, expansion.decision
            node.commit, node.tree_id = expansion.commit, expansion.tree_id
            node.twin = expansion.twin
            if expansion.decision is Decision.COMMIT and expansion.snapshot is not None:
                node.snapshot = expansion.snapshot
                self.snapshot_bytes += expansion.snapshot.size_bytes
        elif not measured:
            node.failures += 1
        if node.twin:
            twin = self._by_label[node.twin]
            return twin.first if twin.observations or twin is self.root else None
        measurement = expansion.measurement
        if not measured or measurement is None:
            return None
        node.metrics = measurement.metrics
        against = self._by_label[expansion.job.against.label]
        gain = against.first + fixed(measurement.gain)
        node.observe(gain, measurement.low, measurement.high)
        if node.passed:
            self._ranking.add(node)
        return gain


def _upwards(node: Node | None) -> Iterator[Node]:
    while node is not None:
        yield node
        node = node.parent


__all__ = ["ROOT", "Choice", "Node", "Tree"]
