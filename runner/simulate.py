"""Searching a recorded space: the very same ``search()``, with a pool that has no containers."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from runner.model import (
    ROOT,
    Closed,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Metric,
    Outcome,
    Phase,
    State,
    Stopped,
)
from runner.planner.budget import Budget, BudgetLimits
from runner.planner.policy import Policy, SearchSettings, make_policy
from runner.planner.reward import DEFAULT_THRESHOLDS, Thresholds, judge, verdict_of
from runner.planner.space import Space
from runner.planner.tree import Tree
from runner.search import search

_HALF_INTERVAL = 1.959964  # of a 95 % interval, in standard deviations


class SpacePool:
    """``workers`` imaginary workers over a space, in virtual time; deterministic for a seed.

    Jobs take a random time each, so they are completed out of order, as real ones are. One
    measurement is ``true * exp(N(0, noise))``; a node's gain compares its own with what its
    parent once measured, and the 95 % interval follows from the known noise of both.
    """

    def __init__(
        self,
        space: Space,
        workers: int,
        seed: int,
        thresholds: Thresholds = DEFAULT_THRESHOLDS,
    ) -> None:
        self._space = space
        self._workers = workers
        self._thresholds = thresholds
        self._random = random.Random(f"pool {seed}")
        self._groups = {a.key: a.group for a in (*space.actions, *space.drawn) if a.group}
        self._states: dict[str, tuple[str, ...]] = {ROOT: ()}
        self._labels: dict[frozenset[str], str] = {frozenset(): ROOT}
        self._logs: dict[str, float] = {ROOT: 0.0}  # label -> first observed gain from the root
        self._now_s = 0.0
        self._count = 0
        self._queue: list[tuple[float, int, Expansion]] = []

    @property
    def workers(self) -> int:
        return self._workers

    @property
    def now_s(self) -> float:
        """The virtual time."""
        return self._now_s

    def state(self, label: str) -> tuple[str, ...]:
        """The keys in effect at a node, in the order in which they were applied."""
        return self._states[label]

    def submit(self, job: Job, delay_s: float = 0.0) -> None:
        expansion = self._expand(job)
        end_s = self._now_s + delay_s + self._random.uniform(0.5, 1.5)
        heapq.heappush(self._queue, (end_s, self._count, expansion))
        self._count += 1

    def take(self) -> Phase | Expansion | Stopped:
        self._now_s, _, expansion = heapq.heappop(self._queue)
        return expansion

    def _expand(self, job: Job) -> Expansion:
        if job.kind is JobKind.EXPAND:
            state = self._apply(job)
            self._states[job.label] = state
            twin = self._labels.setdefault(frozenset(state), job.label)
            if twin != job.label:
                verdict = verdict_of(Outcome.DUPLICATE, self._thresholds)
                reason = f"the same state as {twin}"
                return Expansion(
                    job, verdict.outcome, verdict.decision, verdict.reward, reason, twin=twin
                )
        return self._measure(job)

    def _apply(self, job: Job) -> tuple[str, ...]:
        state = list(self._states[job.origin.label])
        for action in job.actions:
            key = self._propose(action.key, state) if action.open_ended else action.key
            group = self._groups.get(key, "")
            state = [k for k in state if k != key and not (group and self._groups.get(k) == group)]
            state.append(key)
        return tuple(state)

    def _propose(self, action: str, state: Sequence[str]) -> str:
        proposals = self._space.proposals[action]
        fresh = [key for key in proposals if key not in state]
        return self._random.choice(fresh or proposals)

    def _measure(self, job: Job) -> Expansion:
        space = self._space
        value = space.value(self._states[job.label])
        if value is None:
            verdict = verdict_of(Outcome.FAILED, self._thresholds)
            return Expansion(
                job, verdict.outcome, verdict.decision, verdict.reward, "the state fails"
            )
        observed = value * math.exp(self._random.gauss(0.0, space.noise))
        log = space.gain(observed)
        self._logs.setdefault(job.label, log)
        gain = log - self._logs[job.against.label]
        half = _HALF_INTERVAL * space.noise * math.sqrt(2.0)
        name, unit = space.metric.name, space.metric.unit
        measurement = Measurement(
            gain, gain - half, gain + half, 1, (Metric(name, observed, unit),)
        )
        verdict = judge(measurement, self._thresholds)
        return Expansion(job, verdict.outcome, verdict.decision, verdict.reward, "", measurement)


class Forgetful:
    """A journal that keeps nothing."""

    def intend(self, job: Job) -> None: ...

    def record(self, closed: Closed) -> None: ...

    def abandon(self, expansion: Expansion) -> None: ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One completed evaluation. Values are in the metric's unit; ``None`` for a failing state,
    and nothing is ``observed`` of a duplicate. ``recommended`` is the state that would be
    returned if the search stopped here."""

    n: int
    state: tuple[str, ...]
    observed: float | None
    true: float | None
    outcome: Outcome
    recommended: tuple[str, ...]
    recommended_true: float


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a search of a space did. Gains are log-ratios over the root; ``regret`` is the best
    reachable gain less the gain of what was recommended at the end."""

    policy: str
    seed: int
    workers: int
    stop: Stopped
    evaluations: tuple[Evaluation, ...]
    best_state: tuple[str, ...]
    best_gain: float
    final_gain: float

    @property
    def regret(self) -> float:
        return self.best_gain - self.final_gain


def simulate(
    space: Space,
    policy: str,
    nodes: int,
    parallel: int,
    seed: int,
    settings: SearchSettings | None = None,
) -> SimulationResult:
    """Search a space with a budget of ``nodes`` evaluations and ``parallel`` workers.

    Raises ``TaskError`` for an unknown policy.
    """
    settings = settings or SearchSettings()
    return simulate_policy(
        space, make_policy(policy, space.actions, seed, settings), nodes, parallel, seed, settings
    )


def simulate_policy(
    space: Space,
    policy: Policy,
    nodes: int,
    parallel: int,
    seed: int,
    settings: SearchSettings | None = None,
) -> SimulationResult:
    """``simulate`` for a policy that is made already (it must be new)."""
    thresholds = settings.thresholds if settings else DEFAULT_THRESHOLDS
    tree = Tree(State(ROOT), space.actions, (Metric(space.metric.name, space.root),))
    pool = SpacePool(space, parallel, seed, thresholds)
    budget = Budget(BudgetLimits(nodes=nodes), lambda: pool.now_s)
    evaluations: list[Evaluation] = []
    for event in search(tree, policy, budget, pool, Forgetful()):
        if isinstance(event, Closed):
            label = policy.recommend(tree)
            evaluations.append(_evaluation(len(evaluations) + 1, event, label, space, pool))
        elif isinstance(event, Stopped):
            stop = event
    best, value = space.best()
    final = space.value(pool.state(policy.recommend(tree)))
    assert final is not None  # a policy recommends what passed
    return SimulationResult(
        policy.name,
        seed,
        parallel,
        stop,
        tuple(evaluations),
        tuple(sorted(best)),
        space.gain(value),
        space.gain(final),
    )


def _evaluation(n: int, closed: Closed, label: str, space: Space, pool: SpacePool) -> Evaluation:
    expansion = closed.expansion
    state = pool.state(expansion.job.label)
    measurement = expansion.measurement
    recommended = pool.state(label)
    value = space.value(recommended)
    assert value is not None  # a policy recommends what passed
    return Evaluation(
        n,
        state,
        measurement.metrics[0].value if measurement else None,
        space.value(state),
        expansion.outcome,
        recommended,
        value,
    )
