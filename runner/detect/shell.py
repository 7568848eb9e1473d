"""Command lines of scripts, taken apart as far as that is safe.

Only plain commands, joined with ``&&`` or ``;``, are understood. What holds a pipe, a redirection,
an expansion or a control structure is for the shell alone: ``parse`` then says ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_UNSAFE = frozenset("|&<>()`\n!")
_UNSAFE_WORDS = frozenset(
    {"if", "for", "while", "until", "case", "{", "}", "then", "do", "eval", "exec", "cd", "set"}
)
_MAX_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written, quotes and all, and what it means. A pattern such as ``*.js`` is
    left to the shell if it is written again as ``raw``."""

    raw: str
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A plain command: assignments before it, then its words, of which there is at least one."""

    env: tuple[Word, ...]
    words: tuple[Word, ...]

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(word.value for word in self.words)

    def __str__(self) -> str:
        return " ".join(word.raw for word in (*self.env, *self.words))


def parse(line: str) -> tuple[Call, ...] | None:
    """The plain commands of a line, or ``None`` if it has anything else in it."""
    if len(line) > _MAX_CHARS:
        return None
    calls: list[Call] = []
    for words in _commands(line.strip()):
        call = _call(words) if words else None
        if call is None:
            return None
        calls.append(call)
    return tuple(calls) or None


def _call(words: list[Word]) -> Call | None:
    split = 0
    while split < len(words) and _ASSIGNMENT.match(words[split].raw):
        split += 1
    rest = tuple(words[split:])
    if not rest or rest[0].value in _UNSAFE_WORDS:
        return None
    return Call(tuple(words[:split]), rest)


def _commands(line: str) -> Iterator[list[Word] | None]:
    """The words of each command; ``None`` where the line can't be taken apart."""
    words: list[Word] = []
    i = 0
    while i < len(line):
        if line[i] in " \t":
            i += 1
        elif line.startswith("&&", i) or line[i] == ";":
            yield words or None
            words = []
            i += 2 if line[i] == "&" else 1
        else:
            end, word = _word(line, i)
            if word is None:
                yield None
                return
            words.append(word)
            i = end
    if words or line.endswith("&&"):
        yield words or None


def _word(line: str, start: int) -> tuple[int, Word | None]:
    """The word that begins at ``start``, and where it ends; ``None`` if it isn't a plain one."""
    value: list[str] = []
    i = start
    while i < len(line) and line[i] not in " \t;" and not line.startswith("&&", i):
        char = line[i]
        if char in "'\"":
            end = line.find(char, i + 1)
            inside = line[i + 1 : end]
            if end < 0 or "\n" in inside or (char == '"' and set(inside) & set("$`\\")):
                return i, None
            value.append(inside)
            i = end + 1
        elif char == "\\" and line[i + 1 : i + 2] not in ("", "\n"):
            value.append(line[i + 1])
            i += 2
        elif char in _UNSAFE or char in "$\\" or (char == "#" and i == start):
            return i, None
        else:
            value.append(char)
            i += 1
    return i, Word(line[start:i], "".join(value))
