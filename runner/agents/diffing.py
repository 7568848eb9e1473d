"""New contents of files as a patch that ``git apply`` takes as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import takewhile

from runner.agents.places import lines_of

_CONTEXT = 3
_FILE = "100644"


def patch(new: Mapping[str, bytes | None], old: Mapping[str, bytes]) -> bytes:
    """One patch for all files: ``None`` removes one, what isn't in ``old`` is new.

    Each file has one hunk, from the first to the last line that differs.
    """
    return b"".join(_file(path, old.get(path), new[path]) for path in sorted(new))


def _file(path: str, before: bytes | None, after: bytes | None) -> bytes:
    tab = "\t" if " " in path else ""
    head = f"diff --git a/{path} b/{path}\n"
    if before is None:
        head += f"new file mode {_FILE}\n"
    if after is None:
        head += f"deleted file mode {_FILE}\n"
    # With these, git finds what the patch was made for, even where the file has changed since.
    head += f"index {_blob(before)}..{_blob(after)}\n"
    hunk = _hunk(lines_of(before or b""), lines_of(after or b""))
    if hunk:
        head += "--- " + (f"a/{path}{tab}" if before is not None else "/dev/null") + "\n"
        head += "+++ " + (f"b/{path}{tab}" if after is not None else "/dev/null") + "\n"
    return head.encode() + hunk


def _hunk(old: list[bytes], new: list[bytes]) -> bytes:
    same = _common(old, new)
    tail = _common(old[same:][::-1], new[same:][::-1])
    start = max(same - _CONTEXT, 0)
    end = max(tail - _CONTEXT, 0)
    gone, come = old[same : len(old) - tail], new[same : len(new) - tail]
    if not gone and not come:
        return b""
    lines = [
        *(b" " + line for line in old[start:same]),
        *(b"-" + line for line in gone),
        *(b"+" + line for line in come),
        *(b" " + line for line in old[len(old) - tail : len(old) - end]),
    ]
    ranges = f"-{_range(start, len(old) - end)} +{_range(start, len(new) - end)}"
    return f"@@ {ranges} @@\n".encode() + b"".join(_ended(line) for line in lines)


def _common(old: list[bytes], new: list[bytes]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _range(start: int, end: int) -> str:
    count = end - start
    return f"{start + 1 if count else start},{count}"


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _blob(body: bytes | None) -> str:
    """Git's name of a file's contents."""
    if body is None:
        return "0" * 40
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
