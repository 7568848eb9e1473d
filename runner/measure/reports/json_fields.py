"""Fields of a JSON object by their type: what isn't of it counts as not there."""

from __future__ import annotations

from collections.abc import Mapping


def text_of(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def number_of(fields: Mapping[str, object], key: str) -> float | None:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return None


def texts_of(fields: Mapping[str, object], key: str) -> list[str]:
    value = fields.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def objects_of(fields: Mapping[str, object], key: str) -> list[dict[str, object]]:
    value = fields.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def object_of(fields: Mapping[str, object], key: str) -> dict[str, object]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def seconds_of(fields: Mapping[str, object], key: str) -> float | None:
    """Milliseconds as seconds."""
    value = number_of(fields, key)
    return None if value is None else value / 1000
