"""The page docs/engines.md, from the record of what ran.

python -m tests.engines.table prints the tables; with --write it puts them into the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .record import recorded

PAGE = Path(__file__).resolve().parents[2] / "docs" / "engines.md"
BEGIN, END = "<!-- from the record: begin -->\n", "<!-- from the record: end -->\n"
_MARKS = {"holds": "yes", "doesn't hold": "no", "not known": "?"}


def tables(record: Mapping[str, Any]) -> str:
    """Engines and what was run; guarantees by engine; and why those don't hold that don't."""
    parts = (_engines(record), _guarantees(record), _reasons(record))
    return "\n".join("".join(f"{line}\n" for line in part) for part in parts)


def page_with(text: str, record: Mapping[str, Any]) -> str:
    """The page's text with the tables of the record in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(record)}\n{END}{after}"


def _engines(record: Mapping[str, Any]) -> Iterator[str]:
    yield "| engine | says of itself | storage | control groups | tests |"
    yield "|---|---|---|---|---|"
    for one in record.values():
        tests = one["tests"]
        told = f"{tests['suite']}: {tests['passed']} passed"
        if tests["suite"] == "none":
            told = "guarantees only"
        if tests["failed"]:
            told += f", {len(tests['failed'])} failed"
        if tests["skipped"]:
            told += f", {len(tests['skipped'])} skipped"
        yield f"| {one['title']} | {one['engine']} | {one['storage']} | {one['cgroups']} | {told} |"


def _guarantees(record: Mapping[str, Any]) -> Iterator[str]:
    engines = [*record.values()]
    yield f"| guarantee | {' | '.join(one['title'] for one in engines)} |"
    yield "|---" * (len(engines) + 1) + "|"
    names = list(dict.fromkeys(name for one in engines for name in one["guarantees"]))
    for name in names:
        yield f"| {name} | {' | '.join(_cell(one, name) for one in engines)} |"


def _cell(engine: Mapping[str, Any], name: str) -> str:
    found = engine["guarantees"].get(name)
    if found is None:
        return "?"
    mark = _MARKS[found["standing"]]
    return mark if found["shown"] or mark == "?" else f"{mark} (its word)"


def _reasons(record: Mapping[str, Any]) -> Iterator[str]:
    yield "What doesn't hold, and why:"
    yield ""
    reasons: dict[tuple[str, str], list[str]] = {}
    for engine in record.values():
        for name, found in engine["guarantees"].items():
            if found["standing"] == "doesn't hold":
                reasons.setdefault((name, found["why"]), []).append(engine["title"])
    for (name, why), titles in reasons.items():
        yield f"- **{name}** ({'; '.join(titles)}): {why or 'containers showed it'}."


def main(arguments: list[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    if "--write" in arguments:
        PAGE.write_text(page_with(text, recorded()), encoding="utf-8")
    else:
        sys.stdout.write(tables(recorded()))


if __name__ == "__main__":
    main(sys.argv[1:])
