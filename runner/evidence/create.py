"""Makes the evidence repository."""

from __future__ import annotations

import tempfile
from pathlib import Path

from runner.evidence.git import Git, git_version
from runner.keeping import state_error

# Large files are streamed to disk by git, and packed without being held in memory.
_CONFIG = {
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.bigFileThreshold": "16m",
    "core.logAllRefUpdates": "false",
    "pack.compression": "1",
    "core.protectNTFS": "false",
}
# The bytes are evidence: nothing in a tree may have them converted on the way out.
ATTRIBUTES = "* -text !eol -ident !filter !working-tree-encoding !export-ignore !export-subst\n"


def create(folder: Path) -> None:
    """Make a bare repository at ``folder``; another process may do the same at the same time.

    The folder that it is in has to be there: one that has gone away must not come back empty.
    Raises EvidenceError, StateError.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "evidence"
            Git().run("init", "--quiet", "--bare", "--template=", str(made))
            (made / "info").mkdir(exist_ok=True)
            (made / "info" / "attributes").write_text(ATTRIBUTES)
            git = Git(f"--git-dir={made}")
            for key, value in {**_CONFIG, **_durable()}.items():
                git.run("config", key, value)
            move_into_place(made, folder)
    except OSError as error:
        why = error.strerror or str(error)
        raise state_error("make", folder, error.errno or 0, why) from error


def move_into_place(made: Path, folder: Path) -> None:
    """Rename a finished folder; where another process was first, its equal one stays."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir() or not any(folder.iterdir()):
            raise


def _durable() -> dict[str, str]:
    """What a row of the journal points to must be there after a power cut."""
    if git_version() >= (2, 36):
        return {"core.fsync": "objects,reference"}
    return {"core.fsyncObjectFiles": "true"}
