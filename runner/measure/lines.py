"""A program's output as clean lines of bounded length: what it prints is not to be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINES = 1_000_000
MAX_LINE_BYTES = 64 << 10

# ECMA-48: control sequences, operating system commands up to their end, and short escapes.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")


@dataclass(slots=True)
class Skipped:
    """What was not read: the number of the first line that was too long, and whether lines
    came after the last one that may be read."""

    long_line: int = 0
    cut: bool = False


def clean_lines(lines: Iterable[bytes], skipped: Skipped) -> Iterator[tuple[int, str]]:
    """The number, from 1, and the text of each line: decoded with replacement, without the
    escapes that colour it, without white space at its end.

    A carriage return ends a line too, as a progress bar's does. What had to be left out is noted
    in ``skipped``.
    """
    number = 0
    for raw in lines:
        # Checked before anything is done with the line, which may be as long as the log.
        if len(raw) > MAX_LINE_BYTES:
            number += 1
            skipped.long_line = skipped.long_line or number
            continue
        for piece in raw.rstrip(b"\r\n").split(b"\r"):
            number += 1
            if number > MAX_LINES:
                skipped.cut = True
                return
            text = piece.decode("utf-8", "replace")
            yield number, without_escapes(text).rstrip()


def without_escapes(text: str) -> str:
    """``text`` without the escapes that colour it or move the cursor."""
    return _ANSI.sub("", text) if "\x1b" in text else text
