"""A folder with all that git doesn't keep of it: modes, times, folders without files.

Not kept: owners, extended attributes, holes, which files are hard links of one another; and pipes,
sockets and devices.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.sandbox.local.names import escaped, unescaped


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a folder or a symbolic link. ``path`` is relative to the folder; bytes of it that aren't
    UTF-8 are surrogates, as ``os.fsdecode`` makes them."""

    path: str
    mode: int
    mtime_ns: int
    size_bytes: int = 0

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


@contextmanager
def entries_of(folder: Path, parts: Iterable[str]) -> Iterator[list[Entry]]:
    """Everything in those ``parts`` of a folder that are there, each folder before what it holds.

    What is closed to its owner is open, and can be read, while the block lasts.
    """
    entries: list[Entry] = []
    try:
        for part in parts:
            if (folder / part).is_dir():
                _collect(folder, part, entries)
        yield entries
    finally:
        for entry in reversed(entries):
            if not _is_open(entry):
                (folder / entry.path).chmod(stat.S_IMODE(entry.mode))


def _collect(folder: Path, part: str, entries: list[Entry]) -> None:
    pending = [part]
    while pending:
        path = pending.pop()
        _add(folder, path, (folder / path).lstat(), entries)
        with os.scandir(folder / path) as found:
            for each in sorted(found, key=lambda entry: entry.name):
                inner = f"{path}/{each.name}"
                if each.is_dir(follow_symlinks=False):
                    pending.append(inner)
                elif each.is_symlink() or each.is_file(follow_symlinks=False):
                    _add(folder, inner, each.stat(follow_symlinks=False), entries)


def _add(folder: Path, path: str, facts: os.stat_result, entries: list[Entry]) -> None:
    entry = Entry(path, facts.st_mode, facts.st_mtime_ns, facts.st_size)
    entries.append(entry)
    if not _is_open(entry):
        (folder / path).chmod(stat.S_IMODE(entry.mode) | _needed(entry))


def _is_open(entry: Entry) -> bool:
    return entry.is_link or entry.mode & _needed(entry) == _needed(entry)


def _needed(entry: Entry) -> int:
    """What its owner must be allowed."""
    return stat.S_IRWXU if entry.is_folder else stat.S_IRUSR


def encoded(entries: Iterable[Entry]) -> bytes:
    """What git doesn't keep: ``<mode, octal> <time, ns> <path in the tree>`` and a NUL for each."""
    return b"".join(
        b"%o %d %s\0" % (entry.mode, entry.mtime_ns, os.fsencode(escaped(entry.path)))
        for entry in entries
    )


def decoded(facts: bytes) -> list[Entry]:
    """What ``encoded`` was given, but for the sizes. Raises ``ValueError``."""
    fields = (line.split(b" ", 2) for line in facts.split(b"\0")[:-1])
    return [
        Entry(unescaped(os.fsdecode(path)), int(mode, 8), int(mtime_ns))
        for mode, mtime_ns, path in fields
    ]


def restore(folder: Path, entries: Sequence[Entry]) -> None:
    """Give what git has just written its names, modes and times, and make the folders that it doesn't
    know. ``entries`` are in the order of ``entries_of``."""
    for entry in entries:
        _rename(folder, entry.path)
        if entry.is_folder:
            (folder / entry.path).mkdir(exist_ok=True)
    for entry in reversed(entries):  # a folder after what it holds, which would change its time
        path = folder / entry.path
        if not entry.is_link:
            path.chmod(stat.S_IMODE(entry.mode))
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)


def _rename(folder: Path, path: str) -> None:
    """Give the last part its own name; the parts above have theirs by now."""
    written = escaped(path.rpartition("/")[2])
    there = (folder / path).with_name(written)
    if there.name != path.rpartition("/")[2] and os.path.lexists(there):
        there.rename(folder / path)
