"""JSON lines: an object a line, without a tool of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.measure.formats.json_values import as_list
from runner.measure.formats.sighting import Number, Sighting, json_number, sighting


def json_map(pairs: tuple[Any, ...]) -> Iterator[Sighting]:
    """``{"metric": "name", "value": 1.5, "unit": "us", "samples": [1.4, 1.6]}`` (or ``"name"``
    for ``"metric"``), or a map of names and numbers: ``{"name": 1.5, "other": 2}``."""
    values: dict[str, Any] = dict(pairs)
    name = values.get("metric", values.get("name"))
    if isinstance(name, str) and "value" in values:
        if len(pairs) > len(values):
            yield Sighting(name, Number(problem="is in a JSON object that has a key twice"))
        else:
            number, unit = json_number(values["value"]), values.get("unit", "")
            yield sighting(name, number, unit, samples=as_list(values.get("samples")))
        return
    for key, value in pairs:
        yield Sighting(key, json_number(value))
