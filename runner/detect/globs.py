"""Globs that are asked of thousands of paths: those of ``runner.measure.protected``, compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from functools import lru_cache


class Globs(tuple[str, ...]):
    """Globs, as the task file has them, that know how to match quickly."""

    __slots__ = ()

    def __new__(cls, *globs: str) -> Globs:
        return super().__new__(cls, globs)

    def match(self, path: str) -> bool:
        """Whether one of them matches the whole ``path``, relative and with ``/``."""
        return _compiled(self).fullmatch(path) is not None

    def below(self, folder: str) -> Iterator[str]:
        """The same globs, seen from above ``folder``, whose own characters mean themselves."""
        return (f"{literal(folder)}/{glob}" if folder else glob for glob in self)


def literal(path: str) -> str:
    """The glob that matches this path and no other."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


@lru_cache(maxsize=512)
def _compiled(globs: Globs) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_pattern(glob)})" for glob in globs) or r"(?!)", re.DOTALL)


def _pattern(glob: str) -> str:
    """``**`` is any number of folders, at the end everything below; other names stay within one."""
    *folders, last = glob.split("/")
    parts = [r"(?:[^/]+/)*" if name == "**" else _name(name) + "/" for name in folders]
    return "".join(parts) + (".+" if last == "**" else _name(last))


def _name(name: str) -> str:
    pieces = re.split(r"(\[!?\]?[^\]]*\]|\*|\?)", name)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and len(piece) > 2:
        return f"(?!/){translate(piece).removeprefix('(?s:').removesuffix(')' + chr(92) + 'Z')}"
    return re.escape(piece)


NO_GLOBS = Globs()
