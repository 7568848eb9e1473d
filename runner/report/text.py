"""Foreign text, made safe to show.

Action keys, reasons, metric and task names may come from a container or a stranger's patch. On a
terminal they could move the cursor, retitle the window, or reverse the reading direction; in a
log they could forge lines, or give orders to the CI service that reads along. ``clean`` leaves one
line of visible characters.
"""

from __future__ import annotations

import re
import unicodedata

LINE_LIMIT = 200
BLOCK_LIMIT = 200_000

# ECMA-48: CSI sequences, the string sequences (OSC, DCS, SOS, PM, APC) with their terminator, and
# two-character escapes. What is unfinished loses its introducer only, and so hides nothing.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
# What GitHub's runner (ActionCommand.cs) and Azure's agent take for an order in what a job prints:
# ``::name::`` at the beginning of a line, ``##[name]`` and ``##vso[name]`` anywhere.
_ORDERS = re.compile(r"^([^\S\n]*:)(?=:[^\n]*::)|(#)(?=#(?:vso)?\[)", re.MULTILINE | re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def clean(text: str, limit: int = LINE_LIMIT, *, ascii_only: bool = False) -> str:
    """Return ``text`` as one visible line of at most ``limit`` characters.

    Escape sequences are dropped, white space is folded, and every other invisible character
    (controls, bidirectional overrides, zero-width, surrogates) is spelled out as ``\\u202e``. Orders to
    CI services are broken by a space.
    ``ascii_only`` spells out everything that isn't ASCII.
    """
    # An escape sequence can be long; what is cut off before the search would not be shown anyway.
    folded = _harmless(" ".join(_ESCAPES.sub("", text[: 8 * limit + 64]).split()))
    visible = "".join(_visible(char) for char in folded[: limit + 1])
    if ascii_only:
        visible = visible.encode("ascii", "backslashreplace").decode("ascii")
    return bounded(visible, limit, ascii_only=ascii_only)


def clean_block(text: str, limit: int = BLOCK_LIMIT) -> str:
    """Return ``text`` with its line breaks and tabs, at most ``limit`` characters, made visible."""
    kept = _harmless(_ESCAPES.sub("", text[:limit]).replace("\r\n", "\n"))
    visible = "".join(char if char in "\n\t" else _visible(char) for char in kept)
    if len(text) <= limit:
        return visible
    return f"{visible}\n… cut: {len(text) - limit:,} of {len(text):,} characters are not shown\n"


def bounded(text: str, limit: int, *, ascii_only: bool = False) -> str:
    """Return ``text``, its end replaced by an ellipsis where it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    mark = "..." if ascii_only else "…"
    return text[: max(limit - len(mark), 0)] + mark


def _harmless(text: str) -> str:
    return _ORDERS.sub(r"\g<0> ", text)


def _visible(char: str) -> str:
    if char == " " or unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
