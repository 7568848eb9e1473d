"""What a value in a call may be, and in which words that is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_TEXT_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Check:
    """``says`` goes behind the key in a refusal: "must be ..."."""

    says: str
    holds: Callable[[Any], bool]


def exactly(wanted: object) -> Check:
    """This value, of this type: 1 is not true."""
    return Check(
        f"must be {json.dumps(wanted)}",
        lambda value: type(value) is type(wanted) and value == wanted,
    )


def one_of(*wanted: str) -> Check:
    """One of these texts."""
    return Check(f"must be one of {', '.join(wanted)}", lambda value: value in wanted)


def matching(pattern: str, says: str) -> Check:
    """A text that is, as a whole, of this pattern."""
    whole = re.compile(pattern)
    return Check(
        f"must be {says}", lambda value: isinstance(value, str) and bool(whole.fullmatch(value))
    )


def integer(low: int, high: int = 1 << 62) -> Check:
    """A whole number of JSON, from ``low`` to ``high``."""
    return Check(
        f"must be a whole number from {low}",
        lambda value: type(value) is int and low <= value <= high,
    )


def map_of(key: Check, value: Check) -> Check:
    """An object; each key and each value by its own check."""
    return Check(
        f"must be an object whose keys each {key.says}, and whose values each {value.says}",
        lambda found: isinstance(found, dict)
        and all(key.holds(each) and value.holds(found[each]) for each in found),
    )


def list_of(item: Check) -> Check:
    """A list; each item by its check."""
    return Check(
        f"must be a list in which each {item.says}",
        lambda found: isinstance(found, list) and all(map(item.holds, found)),
    )


TEXT = Check("must be text", lambda value: isinstance(value, str) and len(value) <= _TEXT_LIMIT)
TEXTS = list_of(TEXT)
BOOLEAN = Check("must be true or false", lambda value: type(value) is bool)

# In queries everything is text.
FLAG = one_of("0", "1", "true", "false", "True", "False")
OFF = one_of("0", "false", "False")
ON = one_of("1", "true", "True")
NUMBER = matching(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", "a number")


def check(checks: Mapping[str, Check], found: Mapping[str, Any]) -> str:
    """Why what was found is not as it must be, in one line; empty if it is.

    A key without a check is refused, whatever its value.
    """
    for key, value in found.items():
        rule = checks.get(key)
        if rule is None:
            return f"{key} is nothing that oppie sets"
        if not rule.holds(value):
            return f"{key} {rule.says}"
    return ""
