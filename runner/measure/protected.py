"""Which files belong to the judge, and whether an action touched them.

A glob is relative to the target and matches whole paths of files, case and all:

- ``*`` is any number of characters of one name, ``?`` one, ``[ab]`` and ``[!ab]`` one of a set;
  all of them match a leading dot as well;
- ``**``, as a whole name, is any number of folders, none included; at the end it is everything
  below, at any depth;
- ``bench.py`` is therefore the one at the top, and ``**/bench.py`` any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

_SHOWN_CHARS = 200


def check_glob(glob: str) -> str:
    """Why this is no glob, or "" if it is one."""
    if not glob or glob.isspace():
        return "is empty"
    if "\\" in glob:
        return "holds a backslash; folders are separated by /"
    if glob.startswith("/") or ".." in glob.split("/"):
        return "must be relative to the target, and stay below it"
    if any(name in {"", "."} for name in glob.split("/")):
        return "holds an empty name or `.` between its slashes"
    if any("**" in name and name != "**" for name in glob.split("/")):
        return "`**` must be a whole name, as in `tests/**` or `**/bench.py`"
    return "" if all(_closed(name) for name in glob.split("/")) else "has a `[` without its `]`"


def matches(globs: Iterable[str], path: str) -> bool:
    """Whether the path of a file (relative, with ``/``) matches one of ``globs``."""
    names = tuple(path.split("/"))
    return any(_matches(_parts(glob), names) for glob in globs)


def protected_changes(
    root: Mapping[str, str], node: Mapping[str, str], globs: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """What happened to the files that match ``globs``, such as ``changed bench.py``, and to which.

    ``root`` and ``node`` map the paths of files to what identifies their content and mode. The
    words are ``changed``, ``removed`` and ``added``; the order is that of the paths.
    """
    globs = tuple(globs)
    # Compared before it is matched: an action leaves most files as they are.
    touched = (path for path in root.keys() | node.keys() if root.get(path) != node.get(path))
    found = sorted(path for path in touched if matches(globs, path))
    return tuple((f"{change_word(path, root, node)} {shown(path)}", path) for path in found)


def change_word(path: str, root: Mapping[str, str], node: Mapping[str, str]) -> str:
    """``removed``, ``changed`` or ``added``, of a path that differs."""
    if path not in node:
        return "removed"
    return "changed" if path in root else "added"


def shown(path: str) -> str:
    """The path for a message: names come from a container, and may hold anything."""
    short = path if len(path) <= _SHOWN_CHARS else path[:_SHOWN_CHARS] + "…"
    return short if short.isprintable() else ascii(short)


@lru_cache(maxsize=1024)
def _parts(glob: str) -> tuple[str, ...]:
    return tuple(glob.split("/"))


def _matches(pattern: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Walk all ways through the pattern at once, so that no path makes it slow.

    ``at`` holds the positions in ``pattern`` that the names so far can have led to.
    """
    at = _skip({0}, pattern)
    for name in names:
        stay = {i for i in at if i < len(pattern) and pattern[i] == "**"}
        step = {i + 1 for i in at - stay if i < len(pattern) and fnmatchcase(name, pattern[i])}
        # At the end of the pattern, `**` needs a name to match.
        deeper = {i + 1 for i in stay if i + 1 == len(pattern)}
        at = _skip(stay | step, pattern) | deeper
    return len(pattern) in at


def _skip(at: set[int], pattern: tuple[str, ...]) -> set[int]:
    """Add the positions behind each inner ``**``, which may stand for no folder at all."""
    reached = set(at)
    for i in range(len(pattern) - 1):
        if i in reached and pattern[i] == "**":
            reached.add(i + 1)
    return reached


def _closed(name: str) -> bool:
    """Whether each ``[`` has its ``]``, which isn't the first character of the set."""
    i = 0
    while (i := name.find("[", i)) >= 0:
        first = i + 2 if name[i + 1 : i + 2] == "!" else i + 1
        i = name.find("]", first + 1)
        if i < 0:
            return False
    return True
