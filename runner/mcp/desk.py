"""The desk: what the tools can do in the world, one part for each group of tools.

All calls block, and one at a time is under way. What a part can't do it says as a ``DeskError``, in
words that an agent can act on. Of other errors an agent is told only that there was one: they are not
about its work, and may name things of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from runner.errors import OppieError, TaskError
from runner.mcp.results import (
    Benchmarked,
    ChecksResult,
    Choice,
    Compared,
    Features,
    Lessons,
    MyNode,
    Nodes,
    Presets,
    ReferencePrompt,
    Setup,
    Skeleton,
    Stored,
)

# True once nobody waits for the answer any more: what is under way is to be given up.
Over = Callable[[], bool]


class DeskError(OppieError):
    """What was asked for can't be done; the message says what can be done instead."""


class Group(StrEnum):
    """The groups of tools, each of which can be on or off."""

    TESTS = "tests"
    BENCHMARK = "benchmark"
    KNOWLEDGE = "knowledge"
    MODELS = "models"
    TREE = "tree"
    FEATURES = "features"


@dataclass(frozen=True, slots=True)
class Off:
    """In place of a part: its tools are not offered, and ``why`` completes "it is off here: "."""

    why: str


class TestsPart(Protocol):
    """What judges the agent's work, and how it stands."""

    def detect(self) -> Setup: ...

    def skeleton(self, framework: str, subject: str) -> Skeleton:
        """A test file for ``subject``, such as a function's name; ``framework`` may be ""."""

    def run(self, checks: tuple[str, ...], time_s: float, over: Over) -> ChecksResult:
        """Run these checks, or all if none is named, within ``time_s`` seconds for them all."""


class BenchmarkPart(Protocol):
    """What the agent's work is measured by."""

    def run(self, time_s: float, over: Over) -> Benchmarked: ...

    def compare(self, time_s: float, over: Over) -> Compared:
        """Compare the state with the one that the agent began from."""


class KnowledgePart(Protocol):
    """What earlier work has taught."""

    def similar(self, what: str, most: int) -> Lessons: ...

    def prompt(self, category: str) -> ReferencePrompt: ...

    def store(self, category: str, pattern: str, tags: tuple[str, ...]) -> Stored: ...


class ModelsPart(Protocol):
    """Which model is good at what."""

    def presets(self) -> Presets: ...

    def best(self, category: str, preset: str) -> Choice:
        """The best model of ``preset``, or of the usual one if it is "", for a category of work."""


class TreePart(Protocol):
    """Where the agent is in the search, and what was tried around it."""

    def node(self) -> MyNode: ...

    def siblings(self, most: int) -> Nodes: ...

    def failures(self, most: int) -> Nodes: ...


class FeaturesPart(Protocol):
    """A board on which the agents of one run see what the others work on."""

    def all(self) -> Features: ...

    def claim(self, name: str, note: str) -> Features: ...

    def update(self, name: str, note: str) -> Features: ...

    def done(self, name: str, note: str) -> Features: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """All parts. The fields are named like the groups."""

    tests: TestsPart | Off
    benchmark: BenchmarkPart | Off
    knowledge: KnowledgePart | Off
    models: ModelsPart | Off
    tree: TreePart | Off
    features: FeaturesPart | Off

    def part(self, group: Group) -> object:
        """The part of a group, or ``Off``."""
        return getattr(self, group.value)


def restricted(desk: Desk, groups: Set[Group]) -> Desk:
    """The desk with these groups alone, as a task may ask for."""
    off = Off("the task doesn't offer it")
    return replace(desk, **{group.value: off for group in Group if group not in groups})


def groups_named(names: tuple[str, ...], where: str) -> frozenset[Group]:
    """Groups by their names. Raises ``TaskError``, which begins with ``where``."""
    for name in names:
        if name not in set(Group):
            raise TaskError(f"{where} = {name!r}: allowed: {', '.join(Group)}")
    return frozenset(map(Group, names))
