"""A folder on the host, read with care: it may be a stranger's.

Nothing is executed or written, no link is followed, and what is read is bounded. A file that can't
be read, or isn't what its name says, is as good as empty; why is noted for ``--explain``.
"""

from __future__ import annotations

import configparser
import json
import os
import stat
import tomllib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from runner.errors import TaskError

MAX_ENTRIES = 20_000
MAX_BYTES = 1 << 20
MAX_CONFIG_BYTES = 256 << 10  # TOML and INI are read by slower parsers than JSON
MAX_DEPTH = 16

Table = Mapping[str, object]

# What tools put beside the sources. Whatever tests lie there are not the repository's own.
_NEVER = frozenset(
    {
        *(".git", ".hg", ".svn", ".oppie", ".venv", "venv", ".tox", ".nox", "__pycache__"),
        *("node_modules", "bower_components", "jspm_packages", ".yarn", ".gradle", ".idea"),
        *("site-packages", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".bundle", "Pods"),
        *("_build", ".build", ".terraform", ".cache", ".eggs", ".next", ".nuxt"),
    }
)
# Folders that are a tool's only beside the file which that tool works from.
_OUTPUTS = {
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "vendor": ("composer.json", "go.mod", "Gemfile", "Cargo.toml"),
    "deps": ("mix.exs",),
    "build": ("build.gradle", "build.gradle.kts", "setup.py", "CMakeLists.txt", "pyproject.toml"),
    "dist": ("package.json", "setup.py", "pyproject.toml"),
    "coverage": ("package.json",),
    "bin": ("*.csproj", "*.fsproj", "*.vbproj"),
    "obj": ("*.csproj", "*.fsproj", "*.vbproj"),
}


class Tree:
    """The files of ``root``, with ``/`` between their names, the shallow ones first.

    ``cut`` says that there are more than were looked at. ``problems`` grows as files turn out to be
    unreadable. Raises ``TaskError`` if ``root`` is no folder that can be read.
    """

    def __init__(self, root: Path, max_entries: int = MAX_ENTRIES) -> None:
        if not root.is_dir():
            raise TaskError(f"{root}: there is no such folder")
        self.root = root
        self.cut = False
        self.problems: dict[str, str] = {}
        self._left = max_entries
        self._texts: dict[str, str] = {}
        self.files = tuple(self._walk())
        self._names = frozenset(self.files)

    def __contains__(self, path: str) -> bool:
        return path in self._names

    def below(self, folder: str) -> tuple[str, ...]:
        """The files in a folder and all that are in it; of "", all files."""
        prefix = f"{folder}/" if folder else ""
        return tuple(path for path in self.files if path.startswith(prefix))

    def text(self, path: str, max_bytes: int = MAX_BYTES) -> str:
        """The text of a file; "" if it isn't there, can't be read, or is larger than may be read."""
        if path not in self._names:
            return ""
        if path not in self._texts:
            self._texts[path] = _decoded(self._read(path, max_bytes))
        return self._texts[path]

    def json(self, path: str) -> Table:
        """The object in a JSON file; an empty one if there is none."""
        return self._parse(path, self.text(path), json.loads, "JSON")

    def toml(self, path: str) -> Table:
        """The table of a TOML file; an empty one if there is none."""
        return self._parse(path, self.text(path, MAX_CONFIG_BYTES), tomllib.loads, "TOML")

    def ini(self, path: str) -> Mapping[str, Mapping[str, str]]:
        """The sections of an INI file, as they are written; none if it isn't one."""
        return self.ini_in(path, self.text(path, MAX_CONFIG_BYTES))

    def ini_in(self, path: str, text: str) -> Mapping[str, Mapping[str, str]]:
        """The sections of INI text that the file ``path`` holds."""
        found = self._parse(path, text, _ini, "INI")
        return {name: value for name, value in found.items() if isinstance(value, dict)}

    def _parse(self, path: str, text: str, parse: Callable[[str], object], kind: str) -> Table:
        if not text:
            return {}
        try:
            found = parse(text)
        except (ValueError, RecursionError, configparser.Error) as error:
            words = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            self.problems[path] = f"is no valid {kind}: {words}"
            return {}
        return found if isinstance(found, dict) else {}

    def _read(self, path: str, max_bytes: int) -> bytes:
        """The bytes of a regular file, without ever waiting for a FIFO, or following a link."""
        try:
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                about = os.fstat(handle)
                if not stat.S_ISREG(about.st_mode):
                    return b""
                if about.st_size > max_bytes:
                    self.problems[path] = f"has over {max_bytes:,} bytes, and was not read"
                    return b""
                return file.read(max_bytes)
        except OSError as error:
            self.problems[path] = f"can't be read: {error.strerror}"
            return b""

    def _walk(self) -> Iterator[str]:
        folders = deque([("", 0)])
        while folders:
            folder, depth = folders.popleft()
            files, inner = self._listed(folder)
            prefix = f"{folder}/" if folder else ""
            yield from (prefix + name for name in files)
            kept = (name for name in inner if not _is_output(name, files))
            if depth < MAX_DEPTH:
                folders.extend((prefix + name, depth + 1) for name in kept)

    def _listed(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of a folder's regular files and of its folders, sorted."""
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    if self._left == 0:
                        self.cut = True
                        break
                    self._left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(entry.name)
        except OSError as error:
            if not folder:
                raise TaskError(f"{self.root}: can't be read: {error.strerror}") from error
            self.problems[folder] = f"can't be read: {error.strerror}"
        return sorted(files), sorted(folders)


def at(table: object, *keys: str) -> object:
    """What lies at a path of keys; ``None`` where a key is missing or a value is no table."""
    for key in keys:
        if not isinstance(table, Mapping):
            return None
        table = table.get(key)
    return table


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or a text by itself."""
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _is_output(name: str, beside: list[str]) -> bool:
    if name in _NEVER:
        return True
    makers = _OUTPUTS.get(name, ())
    return any(fnmatchcase(file, maker) for maker in makers for file in beside)


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 with their marks, else UTF-8 with what isn't replaced."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: {k: v or "" for k, v in parser.items(name)} for name in parser.sections()}
