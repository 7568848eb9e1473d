"""The commits of a store, oldest first, on disk."""

import os
from pathlib import Path

from helios.errors import CorruptObject

LINE_BYTES = 65  # 64 hex digits and a newline


class History:
    """A list of commit ids that only grows; a line each in a file that is only appended to."""

    def __init__(self, folder: Path) -> None:
        path = folder / "history"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        self._commits = _load(path)

    @property
    def head(self) -> str:
        """The newest commit, or ``""``."""
        return self._commits[-1] if self._commits else ""

    def all(self) -> list[str]:
        return list(self._commits)

    def append(self, commit_id: str) -> None:
        """Add a commit; it is on disk when this returns."""
        os.write(self._file, f"{commit_id}\n".encode())
        self._commits.append(commit_id)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _load(path: Path) -> list[str]:
    content = path.read_bytes().decode(errors="replace")
    lines = content.splitlines(keepends=True)
    if any(len(line) != LINE_BYTES or not line.endswith("\n") for line in lines):
        raise CorruptObject(f"{path} holds something that is no commit id")
    return [line.rstrip("\n") for line in lines]
