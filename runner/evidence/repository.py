"""The evidence repository: every attempt's source tree as a commit, one ref per node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from runner.errors import TaskError
from runner.evidence.archive import ArchiveLimits, read_entries
from runner.evidence.checkout import write_tree
from runner.evidence.create import create, move_into_place
from runner.evidence.fastimport import import_commit
from runner.evidence.git import Git
from runner.evidence.ignore import IgnoreRules
from runner.evidence.outgoing import archive_of
from runner.evidence.target import MTIME_S
from runner.evidence.trees import changed_in, entries_of
from runner.keeping import keeping

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git knows it in every repository

_IMPORT = ("fast-import", "--quiet", "--done", "--force", "--date-format=raw", "--depth=0")
_DIFF = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A workspace as evidence.

    ``tree_id`` is equal for equal source trees. ``files_changed`` counts the paths that differ from
    the parent commit's (all of them, where there is none). ``skipped`` names what no git tree can
    hold, each with the reason. ``watched`` maps paths of which no evidence is kept to what identifies
    their content, where ``record`` was asked to watch them.
    """

    commit: str
    tree_id: str
    parent_tree_id: str
    files_changed: int
    skipped: tuple[str, ...] = ()
    watched: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileStat:
    """One file of a diff; the counts are lines, ``None`` for a binary file."""

    path: str
    added: int | None
    removed: int | None


