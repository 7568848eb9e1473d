"""The files as they are now, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

from helios.errors import PathError


@dataclass
class File:
    """A file's path, relative to the root of the tree, and its content."""

    path: str
    data: bytes

    @property
    def folders(self) -> list[str]:
        """The names of the directories that it is in, outermost first."""
        return self.path.split("/")[:-1]

    @property
    def name(self) -> str:
        return self.path.split("/")[-1]


class WorkTree:
    """Files by path. A directory is there as long as a file is in it."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def write(self, path: str, data: bytes) -> None:
        """Add or replace a file. Raises ``PathError`` where a directory is in the way."""
        for other in self._files:
            if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                raise PathError(f"{path!r} clashes with {other!r}")
        self._files[path] = File(path, data)

    def delete(self, path: str) -> None:
        """Remove a file. Raises ``PathError`` if there is none."""
        if path not in self._files:
            raise PathError(f"no file {path!r}")
        del self._files[path]

    def read(self, path: str) -> bytes:
        """A file's content. Raises ``PathError`` if there is none."""
        if path not in self._files:
            raise PathError(f"no file {path!r}")
        return self._files[path].data

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Forget what is there, and hold these files instead."""
        self._files = {path: File(path, data) for path, data in files.items()}

    def files(self) -> list[File]:
        """All files, sorted by path."""
        return sorted(self._files.values(), key=lambda file: file.path)

    def paths(self) -> list[str]:
        """All paths, sorted."""
        return sorted(self._files)
