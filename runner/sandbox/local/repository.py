"""The bare repository that the states of nodes are commits of, and writing one.

It is this product's own, beside the evidence, and no user's. Its ids are SHA-256, so that a commit's
id is the digest of its state.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.evidence.create import ATTRIBUTES, move_into_place
from runner.evidence.git import IDENT, FellSilent, Git
from runner.keeping import keeping
from runner.sandbox.local.names import escaped
from runner.sandbox.local.tree import Entry

FACTS = "oppie-facts"  # of the files in a state's tree, beside them
_CONFIG = {
    "gc.auto": "0",
    "gc.worktreePruneExpire": "never",
    "maintenance.auto": "false",
    "core.bigFileThreshold": "16m",
    "core.logAllRefUpdates": "false",
    "core.compression": "1",
    "core.protectNTFS": "false",
    "core.protectHFS": "false",
}
_IMPORT = ("fast-import", "--quiet", "--done", "--force", "--date-format=raw", "--depth=0")
_CHUNK_BYTES = 1 << 20
_NOWHERE = b"0" * 64


def open_repository(folder: Path) -> Git:
    """The repository at ``folder``, made when absent. Raises EvidenceError, StateError."""
    if not (folder / "HEAD").is_file():
        with keeping("make", folder), tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "states"
            form = ("--bare", "--object-format=sha256", "--template=")
            Git().run("init", "--quiet", *form, str(made))
            (made / "info").mkdir(exist_ok=True)
            (made / "info" / "attributes").write_text(ATTRIBUTES)
            (made / "info" / "exclude").write_text("/tmp/\n")
            for key, value in _CONFIG.items():
                Git(f"--git-dir={made}").run("config", key, value)
            move_into_place(made, folder)
    return Git(f"--git-dir={folder}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be made; its message says what it is ``about``. ``parent`` is a commit, or ""."""

    title: str
    about: str
    parent: str
    facts: bytes


def write_commit(git: Git, draft: Draft, folder: Path, entries: Iterable[Entry]) -> str:
    """Make a commit of the ``entries`` of ``folder``; its id. No ref leads to it yet, so that of a
    planner that is killed now nothing is there. Raises EvidenceError, StateError."""
    message = f"{draft.title}\n\n{draft.about}\n".encode()
    # It has to be on a ref while it is made, which is let go of before that is written. Of its own,
    # since git locks it for that.
    ref = b"refs/oppie-new/%d-%d" % (os.getpid(), threading.get_native_id())
    with git.talk(*_IMPORT) as process:
        assert process.stdin is not None and process.stdout is not None
        out = process.stdin
        out.write(b"commit %s\nmark :1\n" % ref)
        out.write(b"committer %s\ndata %d\n%s\n" % (IDENT.encode(), len(message), message))
        if draft.parent:
            out.write(b"from %s\ndeleteall\n" % draft.parent.encode())
        out.write(b"M 100644 inline %s\n" % FACTS.encode())
        out.write(b"data %d\n%s\n" % (len(draft.facts), draft.facts))
        for entry in entries:
            if not entry.is_folder:
                _write_file(out, folder, entry)
        out.write(b"\nget-mark :1\nreset %s\nfrom %s\n\ndone\n" % (ref, _NOWHERE))
        out.close()
        commit = process.stdout.read().decode("ascii", "replace").strip()
        if not commit:
            raise FellSilent(process)
    return commit


def _write_file(out: IO[bytes], folder: Path, entry: Entry) -> None:
    """One file, or nothing of one that has gone since it was seen."""
    name = _quoted(os.fsencode(escaped(entry.path)))
    path = folder / entry.path
    if entry.is_link:
        target = os.fsencode(path.readlink())
        out.write(b"M 120000 inline %s\ndata %d\n%s\n" % (name, len(target), target))
        return
    mode = b"100755" if entry.mode & stat.S_IXUSR else b"100644"
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        out.write(b"M %s inline %s\ndata %d\n" % (mode, name, left))
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            out.write(chunk)
            left -= len(chunk)
        out.write(bytes(left) + b"\n")  # of one that became shorter meanwhile


def _quoted(path: bytes) -> bytes:
    escapes = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escapes + b'"'
