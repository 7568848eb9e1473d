"""Markdown in which foreign text says only what it says.

On a forge, text can do more than look odd: ``@someone`` calls people, ``fixes #1`` closes an issue,
a line that begins with ``/`` is a command on GitLab, HTML and images are shown. No forge looks for
any of that inside of code. So foreign text is code, unless it is plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from runner.report.text import clean

CELL_LIMIT = 200
# Letters and digits of any language, with punctuation that means nothing to Markdown or a forge in
# the middle of a line.
_WORD = r"[^\W_]+%?"
_WORDS = re.compile(rf"{_WORD}(?:(?:[,.;:]? ?[(]|[),.;:]* |[-'’]|[.,]){_WORD})*[.)!?]*")
# What a forge would make a link of: commit ids, GH-1 and the like, and names of hosts.
_LINKED = re.compile(r"\b[0-9a-fA-F]{7,}\b|-\d|\w\.\w*[^\W\d]")


def code(text: str, limit: int = CELL_LIMIT) -> str:
    """Foreign text as one line of code, which a table's cell can hold as well.

    A bar is shown as its look-alike: in a table it would end the cell, and how to escape it there is
    not the same everywhere.
    """
    shown = clean(text, limit).replace("|", "¦")
    if not shown:
        return ""
    fence = "`" * (_longest(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def prose(text: str, limit: int = CELL_LIMIT) -> str:
    """Foreign text in the middle of a line: as it is, if it is plain words, else as ``code``."""
    shown = clean(text, limit)
    harmless = _WORDS.fullmatch(shown) and not _LINKED.search(shown)
    return shown if harmless else code(text, limit)


def block(lines: Iterable[str], language: str = "") -> str:
    """Foreign lines as a block of code, each of them one visible line."""
    shown = [clean(line, 1000) for line in lines]
    fence = "`" * max(3, 1 + max(map(_longest, shown), default=0))
    return "\n".join([f"{fence}{language}", *shown, fence])


def row(cells: Sequence[str]) -> str:
    """A row of a table, of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; a column whose name begins with ``>`` is aligned to the right."""
    yield row([name.removeprefix(">") for name in columns])
    yield row(["---:" if name.startswith(">") else "---" for name in columns])
    yield from map(row, rows)


def title(text: str, limit: int = 100) -> str:
    """Foreign text as a title, which is no Markdown, but in which forges still find references."""
    return clean(re.sub(r"([@#!$%~&])(?=\w)", r"\1 ", clean(text, limit)), limit)


def _longest(text: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", text)), default=0)
