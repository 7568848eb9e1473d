"""The root's ignore rules, as git itself reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.evidence.git import FellSilent, Git

_CHECK = ("check-ignore", "--stdin", "-z", "--no-index", "-v", "-n")
_FIELDS = 4  # source, line, pattern, path: what `check-ignore -v -n -z` says of each path
_EXIT_NONE_IGNORED = 1


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Which files stay out of the evidence.

    ``folder`` is a scratch work tree that holds nothing but the root's ``.gitignore`` files
    (``None`` where there are none); ``kept`` are the files that the root's own evidence holds,
    which no rule leaves out.
    """

    folder: Path | None = None
    kept: frozenset[bytes] = frozenset()

    @contextmanager
    def session(self) -> Iterator[Callable[[bytes], bool]]:
        """A predicate over paths relative to the workspace, valid within the ``with`` block."""
        if self.folder is None:
            yield lambda path: path not in self.kept and _is_ours(path)
            return
        git = Git(
            "-C", str(self.folder), f"--git-dir={self.folder / '.git'}",
            f"--work-tree={self.folder}", "-c", "core.excludesFile=/dev/null",
        )  # fmt: skip
        with git.talk(*_CHECK, allowed=(0, _EXIT_NONE_IGNORED)) as process:
            answers = _Answers(process)
            yield lambda path: (
                path not in self.kept and (_is_ours(path) or answers.ignored(path))
            )


def _is_ours(path: bytes) -> bool:
    """Where checks leave their results: never part of a target, see ``pack_target``."""
    return path.startswith(b".oppie/")


class _Answers:
    """One question at a time, each answered before the next: git flushes after every path."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._questions = process.stdin
        self._answers = process.stdout
        self._heard = b""

    def ignored(self, path: bytes) -> bool:
        # The dot keeps a leading colon from being read as pathspec magic.
        self._questions.write(b"./" + path + b"\0")
        self._questions.flush()
        pattern = self._fields()[2]
        return bool(pattern) and not pattern.startswith(b"!")

    def _fields(self) -> list[bytes]:
        while self._heard.count(b"\0") < _FIELDS:
            heard = self._answers.read1(1 << 16)  # type: ignore[attr-defined]
            if not heard:
                raise FellSilent(self._process)
            self._heard += heard
        *fields, self._heard = self._heard.split(b"\0", _FIELDS)
        return fields
