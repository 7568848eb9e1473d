"""Text of unknown origin as one clean line."""

from __future__ import annotations

import re

from runner.measure.lines import without_escapes

# More than this of any text is not looked at: what is kept is far shorter.
READ_CHARS = 8 << 10

# What is left of a colour where a format has no escape character (XML).
_COLOUR = re.compile("\ufffd\\[[0-9;]{0,20}m")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
# Lines of stack traces, which differ with what was inlined or scheduled, and say where, not what.
_FRAME = re.compile(
    r"\s*(?:at |File \"|from \S+:[0-9]+:in |thread '[^']*' (?:\([0-9]+\) )?panicked at \S+:[0-9]+:[0-9]+:?$)"
)
# What says no more than that a test failed.
_SAYS_NOTHING = {
    "",
    "failed",
    "failure",
    "fail",
    "error",
    "test failed",
    "assertion failed",
    "testcodefailure",
}


def clean(text: str) -> str:
    """``text`` as one line, without escapes and memory addresses; what can't be seen (controls,
    marks that turn the direction of writing, half of a surrogate pair) is replaced."""
    text = _COLOUR.sub("", without_escapes(text[:READ_CHARS]))
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return _ADDRESS.sub("0x…", text)


def essence(kind: str, message: str, details: str = "") -> str:
    """What a failure is, of the type of the failure and of what is said of it.

    ``details`` (a body with a stack trace, usually) count where the message says nothing.
    """
    said = _without_frames(message) if _says_something(message) else ""
    said = said or _without_frames(details) or clean(message if message.strip() else details)
    said = said if _says_something(said) else ""
    kind = clean(kind)
    if not _says_something(kind) or kind.rpartition(".")[2] in said:
        return said
    return f"{kind}: {said}" if said else kind


def _without_frames(text: str) -> str:
    lines = text[:READ_CHARS].splitlines()
    return clean("\n".join(line for line in lines if not _FRAME.match(line)))


def _says_something(text: str) -> bool:
    return text.strip().rstrip(".:!").lower() not in _SAYS_NOTHING
