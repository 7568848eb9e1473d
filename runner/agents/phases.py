"""The phases of an agent's work, as it says them itself.

A line of what the agent says begins one: ``PHASE: red``, whatever marks of Markdown are around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PHASES = ("research", "red", "green", "refactor", "validate", "pr")

_MARKER = re.compile(
    rf"^[ \t>#*_`-]{{0,16}}PHASE[*_` ]{{0,4}}:[*_` ]{{0,8}}({'|'.join(PHASES)})\b",
    re.IGNORECASE | re.MULTILINE,
)


def phases(text: str) -> Iterator[str]:
    """The phases that ``text`` begins, in its order, each one of ``PHASES``."""
    return (found[1].lower() for found in _MARKER.finditer(text))
