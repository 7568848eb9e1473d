"""Tests and what they said, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 3
_CHARS = 160


def short(text: str) -> str:
    """The beginning of a name or message."""
    return text if len(text) <= _CHARS else text[: _CHARS - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = len(names) - SHOWN
    return ", ".join(short(name) for name in names[:SHOWN]) + (
        f" and {more:,} more" if more > 0 else ""
    )


def tests(count: int) -> str:
    """``1 test``, ``2 tests``."""
    return f"{count:,} test" + ("" if count == 1 else "s")


def said(words: str) -> str:
    """Words that were printed, as the end of a sentence; "" if there are none."""
    return f": {short(words)}" if words else ""
