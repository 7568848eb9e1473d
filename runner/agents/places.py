"""Where in a file a change belongs, and which files one may name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MAX_PATH = 300


class Unusable(Exception):
    """An answer, or a part of it, is no change; says why."""


def safe(path: str) -> str:
    """The path of a file in the workspace. Raises ``Unusable`` for any other."""
    parts = path.split("/")
    bad = (
        not path
        or len(path) > MAX_PATH
        or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
        or re.search(r'[\x00-\x1f\x7f"\\\ud800-\udfff]', path) is not None
    )
    if bad:
        raise Unusable(f"{path[:80]!r}: isn't the path of a file below the workspace")
    return path


def lines_of(body: bytes) -> list[bytes]:
    """The lines with their ends; the last one may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", body)


def end_of(lines: Sequence[bytes]) -> bytes:
    """How the lines end."""
    return b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"


def ended(new: Iterable[str], lines: Sequence[bytes]) -> list[bytes]:
    """New lines, with the ends that ``lines`` have."""
    return [line.encode("utf-8", "surrogatepass") + end_of(lines) for line in new]


def spliced(lines: Sequence[bytes], at: int, count: int, new: list[bytes]) -> list[bytes]:
    """The lines with ``count`` of them from ``at`` on replaced. A file without a line end at its end
    stays one."""
    kept, rest = list(lines[:at]), lines[at + count :]
    if new and not rest and lines and not lines[-1].endswith(b"\n"):
        new = [*new[:-1], new[-1].rstrip(b"\r\n")]
        if kept and not kept[-1].endswith(b"\n"):
            kept[-1] += end_of(lines)
    return [*kept, *new, *rest]


def places(lines: Sequence[bytes], old: Sequence[bytes]) -> list[int]:
    """Where ``old``, without line ends, is in ``lines``: exactly, or else but for blanks at the ends
    of lines."""
    for shape in (_bare, _trimmed):
        there, wanted = [shape(line) for line in lines], [shape(line) for line in old]
        found = [
            at
            for at in range(len(there) - len(wanted) + 1)
            if there[at] == wanted[0] and there[at : at + len(wanted)] == wanted
        ]
        if found:
            return found
    return []


def found_once(path: str, lines: Sequence[bytes], old: Sequence[bytes]) -> int:
    """The one place of ``old``. Raises ``Unusable`` if there is none, or another."""
    found = places(lines, old)
    first = old[0].decode("utf-8", "replace").strip()[:80]
    if not found:
        raise Unusable(
            f"{path}: the lines that begin with {first!r} aren't in it as they are given"
        )
    if len(found) > 1:
        at = ", ".join(str(each + 1) for each in found[:5])
        raise Unusable(
            f"{path}: the lines that begin with {first!r} are in it {len(found)} times (lines {at}); "
            "give more of the lines around them"
        )
    return found[0]


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _trimmed(line: bytes) -> bytes:
    return line.rstrip()
