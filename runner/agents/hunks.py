"""Unified diffs as models write them, applied to files.

The numbers in a hunk's head are hints: the lines decide where it belongs, and the numbers only
which of several equal places is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runner.agents.places import (
    Unusable,
    end_of,
    ended,
    found_once,
    lines_of,
    places,
    safe,
    spliced,
)

_HEAD = re.compile(r"^@@(?: -(\d{1,9})(?:,\d{1,9})? \+\d{1,9}(?:,\d{1,9})? @@.*|.*)$")
_NOTHING = "/dev/null"
_UNFIT = ("rename from ", "rename to ", "copy from ", "GIT binary patch", "Binary files ")


@dataclass(slots=True)
class _Hunk:
    """``line`` is the claimed place, from 1; 0 for none."""

    line: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _FileDiff:
    before: str
    after: str
    hunks: list[_Hunk] = field(default_factory=list)


def changed(lines: list[str], sources: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What the diffs in ``lines`` make of files; ``None`` for those that go. Text between diffs is
    passed over. Raises ``Unusable`` if one of them is malformed or doesn't apply."""
    result: dict[str, bytes | None] = {}
    for diff in _read(lines):
        path = safe(diff.before if diff.after == _NOTHING else diff.after)
        if _NOTHING not in (diff.before, diff.after) and diff.before != diff.after:
            raise Unusable(
                f"{path}: is renamed from {diff.before[:80]!r}, which can't be done here"
            )
        body = result.get(path, sources.get(path))
        if diff.after == _NOTHING:
            if body is None:
                raise Unusable(f"{path}: is removed, and isn't among the files that were given")
            result[path] = None
        else:
            result[path] = _applied(path, body, diff)
    return result


def _read(lines: list[str]) -> Iterator[_FileDiff]:
    diff: _FileDiff | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if line.startswith("--- ") and following.startswith("+++ "):
            if diff is not None:
                yield diff
            diff = _FileDiff(_path(line), _path(following))
            at += 2
        elif line.startswith(_UNFIT):
            raise Unusable(f"{line[:80]!r}: only changes of text files can be applied")
        elif diff is not None and _HEAD.match(line):
            at = _hunk(lines, at, diff)
        else:
            at += 1
    if diff is not None:
        yield diff


def _hunk(lines: list[str], at: int, diff: _FileDiff) -> int:
    """Read one hunk, and say where it ends."""
    head = _HEAD.match(lines[at])
    hunk = _Hunk(int(head[1]) if head and head[1] else 0)
    at += 1
    while at < len(lines):
        line = lines[at]
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            break
        match line[:1]:
            case " " | "":
                hunk.old.append(line[1:])
                hunk.new.append(line[1:])
            case "-":
                hunk.old.append(line[1:])
            case "+":
                hunk.new.append(line[1:])
            case "\\":
                pass
            case _:
                break
        at += 1
    # Empty lines after the last sign are the answer's, not the file's.
    while hunk.old and hunk.new and not hunk.old[-1] and not hunk.new[-1] and not lines[at - 1]:
        hunk.old.pop()
        hunk.new.pop()
        at -= 1
    diff.hunks.append(hunk)
    return max(at, 1)


def _path(line: str) -> str:
    name = line[4:].split("\t")[0].strip()
    return name if name == _NOTHING else re.sub(r"^[ab]/", "", name)


def _applied(path: str, body: bytes | None, diff: _FileDiff) -> bytes:
    if not diff.hunks:
        raise Unusable(f"{path}: its diff has no hunk (no line that begins with @@)")
    if diff.before == _NOTHING:
        if body:
            raise Unusable(f"{path}: is a new file in the diff, and is there already")
        return b"".join(ended((line for hunk in diff.hunks for line in hunk.new), ()))
    if body is None:
        raise Unusable(f"{path}: isn't among the files that were given")
    lines = lines_of(body)
    moved = 0
    for hunk in diff.hunks:
        old = [line.encode("utf-8", "surrogatepass") for line in hunk.old]
        at = _place(path, lines, old, hunk.line + moved if hunk.line else 0)
        new = _kept(lines[at : at + len(old)], hunk, end_of(lines))
        lines = spliced(lines, at, len(old), new)
        moved += len(new) - len(old)
    return b"".join(lines)


def _place(path: str, lines: list[bytes], old: list[bytes], claimed: int) -> int:
    if not old:  # pure additions stand after the claimed line
        if lines and not claimed:
            raise Unusable(f"{path}: a hunk without context has no line number")
        return min(claimed, len(lines))
    found = places(lines, old)
    if claimed and found:
        return min(found, key=lambda at: abs(at + 1 - claimed))
    return found_once(path, lines, old)


def _kept(there: list[bytes], hunk: _Hunk, end: bytes) -> list[bytes]:
    """The new lines, with those of the context as they are in the file: a model may have stripped
    their blanks."""
    context = {line: there[at].rstrip(b"\r\n") for at, line in enumerate(hunk.old)}
    new = ((line, line.encode("utf-8", "surrogatepass")) for line in hunk.new)
    lines = ((context.get(line, body), body) for line, body in new)
    return [(was if was.rstrip() == body.rstrip() else body) + end for was, body in lines]
