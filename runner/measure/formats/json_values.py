"""JSON whose shape is not to be trusted: an object may have a key twice, and be anything."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from typing import Any, TypeGuard


def parse_json(text: str) -> Any:
    """A JSON value, its objects as tuples of pairs, so that a key that is there twice shows;
    ``None`` if it is none."""
    try:
        return json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object as a dict, without the keys that are in it twice; anything else is empty."""
    if not isinstance(value, tuple):
        return {}
    found = dict(value)
    if len(found) < len(value):
        count = Counter(key for key, _ in value)
        found = {key: item for key, item in found.items() if count[key] == 1}
    return found


def as_objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON array; anything else in it is passed over."""
    return [as_object(item) for item in as_list(value) if isinstance(item, tuple)]


def as_list(value: Any) -> list[Any]:
    """A JSON array; anything else is empty."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A JSON string; anything else is empty."""
    return value if isinstance(value, str) else ""


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def median(values: list[Any]) -> float | None:
    """The median of an array, or ``None`` if it is empty or not all finite numbers."""
    if not values or not all(map(is_number, values)):
        return None
    return float(statistics.median(values))
