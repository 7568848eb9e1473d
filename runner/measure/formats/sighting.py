"""A metric as a benchmark printed it, before anyone asks whether it may count."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER_CHARS = 64
_UNIT_CHARS = 32


class Rank(IntEnum):
    """What a number is worth beside the others of its name that the same tool prints. Tools print
    a number twice by design: rounded in a table and exactly in a document, or the runs one by one
    and then their median. The one of the highest rank counts."""

    SHOWN = 0  # in a table for people
    SHOWN_SUMMARY = 1  # a table's statistic over its other rows
    STATED = 2  # in a document, or on a line for programs
    STATED_SUMMARY = 3  # a document's statistic over its other numbers


# A log in JSON has several numbers on each of its lines: named tuples are made three times as fast
# as frozen dataclasses.
class Number(NamedTuple):
    """A finite number as it was printed, or the ``problem`` with it. ``place`` is what its last
    digit is worth (0.01 for ``2.50``); 0 where no digit was cut off."""

    value: float = math.nan
    place: float = 0.0
    problem: str = ""


class Sighting(NamedTuple):
    """A metric as it was printed: a number in a unit.

    ``shown`` is the number that the tool's own table has in its place, if that is another one: the
    mean where a document has the median. ``samples`` are the numbers behind it, in the same unit,
    as they were printed: nobody has looked at them yet. ``aside`` marks what can be asked for, but
    isn't offered to people: the second name of a number, or a statistic beside the one that
    matters.
    """

    name: str
    number: Number
    unit: str = ""
    shown: Number | None = None
    samples: Sequence[object] = ()
    rank: Rank = Rank.STATED
    aside: bool = False


def text_number(text: str) -> Number:
    """Read a number that was printed as text. It must be plain and decimal: no hexadecimal, no
    underscores, no other alphabet's digits, no ``inf``."""
    if len(text) > _NUMBER_CHARS:
        return Number(problem=f"has a value of {len(text)} characters")
    if not _NUMBER.fullmatch(text):
        return Number(problem=f"is not a finite decimal number: {quoted(text)}")
    value = float(text)
    if not math.isfinite(value):
        return Number(problem=f"is not finite: {quoted(text)}")
    return Number(value, _place(text))


def json_number(value: object) -> Number:
    """Read a number that was printed as JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Number(problem=f"is not a number: {quoted(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        return Number(problem=f"is not finite: {quoted(value)}")
    return Number(number)


def sighting(
    name: str,
    number: Number,
    unit: object = "",
    *,
    samples: Sequence[object] = (),
    rank: Rank = Rank.STATED,
    aside: bool = False,
) -> Sighting:
    """A metric whose unit nobody has looked at yet."""
    if not isinstance(unit, str) or len(unit) > _UNIT_CHARS:
        number = Number(problem=number.problem or f"has an unreadable unit {quoted(unit)}")
        unit = ""
    return Sighting(name, number, unit, samples=samples, rank=rank, aside=aside)


def failed(name: str, why: object, rank: Rank = Rank.STATED) -> Sighting:
    """A benchmark that has no number, because it failed."""
    return Sighting(name, Number(problem=f"failed: {quoted(why)}"), rank=rank)


def statistics_of(
    names: Iterable[str],
    numbers: Mapping[str, Number],
    main: str,
    unit: str,
    *,
    table: str = "",
    samples: Sequence[object] = (),
    rank: Rank = Rank.STATED,
) -> Iterator[Sighting]:
    """A benchmark's statistics under each of its names, of which the first is offered to people:
    ``name`` is the ``main`` statistic, ``name:mean`` and so on are all of them. ``table`` is the
    statistic that the tool's table shows under ``name``, if that is another one."""
    for index, name in enumerate(dict.fromkeys(names)):
        if main in numbers:
            shown = numbers.get(table)
            yield Sighting(name, numbers[main], unit, shown, samples, rank, index > 0)
        for statistic, number in numbers.items():
            yield Sighting(f"{name}:{statistic}", number, unit, rank=rank, aside=True)


def quoted(value: object) -> str:
    """What was printed, for a message: escaped, and not too long."""
    text = ascii(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _place(text: str) -> float:
    digits, _, exponent = text.lower().partition("e")
    power = int(exponent or 0) - len(digits.partition(".")[2])
    return 10.0 ** min(max(power, -320), 300)
