"""How much search there is: one loop of one agent first, a tree only where that isn't enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from runner.errors import TaskError
from runner.model import Action, ActionKind, JobKind, Mode, Outcome
from runner.planner.complexity import Complexity
from runner.planner.node import Node, real
from runner.planner.policy import Policy
from runner.planner.tree import Choice, Tree


class Stage(StrEnum):
    """Where a run stands between the single loop and the search."""

    SINGLE = "single"  # the loop is under way
    SEARCH = "search"
    SUFFICED = "sufficed"  # the loop has gained enough, and nothing more is begun
    GIVEN_UP = "given up"  # the loop has failed too often, and no search is wanted


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage, and in words why the run is in it."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class ModeSettings:
    """``auto`` begins with the single loop, and searches where the estimated complexity exceeds
    ``complexity``, or once more than ``reflections`` rounds have failed.

    ``min_gain`` (0.02: 2 % better than its parent) is what a node must have gained to be enough.
    With ``targets``, only those are enough, and it is the budget that knows.
    """

    mode: Mode = Mode.AUTO
    complexity: float = 0.8
    reflections: int = 3
    min_gain: float = 0.0
    targets: bool = False


class ByMode:
    """A policy behind a single loop: the first agent of ``actions``, alone at the best node, one
    attempt after the other, until it has gained enough or has failed too often.

    Where a run stands is read from the tree alone (the complexity is estimated once, before the
    run, and kept with it): a resumed run goes on as an undisturbed one. Once the search has begun
    it is never left again. Raises ``TaskError`` if mode ``single`` is asked for without an agent.
    """

    def __init__(
        self,
        policy: Policy,
        actions: Sequence[Action],
        settings: ModeSettings,
        complexity: Complexity | None = None,
    ) -> None:
        agents = [a for a in actions if a.kind is ActionKind.AGENT and a.open_ended]
        if settings.mode is Mode.SINGLE and not agents:
            raise TaskError(
                'mode: "single" is one loop of an agent, and no action is one; allowed: auto, mcts'
            )
        self._policy = policy
        self._agent = agents[0] if agents else None
        self._settings = settings
        self._complexity = complexity

    @property
    def name(self) -> str:
        return self._policy.name

    def select(self, tree: Tree, progress: float) -> Choice | None:
        match self.standing(tree).stage:
            case Stage.SEARCH:
                return self._policy.select(tree, progress)
            case Stage.SINGLE if self._agent and not tree.in_flight:
                keys = (self._agent.key,)
                return Choice(JobKind.EXPAND, tree.best, keys, self._agent.prior)
            case Stage.SINGLE | Stage.SUFFICED | Stage.GIVEN_UP:
                return None
            case stage:
                assert_never(stage)

    def recommend(self, tree: Tree) -> str:
        return self._policy.recommend(tree)

    def standing(self, tree: Tree) -> Standing:
        """Where the run stands. It changes with what is closed, and with nothing else."""
        settings = self._settings
        if settings.mode is Mode.MCTS:
            return Standing(Stage.SEARCH, "a search was asked for")
        if self._agent is None:
            return Standing(Stage.SEARCH, "no action is an agent")
        found = self._complexity
        if settings.mode is Mode.AUTO and found and found.score > settings.complexity:
            exceeds = f"{found.score:.2f} exceeds {settings.complexity:g}"
            return Standing(Stage.SEARCH, f"the estimated complexity {exceeds} ({found.why})")
        return self._loop(tree)

    def _loop(self, tree: Tree) -> Standing:
        """What came of the loop's attempts, up to the one that decided."""
        failed, limit = 0, self._settings.reflections
        for count, (index, _) in enumerate(tree.closings, start=1):
            node = tree.nodes[index]
            gained = self._gained(node)
            if gained and not self._settings.targets:
                attempts = f"{count} attempt{'s' * (count != 1)}"
                return Standing(
                    Stage.SUFFICED, f"the single loop sufficed: {node.label}, {attempts}"
                )
            failed += max(node.rounds, 1) - gained
            if failed > limit:
                reason = f"{failed} reflections failed, more than {limit}"
                over = self._settings.mode is Mode.SINGLE
                return Standing(Stage.GIVEN_UP if over else Stage.SEARCH, reason)
        return Standing(Stage.SINGLE, self._why_single(failed))

    def _gained(self, node: Node) -> bool:
        if not node.passed or node.outcome is not Outcome.IMPROVED or node.parent is None:
            return False
        return real(node.first - node.parent.first) >= math.log1p(self._settings.min_gain)

    def _why_single(self, failed: int) -> str:
        if failed:
            return f"{failed} of {self._settings.reflections + 1} reflections failed"
        if self._settings.mode is Mode.SINGLE:
            return "a single loop was asked for"
        found = self._complexity
        if found is None:
            return "the complexity is unknown"
        score = f"{found.score:.2f}, not above {self._settings.complexity:g}"
        return f"the estimated complexity is {score} ({found.why})"
