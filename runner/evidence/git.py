"""Runs ``git`` as a child process: no user or system configuration, no prompts, no pager."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from runner.errors import EvidenceError, OppieError
from runner.evidence.errors import GitMissing
from runner.keeping import number_of, state_error

STDERR_TAIL_BYTES = 2000
_BARE = "--git-dir="
GRACE_S = 10.0

_IDENTITY = {
    "GIT_AUTHOR_NAME": "oppie",
    "GIT_AUTHOR_EMAIL": "oppie@localhost",
    "GIT_COMMITTER_NAME": "oppie",
    "GIT_COMMITTER_EMAIL": "oppie@localhost",
}
# 2000-01-01: one date for all commits, so that equal trees with equal parents are equal commits.
FIXED_DATE = "946684800 +0000"
IDENT = f"{_IDENTITY['GIT_AUTHOR_NAME']} <{_IDENTITY['GIT_AUTHOR_EMAIL']}> {FIXED_DATE}"

_ENVIRONMENT = {
    **_IDENTITY,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}
# A repository's own configuration may name programs; none of them has a say here.
_NEUTRAL = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "safe.directory=*",
)  # fmt: skip

# Set where git itself started us, as in a hook; they would lead it elsewhere.
_MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


@cache
def git_program() -> str:
    """The absolute path of git. Raises GitMissing."""
    found = shutil.which("git")
    if found is None:
        raise GitMissing("git is not on the PATH; install git 2.30 or newer")
    return found


@cache
def git_version() -> tuple[int, ...]:
    """Such as (2, 39, 5). Raises EvidenceError."""
    said = Git().run("version").decode("ascii", "replace")
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])


def stderr_tail(stderr: bytes) -> str:
    """The end of what a program complained about, as one printable line."""
    text = stderr[-STDERR_TAIL_BYTES:].decode("utf-8", "replace").strip()
    return " / ".join(line for line in text.splitlines() if line) or "it said nothing"


class FellSilent(Exception):
    """A git that is being talked to said less than it has to; its ``talk`` finds out why."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__("git said less than it has to")
        self.process = process


class Git:
    """git, bound to where it works: ``where`` are options such as ``--git-dir=...`` or ``-C``."""

    def __init__(self, *where: str, env: Mapping[str, str] | None = None) -> None:
        self._where: tuple[str, ...] = (git_program(), *_NEUTRAL, *where)
        self._env: dict[str, str] | None = {**_ENVIRONMENT, **(env or {})}
        bare = [part.removeprefix(_BARE) for part in where if part.startswith(_BARE)]
        self._repository = Path(bare[0]) if bare else None

    @classmethod
    def of_user(cls, *where: str) -> Git:
        """git as the user has it, with their configuration, filters and hooks.

        For what changes their work tree, which must look as if they had done it themselves.
        """
        git = cls(*where)
        unset = [part for name in _MISLEADING for part in ("-u", name)]
        git._where = ("env", *unset, "GIT_TERMINAL_PROMPT=0", git_program(), *where)
        git._env = None
        return git

    def command(self, *args: str) -> list[str]:
        return [*self._where, *args]

    def attempt(
        self, *args: str, stdin: bytes = b"", stdout: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git and return how it went, whatever its exit code."""
        return subprocess.run(
            self.command(*args),
            input=stdin,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
            check=False,
        )

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        stdout: IO[bytes] | None = None,
        allowed: Sequence[int] = (0,),
    ) -> bytes:
        """Run git and return its stdout. Raises EvidenceError with the tail of its stderr, and
        StateError if it is the disk that failed."""
        done = self.attempt(*args, stdin=stdin, stdout=stdout)
        if done.returncode not in allowed:
            raise self._failure(args[0], done.returncode, done.stderr)
        return done.stdout or b""

    def head(self, *args: str, limit_bytes: int) -> bytes:
        """The beginning of git's stdout; git is ended once that was read."""
        with subprocess.Popen(
            self.command(*args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._env,
        ) as process:
            assert process.stdout is not None
            read = process.stdout.read(limit_bytes)
            process.kill()
            return read

    @contextmanager
    def talk(self, *args: str, allowed: Sequence[int] = (0,)) -> Iterator[subprocess.Popen[bytes]]:
        """A git that is spoken to over pipes; on the way out it is made to end, whatever happens.

        Raises EvidenceError when it fails, or when it went away in the middle of a sentence, and
        StateError if it is the disk that failed.
        """
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                self.command(*args),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=self._env,
            )
            broken = False
            try:
                yield process
                _hang_up(process)
            except FellSilent as silence:
                if silence.process is not process:
                    raise  # another's silence
                broken = True
            except BrokenPipeError:
                if not _ended(process):
                    raise  # another's pipe
                broken = True
            finally:
                _end(process)
            if broken or process.returncode not in allowed:
                complaints.seek(0)
                raise self._failure(args[0], process.returncode, complaints.read())

    def demand_repository(self) -> None:
        """Raises StateError where the bare repository that git works in is gone."""
        if self._repository is not None and not self._repository.is_dir():
            raise state_error("use the evidence in", self._repository, errno.ENOENT, "it is gone")

    def _failure(self, name: str, code: int, stderr: bytes) -> OppieError:
        """Why git failed: the disk under a bare repository, which is one of ours, or git itself."""
        said = stderr_tail(stderr)
        if self._repository is not None:
            self.demand_repository()
            if number := number_of(said):
                told = f"git {name}: {said}"
                return state_error("use the evidence in", self._repository, number, told)
        return EvidenceError(f"git {name} failed with exit code {code}: {said}")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no child and no pipe behind. A closed stdin lets git clean up after itself first."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
