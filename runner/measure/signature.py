"""The way in which something failed: its message without what differs from run to run."""

from __future__ import annotations

import re

_CHARS = 300

# Each is tried on what those before it have left. What an application calls a number (an id, a
# port, a process) can't be told from a count, so all digits go, unless counts are to be kept.
_VOLATILE = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?"), "<time>"),
    (re.compile(r"\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"), "<time>"),
    (re.compile(r"(?:file://|(?<![\w/.<]))/[\w.+@~-]+(?:/[\w.+@~-]*)+(?::[0-9]+)*"), "<path>"),
    (re.compile(r"\b[A-Za-z]:\\[^\s'\":]+(?::[0-9]+)*"), "<path>"),
    (re.compile(r"\b0x(?:[0-9a-fA-F]+|…)"), "<hex>"),
    (re.compile(r"\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\b[0-9]+(?:[.,][0-9]+)?\s?(?:ns|us|µs|μs|ms|s|secs?|seconds?)\b"), "<duration>"),
)
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?")


def signature(message: str, keep_counts: bool = False) -> str:
    """``message`` (one line) without identifiers, times, paths, addresses, durations and numbers;
    ``keep_counts`` leaves the numbers that are none of the others."""
    text = message[: 4 * _CHARS]
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    if not keep_counts:
        text = _NUMBER.sub("#", text)
    return text[:_CHARS]
