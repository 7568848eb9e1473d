"""Values as TOML, in the form that is easiest to read."""

from __future__ import annotations

import json
from collections.abc import Iterable

_WIDTH = 100


def text(value: str) -> str:
    """A text: literal where quotes or backslashes in it would otherwise need escapes.

    Raises ``UnicodeEncodeError`` for what no TOML can hold (a name that isn't Unicode).
    """
    value.encode("utf-8")
    plain = value.isprintable() and "'" not in value
    if plain and ('"' in value or "\\" in value):
        return f"'{value}'"
    if value.isprintable() and ('"' in value or "\\" in value) and "'''" not in value:
        return f"'''{value}'''" if not value.endswith("'") else _escaped(value)
    return _escaped(value)


def texts(values: Iterable[str]) -> str:
    """A list of texts: on one line if it fits, else a line for each."""
    shown = [text(value) for value in values]
    line = f"[{', '.join(shown)}]"
    if len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"    {each},\n" for each in shown) + "]"


def _escaped(value: str) -> str:
    """JSON's escapes are TOML's, but for one control character that JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
