"""The engine: a virtual tree of files with snapshots."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from helios.codec import decode_commit, encode_commit
from helios.diff import diff_trees
from helios.history import History
from helios.materialise import materialise_tree
from helios.merkle import read_tree, write_tree
from helios.model import COMMIT, Change, Commit
from helios.paths import check_path
from helios.store import ObjectStore
from helios.worktree import WorkTree


class Engine:
    """Files in memory, their snapshots on disk. Not for several writers at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the store in ``folder``, or make one; the files of its newest commit are there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._store = ObjectStore(folder)
        self._history = History(folder)
        self._work = WorkTree()
        if self._history.head:
            self.restore(self._history.head)

    def write(self, path: str, data: bytes) -> None:
        """Add or replace a file. Raises ``PathError`` for a path that can't be."""
        check_path(path)
        self._work.write(path, bytes(data))

    def delete(self, path: str) -> None:
        """Remove a file. Raises ``PathError`` if there is none."""
        self._work.delete(path)

    def read(self, path: str) -> bytes:
        """A file's content. Raises ``PathError`` if there is none."""
        return self._work.read(path)

    def paths(self) -> list[str]:
        """The paths of all files, sorted."""
        return self._work.paths()

    def commit(self, message: str = "") -> str:
        """Store a snapshot of all files; returns its id. It is on disk when this returns."""
        parent = self._history.head

        # Nobody can change a copy while it is being stored.
        frozen = copy.deepcopy(self._work)
        root = write_tree(self._store, frozen)

        snapshot = encode_commit(Commit(root, parent, message))
        commit_id = self._store.put(COMMIT, snapshot)

        # The history names only what the store holds.
        self._history.append(commit_id)
        return commit_id

    def show(self, commit_id: str) -> Commit:
        """A commit by its id. Raises ``ObjectMissing`` if there is none."""
        return decode_commit(self._store.get(COMMIT, commit_id))

    def log(self) -> Iterator[tuple[str, Commit]]:
        """Ids and commits, newest first."""
        for commit_id in reversed(self._history.all()):
            yield commit_id, self.show(commit_id)

    def diff(self, old: str, new: str) -> list[Change]:
        """What changed from one commit to another, by path."""
        return diff_trees(self._store, self.show(old).root, self.show(new).root)

    def restore(self, commit_id: str) -> None:
        """Make the files what they were in a commit; the history stays as it is."""
        self._work.replace(read_tree(self._store, self.show(commit_id).root))

    def materialise(self, commit_id: str, folder: Path) -> int:
        """Write a commit's files into an empty or new folder; returns how many."""
        return materialise_tree(self._store, self.show(commit_id).root, folder)

    def close(self) -> None:
        """Let go of the files on disk; everything committed is there already."""
        self._history.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