class Evidence:
    """A bare git repository, created when absent. Safe to use from several threads.

    Every method raises EvidenceError when git fails, StateError when its disk does, and TaskError
    for a node without evidence.
    """

    def __init__(self, folder: Path, limits: ArchiveLimits | None = None) -> None:
        self._folder = folder.absolute()
        self._limits = limits or ArchiveLimits()
        self._git = Git(f"--git-dir={self._folder}")
        if not (self._folder / "HEAD").is_file():
            create(self._folder)

    @property
    def folder(self) -> Path:
        return self._folder

    def record(
        self,
        run_id: str,
        label: str,
        parent_commit: str,
        archive: Iterable[bytes],
        message: str,
        rules: IgnoreRules | None = None,
        watch: Callable[[str], bool] = lambda _: False,
    ) -> Recorded:
        """Keep a workspace as the commit of ``refs/oppie/<run_id>/<label>``.

        ``archive`` is the tar stream of the folder ``workspace``, read once, to its end. ``watch`` is
        asked for each file that stays out: those that git ignores, and git's own.
        ``parent_commit`` is "" for the first. Recording the same tree again gives the same commit.
        Raises EvidenceError for a damaged stream, TreeTooLarge beyond the limits; what ``archive``
        raises goes through. In each of these cases the ref is what it was.
        """
        ref = self.ref(run_id, label)
        entries = read_entries(archive, self._limits)
        with (rules or IgnoreRules()).session() as ignored, self._importer() as process:
            made = import_commit(
                process, ref.encode(), parent_commit, message, entries, ignored, watch
            )
        changed = self.changed(made.parent_tree_id or EMPTY_TREE, made.tree_id)
        trees = made.tree_id, made.parent_tree_id
        return Recorded(made.commit, *trees, len(changed), made.skipped, made.watched)

    def archive(
        self,
        commit: str,
        wanted: Callable[[str], bool] = lambda _: True,
        modified_s: int = MTIME_S,
    ) -> Iterator[bytes]:
        """The ``wanted`` files of a commit or tree as a tar stream of ``workspace/...``, for a
        container. They were modified ``modified_s`` after the epoch."""
        return archive_of(self._git, commit, wanted, modified_s)

    def ref(self, run_id: str, label: str) -> str:
        """The full name of a node's ref, which any git can fetch."""
        return f"refs/oppie/{run_id}/{label}"

    def commit(self, run_id: str, label: str) -> str:
        """The commit of a node. Raises TaskError where there is none."""
        done = self._git.attempt(
            "rev-parse", "--verify", "--quiet", f"{self.ref(run_id, label)}^{{commit}}"
        )
        if done.returncode != 0:
            self._git.demand_repository()
            raise TaskError(f"{label}: run {run_id} holds no evidence of such a node")
        return done.stdout.decode().strip()

    def manifest(self, commit: str) -> Mapping[str, str]:
        """Path to ``<mode> <blob id>`` for every file of a commit or tree; equal means same file.

        A path that isn't UTF-8 carries its odd bytes as surrogates, as ``os.fsdecode`` makes them.
        """
        return MappingProxyType(entries_of(self._git, commit))

    def links(self, commit: str) -> Mapping[str, str]:
        """Path to target for every symbolic link of a commit or tree."""
        files = self.manifest(commit)
        found = {path: id_.split()[1] for path, id_ in files.items() if id_.startswith("120000 ")}
        return {
            path: os.fsdecode(self._git.run("cat-file", "blob", blob))
            for path, blob in found.items()
        }

    def changed(self, a: str, b: str) -> tuple[str, ...]:
        """The paths that differ between two commits or trees."""
        return changed_in(self._git, a, b)

    def ignore_rules(self, commit: str) -> IgnoreRules:
        """The ignore rules of a commit, normally the root's; made once, then found again."""
        kept = frozenset(os.fsencode(path) for path in self.manifest(commit))
        sources = [path for path in kept if path.rpartition(b"/")[2] == b".gitignore"]
        if not sources:
            return IgnoreRules(None, kept)
        folder = self._folder / "oppie-rules" / commit
        if not folder.is_dir():
            self._write_rules(commit, sources, folder)
        return IgnoreRules(folder, kept)

    def diff(self, run_id: str, a: str, b: str) -> bytes:
        """A patch from node ``a`` to node ``b`` that ``git apply`` takes, binary files included."""
        return self._git.run("diff", "--binary", "--full-index", *_DIFF, *self._pair(run_id, a, b))

    def excerpt(self, a: str, b: str, limit_bytes: int) -> bytes:
        """The beginning of the patch between two commits; nothing beyond the limit is held."""
        return self._git.head("diff", *_DIFF, a, b, limit_bytes=limit_bytes)

    def stat(self, run_id: str, a: str, b: str) -> str:
        """The files that differ and by how many lines, for a person."""
        return self._git.run("diff", "--stat", *_DIFF, *self._pair(run_id, a, b)).decode(
            "utf-8", "replace"
        )

    def numstat(self, run_id: str, a: str, b: str) -> tuple[FileStat, ...]:
        """The files that differ between two nodes, for a program."""
        rows = self._git.run("diff", "--numstat", "-z", *_DIFF, *self._pair(run_id, a, b))
        fields = (row.split(b"\t", 2) for row in rows.split(b"\0") if row)
        return tuple(
            FileStat(os.fsdecode(path), _lines(added), _lines(removed))
            for added, removed, path in fields
        )

    def write_patch(self, run_id: str, a: str, b: str, path: Path) -> None:
        """Write ``diff`` to a file, which appears whole or not at all. Raises StateError."""
        pair = self._pair(run_id, a, b)
        with keeping("write", path), tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
            try:
                # Through our hands: of a full disk git says no more than that writing failed.
                with self._git.talk("diff", "--binary", "--full-index", *_DIFF, *pair) as git:
                    assert git.stdout is not None
                    shutil.copyfileobj(git.stdout, out)
                out.close()
                Path(out.name).chmod(0o644)
                Path(out.name).replace(path)
            except BaseException:
                Path(out.name).unlink()
                raise

    def checkout(self, run_id: str, label: str, folder: Path) -> tuple[str, ...]:
        """Write a node's files to a missing or empty folder; see ``write_tree`` for links.

        Returns the links that were written as text. Raises Refused for any other folder.
        """
        return write_tree(self._folder, self.commit(run_id, label), folder)

    def forget(self, run_id: str, label: str) -> None:
        """Drop a ref; absent is fine. What it alone held goes with the run."""
        self._git.run("update-ref", "-d", self.ref(run_id, label))

    def delete_run(self, run_id: str) -> None:
        """Drop a run's refs and whatever no other run holds. Nothing may be recording meanwhile."""
        refs = self._git.run("for-each-ref", "--format=%(refname)", f"refs/oppie/{run_id}/")
        doomed = b"".join(b"delete %s\n" % ref for ref in refs.splitlines())
        self._git.run("update-ref", "--stdin", stdin=doomed)
        shutil.rmtree(self._folder / "oppie-rules", ignore_errors=True)
        self._git.run("gc", "--quiet", "--prune=now")

    def _pair(self, run_id: str, a: str, b: str) -> tuple[str, str]:
        return self.commit(run_id, a), self.commit(run_id, b)

    @contextmanager
    def _importer(self) -> Iterator[subprocess.Popen[bytes]]:
        pid = 0
        try:
            with self._git.talk(*_IMPORT) as process:
                pid = process.pid
                yield process
        finally:
            # How git died is in the error; the report it left is for its own developers.
            with suppress(OSError):
                (self._folder / f"fast_import_crash_{pid}").unlink(missing_ok=True)

    def _write_rules(self, commit: str, sources: list[bytes], folder: Path) -> None:
        with keeping("make", folder.parent):
            folder.parent.mkdir(exist_ok=True)
        with keeping("write", folder), tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "rules"
            Git().run("init", "--quiet", "--template=", str(made))
            for source in sources:
                name = made / os.fsdecode(source)
                name.parent.mkdir(parents=True, exist_ok=True)
                name.write_bytes(
                    self._git.run("cat-file", "blob", f"{commit}:{os.fsdecode(source)}")
                )
            move_into_place(made, folder)


def _lines(count: bytes) -> int | None:
    return None if count == b"-" else int(count)
