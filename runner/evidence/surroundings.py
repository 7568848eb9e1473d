"""What a change is likely to touch, looked up in the user's folder before anything is run.

Nothing is executed or written, no link is followed, and what is read is bounded.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.evidence.history import History, history
from runner.evidence.target import listed

_MOST_FILES = 20_000
_MOST_BYTES = 64 << 20  # of tests that are read
_FILE_BYTES = 1 << 20
_LIKELY = 10  # files, where none is named

_SOURCES = frozenset(
    (
        *(
            "py",
            "pyx",
            "js",
            "jsx",
            "mjs",
            "cjs",
            "ts",
            "tsx",
            "vue",
            "svelte",
            "go",
            "rs",
            "rb",
            "php",
        ),
        *(
            "c",
            "cc",
            "cpp",
            "cxx",
            "h",
            "hh",
            "hpp",
            "java",
            "kt",
            "scala",
            "cs",
            "fs",
            "ex",
            "erl",
        ),
        *("swift", "m", "mm", "lua", "pl", "pm", "zig", "jl", "hs", "ml", "f90", "sh", "sql"),
    )
)
_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|e2e)/|(?:^|/)test_[^/]*$|[._-](?:test|spec)\.[^/.]+$|Tests?\.\w+$"
)
_IMPORT = re.compile(
    r"^.*\b(?:import|from|require\w*|include|use|using|mod|source|load)\b.*$", re.MULTILINE
)
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_LEAST_STEM = 4  # letters that a file's name must have to be meant by a word


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The files that a change is likely to touch: ``how`` says why these. ``lines`` are all of
    theirs; ``tests`` counts the test files that speak of one of them. The rest is of the recent
    history (``runner.evidence.history``)."""

    how: str
    files: tuple[str, ...]
    folders: int = 0
    lines: int = 0
    tests: int = 0
    commits: int = 0
    authors: int = 0
    churn_lines: int = 0


def surroundings(
    folder: Path, requests: Iterable[str], closed: Callable[[str], bool] = lambda _: False
) -> Surroundings:
    """Look up what a change for ``requests`` is likely to touch below ``folder``; nothing that is
    ``closed`` to changes, nor any test.

    Files that a request names (by path, name, or as a module) are it; else source files that have
    the name of one of its words; else the ten that changed most of late; else the ten largest.
    Raises TaskError where the folder can't be read.
    """
    top = folder.absolute()
    sources = sorted(path for path in listed(top) if _suffix(path) in _SOURCES)[:_MOST_FILES]
    tests = [path for path in sources if _TEST.search(path)]
    code = [path for path in sources if not _TEST.search(path) and not closed(path)]
    past = history(top)
    how, files = _meant(top, code, " ".join(requests), past)
    commits, authors, churn_lines = past.of(files)
    return Surroundings(
        how,
        files,
        folders=len({PurePosixPath(path).parent for path in files}),
        lines=sum(_read(top / path).count("\n") for path in files),
        tests=len(speaking_of(top, tests, files)),
        commits=commits,
        authors=authors,
        churn_lines=churn_lines,
    )


def speaking_of(top: Path, tests: Sequence[str], files: Collection[str]) -> tuple[str, ...]:
    """The test files that import something of the name of one of ``files``, or are called like it."""
    names = {PurePosixPath(path).stem.lower() for path in files} - {"__init__", "index", "mod"}
    found, left_bytes = [], _MOST_BYTES
    for path in tests:
        if left_bytes <= 0:
            break
        text = _read(top / path)
        left_bytes -= len(text)
        words = set(re.findall(r"[a-z0-9]\w*", " ".join(_IMPORT.findall(text)).lower()))
        words.update(re.split(r"[._/-]|test", path.lower()))
        if names & words:
            found.append(path)
    return tuple(found)


def _meant(top: Path, code: list[str], asked: str, past: History) -> tuple[str, tuple[str, ...]]:
    words = {word.strip("./-") for word in _WORD.findall(asked)}
    named = [path for path in code if _names(path) & words]
    if named:
        return "named in the request", tuple(named)
    stems = {word.lower() for word in words if len(word) >= _LEAST_STEM}
    alike = [path for path in code if PurePosixPath(path).stem.lower() in stems]
    if alike:
        return "with the name of a word in the request", tuple(alike)
    known = set(code)
    lately = [path for path, _ in past.churn.most_common() if path in known]
    if lately:
        return "that changed most of late", tuple(lately[:_LIKELY])
    largest = sorted(code, key=lambda path: (-_size(top / path), path))
    return "that are the largest", tuple(largest[:_LIKELY])


def _names(path: str) -> set[str]:
    """How a request may name a file: its path or a folder of it, its name, its module."""
    place = PurePosixPath(path)
    parents = {str(parent) for parent in place.parents if len(parent.parts) > 1}
    module = ".".join(place.with_suffix("").parts)
    return {path, place.name, *parents, *([module] if "." in module else [])}


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix[1:]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _read(path: Path) -> str:
    """The text of a regular file, its first MiB; "" if it can't be read. Never waits for a FIFO."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return ""
            return file.read(_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
