"""Values out of JSON that a stranger wrote: what isn't of the expected shape isn't there."""

from __future__ import annotations

import json
import math
from typing import TypeAlias

Json: TypeAlias = dict[str, object]

_MOST = 1 << 53
_MOST_USD = 1e9


def parsed(line: bytes) -> Json | None:
    """The object that a line is; ``None`` if it is anything else."""
    line = line.strip()
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return None
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):  # numbers of thousands of digits are ValueErrors as well
        return None
    return value if isinstance(value, dict) else None


def at(value: object, *keys: str) -> object:
    """What lies at the end of a way through objects; ``None`` if the way ends early."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def words(value: object, *keys: str) -> str:
    """The text there; "" if it is none."""
    found = at(value, *keys)
    return found if isinstance(found, str) else ""


def whole(value: object, *keys: str) -> int | None:
    """The count there, from 0 to 2^53; ``None`` if it is none."""
    found = at(value, *keys)
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return found if 0 <= found <= _MOST else None


def dollars(value: object, *keys: str) -> float | None:
    """The amount there, finite and not below 0; ``None`` if it is none."""
    found = at(value, *keys)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) and 0 <= found <= _MOST_USD else None


def objects(value: object, *keys: str) -> list[Json]:
    """The objects in the list there."""
    found = at(value, *keys)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def short(value: object) -> str:
    """A value as JSON, for people to look at."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)[:2000]
    except (ValueError, RecursionError):
        return "…"
