"""A model's answer, read as changes to files: search/replace blocks, a unified diff, or whole files.

Models miscount lines, strip blanks at the ends of lines, and wrap answers in Markdown. That is put
up with. Where a change belongs must be clear, though: what is found nowhere, or in several places,
is no change, and the reason is told in words that a model can act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from runner.agents.hunks import changed
from runner.agents.places import Unusable, ended, found_once, lines_of, safe, spliced

MAX_ANSWER_CHARS = 400_000
MAX_CHANGES = 500

_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$")
_DIVIDER = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$")
_FENCE = re.compile(r"^(`{3,}|~{3,})([^`]*)$")
_NAME = re.compile(r"^[#*\s]*(?:File|Path)?:?\s*[`*]*([^`*\s][^`*]*?)[`*]*:?\s*$", re.IGNORECASE)


def edits(answer: str, sources: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What an answer makes of files: their new contents by path, ``None`` for those that go.

    ``sources`` are the files that the model was given: no others are changed, new ones apart.
    Raises ``Unusable`` with the reason if any part of the answer can't be understood or applied.
    """
    if len(answer) > MAX_ANSWER_CHARS:
        raise Unusable(f"the answer has over {MAX_ANSWER_CHARS} characters")
    lines = answer.replace("\r\n", "\n").split("\n")
    if sum(line.startswith("@@") or bool(_SEARCH.match(line)) for line in lines) > MAX_CHANGES:
        raise Unusable(f"the answer has over {MAX_CHANGES} changes")
    if any(_SEARCH.match(line) for line in lines):
        result = _replaced(lines, sources)
    elif _holds_diff(lines):
        result = changed(lines, sources)
    else:
        result = dict(_whole(lines, sources))
    result = {path: body for path, body in result.items() if body != sources.get(path)}
    if not result:
        raise Unusable("the answer changes nothing")
    return result


def _holds_diff(lines: list[str]) -> bool:
    return any(
        line.startswith("--- ") and following.startswith("+++ ")
        for line, following in pairwise(lines)
    )


def _replaced(lines: list[str], sources: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Search/replace blocks, each after a line with the file's path."""
    result: dict[str, bytes | None] = {}
    path, at = "", 0
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            path = _path_in(lines[at], sources) or path
            at += 1
            continue
        if not path:
            raise Unusable("a SEARCH block has no line with the path of its file before it")
        middle = _next(lines, at, _DIVIDER, path)
        end = _next(lines, middle, _REPLACE, path)
        before = result.get(path, sources.get(path))
        body = _one(path, before, lines[at + 1 : middle], lines[middle + 1 : end])
        result[path] = body
        at = end + 1
    return result


def _next(lines: list[str], start: int, mark: re.Pattern[str], path: str) -> int:
    for at in range(start + 1, len(lines)):
        if mark.match(lines[at]):
            return at
        if _SEARCH.match(lines[at]):
            break
    raise Unusable(f"{path}: a SEARCH block isn't closed by ======= and >>>>>>> REPLACE")


def _one(path: str, before: bytes | None, search: list[str], replace: list[str]) -> bytes:
    if not any(line.strip() for line in search):
        if before:
            raise Unusable(f"{path}: an empty SEARCH is for new files, and this one has contents")
        return b"".join(ended(replace, ()))
    if before is None:
        raise Unusable(f"{path}: isn't among the files that were given")
    lines = lines_of(before)
    old = [line.encode("utf-8", "surrogatepass") for line in search]
    at = found_once(path, lines, old)
    return b"".join(spliced(lines, at, len(old), ended(replace, lines)))


def _whole(lines: list[str], sources: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Whole files: a line with the path, then a fenced block."""
    found, at, path = False, 0, ""
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if not fence:
            path = _path_in(lines[at], sources) or (path if not lines[at].strip() else "")
            at += 1
            continue
        end = next(
            (n for n in range(at + 1, len(lines)) if lines[n].rstrip() == fence[1]), len(lines)
        )
        if path:
            if end == len(lines):
                raise Unusable(f"{path}: its block isn't closed")
            body = "\n".join(lines[at + 1 : end]) + "\n"
            yield path, body.encode("utf-8", "surrogatepass")
            found = True
        path, at = "", end + 1
    if not found:
        raise Unusable(
            "the answer holds no change: neither SEARCH/REPLACE blocks, nor a diff, nor a path "
            "followed by a fenced block with the whole file"
        )


def _path_in(line: str, sources: Mapping[str, bytes]) -> str:
    """The path that a line consists of; "" if it is something else."""
    found = _NAME.match(line) if len(line) < 400 else None
    if not found:
        return ""
    path = found[1].strip()
    path = path.removeprefix("./")
    if path in sources:
        return path
    looks = re.fullmatch(r"[\w@+.-]+(?:/[\w@+.-]+)*\.[\w+-]+", path) is not None
    return safe(path) if looks else ""
