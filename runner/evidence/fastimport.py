"""Writes one workspace as one commit through ``git fast-import``: all of it, or nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO, assert_never

from runner.evidence.archive import Entry, EntryKind
from runner.evidence.git import IDENT, FellSilent

COMMIT_MARK = 1
PLAIN, EXECUTABLE, SYMLINK = b"100644", b"100755", b"120000"


@dataclass(frozen=True, slots=True)
class Imported:
    """What git made of it; ``parent_tree_id`` is empty for a commit without a parent."""

    commit: str
    tree_id: str
    parent_tree_id: str
    skipped: tuple[str, ...]
    watched: dict[str, str]


@dataclass(slots=True)
class _Tree:
    """The commit's files so far: path to mode and mark, and what was left out on the way."""

    files: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    left_out: set[bytes] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)
    watched: dict[str, str] = field(default_factory=dict)
    marks: int = COMMIT_MARK

    def add(self, path: bytes, mode: bytes) -> None:
        self.marks += 1
        self.files[path] = mode, self.marks

    def skip(self, path: bytes, why: str) -> None:
        self.skipped.append(f"{path.decode('utf-8', 'backslashreplace')!r}: {why}")


def import_commit(
    process: subprocess.Popen[bytes],
    ref: bytes,
    parent_commit: str,
    message: str,
    entries: Iterable[Entry],
    ignored: Callable[[bytes], bool],
    watch: Callable[[str], bool],
) -> Imported:
    """Speak to a running ``git fast-import --done``, whose ref moves only after the last word.

    What isn't recorded is identified where ``watch`` says so.
    """
    assert process.stdin is not None and process.stdout is not None
    out = process.stdin
    tree = _Tree()
    for entry in entries:
        _take(out, tree, entry, ignored, watch)
    _commit(out, tree, ref, parent_commit, message)
    out.write(b'get-mark :%d\nls :%d ""\n' % (COMMIT_MARK, COMMIT_MARK))
    if parent_commit:
        out.write(b'ls %s ""\n' % parent_commit.encode())
    out.write(b"done\n")
    out.close()
    answers = process.stdout.read().decode("ascii", "replace").splitlines()
    if len(answers) != (3 if parent_commit else 2):
        raise FellSilent(process)
    trees = [line.split()[2] if not line.startswith("missing") else "" for line in answers[1:]]
    parent_tree_id = trees[1] if parent_commit else ""
    skipped, watched = tuple(tree.skipped), tree.watched
    return Imported(answers[0], trees[0], parent_tree_id, skipped, watched)


def _take(
    out: IO[bytes],
    tree: _Tree,
    entry: Entry,
    ignored: Callable[[bytes], bool],
    watch: Callable[[str], bool],
) -> None:
    match entry.kind:
        case EntryKind.FOLDER:
            return
        case EntryKind.GIT:
            _identify(tree, entry, watch)
        case EntryKind.ODD:
            tree.skip(entry.path, entry.why)
        case EntryKind.FILE | EntryKind.SYMLINK | EntryKind.HARDLINK if ignored(entry.path):
            tree.left_out.add(entry.path)
            _identify(tree, entry, watch)
        case EntryKind.HARDLINK:
            _link(tree, entry)
            if entry.path not in tree.files:
                _identify(tree, entry, watch)
        case EntryKind.SYMLINK:
            tree.add(entry.path, SYMLINK)
            out.write(b"blob\nmark :%d\ndata %d\n" % (tree.marks, len(entry.target)))
            out.write(entry.target + b"\n")
        case EntryKind.FILE:
            tree.add(entry.path, EXECUTABLE if entry.executable else PLAIN)
            out.write(b"blob\nmark :%d\ndata %d\n" % (tree.marks, entry.size_bytes))
            out.writelines(entry.data)
            out.write(b"\n")
        case _:
            assert_never(entry.kind)


def _identify(tree: _Tree, entry: Entry, watch: Callable[[str], bool]) -> None:
    """Note what tells this content from another, without keeping it."""
    path = os.fsdecode(entry.path)
    if watch(path):
        digest = hashlib.sha256(b"%d %s\0" % (entry.executable, entry.target))
        for part in entry.data:
            digest.update(part)
        tree.watched[path] = digest.hexdigest()


def _link(tree: _Tree, entry: Entry) -> None:
    """A hard link carries no data: it is the earlier member under another name."""
    earlier = tree.files.get(entry.target)
    if earlier is not None:
        tree.files[entry.path] = earlier
    elif entry.target in tree.left_out:
        tree.skip(entry.path, "a hard link to a file that is ignored")
    else:
        tree.skip(entry.path, "a hard link to a file that isn't in the archive")


def _commit(out: IO[bytes], tree: _Tree, ref: bytes, parent_commit: str, message: str) -> None:
    text = message.encode("utf-8", "replace")
    # The reset keeps a commit without a parent from growing on what the ref held before.
    out.write(b"reset %s\n\ncommit %s\nmark :%d\n" % (ref, ref, COMMIT_MARK))
    out.write(b"committer %s\ndata %d\n%s\n" % (IDENT.encode(), len(text), text))
    if parent_commit:
        out.write(b"from %s\ndeleteall\n" % parent_commit.encode("ascii"))
    for path, (mode, mark) in sorted(tree.files.items()):
        out.write(b"M %s :%d %s\n" % (mode, mark, _quoted(path)))
    out.write(b"\n")


def _quoted(path: bytes) -> bytes:
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
