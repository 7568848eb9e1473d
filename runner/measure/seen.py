"""The metrics that a program's output has, in bounded memory, whatever the output."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from runner.measure.formats.names import metric_name
from runner.measure.formats.sighting import Number, Rank, Sighting
from runner.measure.units import convert

MAX_SAMPLES = 10_000
_MAX_OTHERS = 50
_OFFERED = 5
_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """A metric: what one is to believe of it, the line where it was first seen, how many times it
    was printed, and the numbers behind it."""

    best: Sighting
    line: int
    count: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Samples:
    """The first ``MAX_SAMPLES`` of ``count`` numbers, as they were printed in a unit."""

    values: Sequence[object] = ()
    count: int = 0
    unit: str = ""


class _Group:
    """The sightings of one name by one tool at one rank."""

    def __init__(self, first: Sighting, line: int) -> None:
        # A tool's samples may be many: only those that are kept are held on to.
        kept = tuple(first.samples[:MAX_SAMPLES])
        self._printed = Samples(kept, len(first.samples), first.unit)
        self.first = first._replace(samples=())
        self.line = line
        self.count = 0
        self._values: list[float] = []
        self.add(first)

    def add(self, found: Sighting) -> None:
        if self.count and found.number.problem and self.first.number.problem:
            return  # a benchmark that fails in each of its repetitions has failed once
        self.count += 1
        value = convert(found.number.value, found.unit, self.first.unit)
        if len(self._values) < MAX_SAMPLES:
            self._values.append(math.nan if value is None else value)

    def samples(self) -> Samples:
        """What is behind the number: what was printed with it, or else the repeated numbers."""
        if self._printed.count or self.count == 1:
            return self._printed
        return Samples(self._values, self.count, self.first.unit)

    def bears_out(self, number: Number, unit: str) -> bool:
        """Whether ``number`` may be these numbers printed again, or their median or mean."""
        value = convert(number.value, unit, self.first.unit)
        if value is None:
            return False
        slack = self.first.number.place + 1e-6 * abs(value)
        return min(self._values) - slack <= value <= max(self._values) + slack


class Sightings:
    """Collects the sightings of the wanted ``names``, and a few of the other names."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        # By name, by tool, by rank.
        self._groups: dict[str, dict[str, dict[Rank, _Group]]] = {}
        self._others: dict[str, None] = {}

    def note(self, tool: str, found: Sighting, line: int) -> None:
        """Count a sighting by ``tool`` on a line."""
        name = found.name
        if name not in self._names:
            name = metric_name(name)
            if name not in self._names:
                self._note_other(name, found)
                return
        ranks = self._groups.setdefault(name, {}).setdefault(tool, {})
        group = ranks.get(found.rank)
        if group is None:
            ranks[found.rank] = _Group(found, line)
        else:
            group.add(found)

    def _note_other(self, name: str, found: Sighting) -> None:
        if (
            found.number.problem
            or found.aside
            or not found.name
            or len(self._others) >= _MAX_OTHERS
        ):
            return
        if not name:  # too long to be a metric's name
            name = ascii(found.name[:_SHOWN_CHARS])[1:-1] + "…"
        self._others[name] = None

    def of(self, name: str) -> Seen | None:
        """What there is of a metric. Two tools that print one name are one too many."""
        tools = [_of_tool(ranks) for ranks in self._groups.get(name, {}).values()]
        if not tools:
            return None
        if len(tools) == 1:
            return tools[0]
        line, count = min(seen.line for seen in tools), sum(seen.count for seen in tools)
        return replace(tools[0], line=line, count=count)

    def others_like(self, name: str) -> list[str]:
        """A few of the names that nobody wanted, the likeliest first."""
        matcher = difflib.SequenceMatcher(b=name)

        def likeness(other: str) -> float:
            matcher.set_seq1(other)
            return matcher.ratio()

        return sorted(self._others, key=likeness, reverse=True)[:_OFFERED]


def _of_tool(ranks: dict[Rank, _Group]) -> Seen:
    """What one tool says: the number of the highest rank, if the others bear it out."""
    groups = [ranks[rank] for rank in sorted(ranks, reverse=True)]
    best = groups[0].first
    counted = [groups[0], *(group for group in groups[1:] if _contradicts(group, best))]
    samples = (group.samples() for group in groups)
    return Seen(
        best,
        line=min(group.line for group in counted),
        count=sum(group.count for group in counted),
        samples=next((found for found in samples if found.count), Samples()),
    )


def _contradicts(group: _Group, best: Sighting) -> bool:
    """Whether a group of a lower rank is about another number than the best one."""
    if group.first.number.problem or best.number.problem:
        return False
    in_table = group.first.rank < Rank.STATED <= best.rank
    number = best.shown if in_table and best.shown else best.number
    return not group.bears_out(number, best.unit)
