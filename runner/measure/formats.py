"""The ways in which benchmarks print numbers, each read from one line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER_CHARS = 64
_UNIT_CHARS = 32
_GO = re.compile(r"(Benchmark[^ \t]*)[ \t]+[0-9]+((?:[ \t]+[^ \t]+[ \t]+[^ \t]+)+)")
_GO_PROCESSORS = re.compile(r"-[0-9]+$")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A metric as it was printed: a value in a unit, or the ``problem`` with it."""

    name: str
    value: float = math.nan
    unit: str = ""
    problem: str = ""


def text_sighting(name: str, text: str, unit: str = "") -> Sighting:
    """Read a value that was printed as text. It must be a plain decimal number: no hexadecimal,
    no underscores, no other alphabet's digits, no ``inf``."""
    if len(text) > _NUMBER_CHARS:
        return Sighting(name, problem=f"has a value of {len(text)} characters")
    if not _NUMBER.fullmatch(text):
        return Sighting(name, problem=f"is not a finite decimal number: {_shown(text)}")
    return _finite(name, float(text), text, unit)


def json_sighting(name: str, value: object, unit: object = "") -> Sighting:
    """Read a value that was printed as JSON. It must be a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Sighting(name, problem=f"is not a number: {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    return _finite(name, number, value, unit)


def _finite(name: str, value: float, printed: object, unit: object) -> Sighting:
    if not math.isfinite(value):
        return Sighting(name, problem=f"is not finite: {_shown(printed)}")
    if not isinstance(unit, str) or len(unit) > _UNIT_CHARS:
        return Sighting(name, problem=f"has an unreadable unit {_shown(unit)}")
    return Sighting(name, value, unit)


def metric_line(text: str) -> Iterator[Sighting]:
    """``METRIC name=value unit=us``, or several: ``METRIC a=1 unit=us b=2 unit=B c=3``.

    A unit belongs to the value before it. On a line with anything else in it, no value counts.
    """
    words = text.split()
    if not words or words[0] != "METRIC":
        return
    found: list[tuple[str, str, str]] = []
    broken = ""
    for word in words[1:]:
        name, equals, value = word.rpartition("=")
        if name == "unit" and found and not found[-1][2]:
            found[-1] = (*found[-1][:2], value)
        elif equals and name != "unit":
            found.append((name, value, ""))
        else:
            broken = broken or word
    for name, value, unit in found:
        if broken:
            yield Sighting(name, problem=f"is on a METRIC line with a stray {_shown(broken)}")
        else:
            yield text_sighting(name, value, unit)


def json_line(text: str) -> Iterator[Sighting]:
    """``{"metric": "name", "value": 1.5, "unit": "us"}`` (or ``"name"`` for ``"metric"``), or a
    map of names and numbers: ``{"name": 1.5, "other": 2}``."""
    if not (text.startswith("{") and text.endswith("}")):
        return
    pairs = parse_json(text)
    if not isinstance(pairs, tuple):
        return
    keys = [key for key, _ in pairs]
    values: dict[str, Any] = dict(pairs)
    name = values.get("metric", values.get("name"))
    if isinstance(name, str) and "value" in values:
        if len(keys) > len(values):
            yield Sighting(name, problem="is in a JSON object that has a key twice")
        else:
            yield json_sighting(name, values["value"], values.get("unit", ""))
        return
    for key, value in pairs:
        yield json_sighting(key, value)


def go_line(text: str) -> Iterator[Sighting]:
    """``BenchmarkX-8  1000  123 ns/op  16 B/op``: ``BenchmarkX`` in ns, ``BenchmarkX:B/op``, and
    the same with the number of processors, as in ``BenchmarkX-8``."""
    match = _GO.fullmatch(text.strip())
    if not match:
        return
    full = match[1]
    words = match[2].split()
    for name in dict.fromkeys((full, _GO_PROCESSORS.sub("", full))):
        for value, unit in zip(words[::2], words[1::2], strict=True):
            if unit == "ns/op":
                yield text_sighting(name, value, "ns")
            else:
                yield text_sighting(f"{name}:{unit}", value, unit)


def parse_json(text: str) -> Any:
    """A JSON value, its objects as tuples of pairs, so that a key that is there twice shows;
    ``None`` if it is none."""
    try:
        return json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:40] + "…"
