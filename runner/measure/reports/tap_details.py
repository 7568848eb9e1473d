"""The details of a TAP test point: a block of YAML, of which a few keys are of interest."""

from __future__ import annotations

import re

from runner.measure.reports.text import READ_CHARS, essence

_KEY = re.compile(r"(\w{1,40})\s*:(?:\s+(.*))?")
_BLOCK = re.compile(r"[|>][+-]?[0-9]?")


class Details:
    """Reads the lines of a block that begins with ``---`` at ``indent``.

    It is read by its indentation: what test runners write there isn't always YAML.
    """

    def __init__(self, indent: int) -> None:
        self.indent = indent
        self._values: dict[str, list[str]] = {}
        self._open: list[str] | None = None  # the value that more deeply indented lines belong to
        self._chars = 0

    def ended(self, indent: int, body: str) -> bool:
        """Read a line; whether it is none of the block's (as its end is)."""
        if body and (indent < self.indent or (indent == self.indent and body == "...")):
            return True
        if self._chars > READ_CHARS:
            return False
        self._chars += len(body)
        if indent > self.indent:
            if self._open is not None:
                self._open.append(body)
        elif match := _KEY.fullmatch(body):
            value = match[2] or ""
            self._open = [] if not value or _BLOCK.fullmatch(value) else [_unquoted(value)]
            self._values.setdefault(match[1], self._open)
        return False

    @property
    def message(self) -> str:
        """What failed, by the keys that node:test, node-tap and tape, and the specification use."""
        said = self._value("error") or self._value("message")
        if not said:
            pairs = ((key, self._value(key)) for key in ("expected", "wanted", "actual", "found"))
            said = ", ".join(f"{key} {value}" for key, value in pairs if value)
        kind = self._value("name") or self._value("operator")
        return essence(kind, said) if said else ""

    @property
    def seconds(self) -> float | None:
        try:
            return float(self._value("duration_ms")) / 1000
        except ValueError:
            return None

    def _value(self, key: str) -> str:
        return "\n".join(self._values.get(key, ()))


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
