"""What every selection policy is, and how one is made by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.errors import TaskError
from runner.model import Action
from runner.planner.memory import Memory
from runner.planner.reward import DEFAULT_THRESHOLDS, Thresholds
from runner.planner.tree import Choice, Tree

POLICIES = ("frontier", "ucb1", "greedy", "beam", "random")


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How to search. ``c`` weighs exploration in ``frontier``; ``beam_width`` is ``beam``'s."""

    policy: str = "frontier"
    seed: int = 0
    c: float = 0.2
    beam_width: int = 3
    thresholds: Thresholds = DEFAULT_THRESHOLDS


class Policy(Protocol):
    """Chooses what to do next. It reads the tree, never changes it, and keeps only what it can
    derive again from the tree: a new policy and a replayed tree go on as the old ones would have.
    """

    @property
    def name(self) -> str: ...

    def select(self, tree: Tree, progress: float) -> Choice | None:
        """The next choice, or ``None`` if there is none (yet). ``progress`` is the share of the
        budget that is used, 0 to 1."""

    def recommend(self, tree: Tree) -> str:
        """The label of the node to return if the search stopped now."""


def make_policy(
    name: str,
    actions: Sequence[Action],
    seed: int,
    settings: SearchSettings | None = None,
    memory: Memory | None = None,
) -> Policy:
    """The policy of this name. Raises ``TaskError`` if there is none.

    ``memory`` is what earlier searches have seen; only ``frontier`` makes use of it.
    """
    # Imported here because the policies' own modules need what stands above.
    from runner.planner.classic import Beam, Greedy, Random
    from runner.planner.frontier import Frontier
    from runner.planner.ucb1 import Ucb1

    settings = settings or SearchSettings()
    match name:
        case "frontier":
            return Frontier(actions, seed, settings.c, memory)
        case "ucb1":
            return Ucb1(seed)
        case "greedy":
            return Greedy(seed)
        case "beam":
            return Beam(seed, settings.beam_width)
        case "random":
            return Random(seed)
        case _:
            raise TaskError(f"policy: {name!r}; allowed: {', '.join(POLICIES)}")
