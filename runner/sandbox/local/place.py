"""One path for all nodes, in a mount namespace of each step's own.

What is made at a path often works there alone: Python's virtual environments, build trees, the
sessions of agents. So each step sees its files at the same place, as in a container. This isolates
nothing, and where the kernel doesn't let this user have it, steps see their own folder's path.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BIND = '"$0" --bind "$1" "$2" && cd "$2/workspace" && shift 2 && exec "$@"'
_PROBE_S = 20.0


def placed(command: tuple[str, ...], tree: Path, place: Path) -> tuple[str, ...]:
    """The command, for which ``tree`` is at ``place``, a folder; it runs in ``place/workspace``.

    Raises ``FileNotFoundError`` where the programs that this takes are missing.
    """
    unshare, bind = (
        _program("unshare"),
        ("sh", "-c", _BIND, _program("mount"), str(tree), str(place)),
    )
    if os.geteuid() == 0:
        return (unshare, "--mount", *bind, *command)
    # Root of a namespace of its own may mount; within another one the user is who it was.
    user = (f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}")
    return (
        *(unshare, "--user", "--map-root-user", "--mount", *bind),
        *(unshare, "--user", *user, *command),
    )


@functools.cache
def is_possible() -> bool:
    """Whether this user may have it, which is tried once."""
    with tempfile.TemporaryDirectory() as scratch:
        tree, place = Path(scratch, "tree"), Path(scratch, "place")
        (tree / "workspace").mkdir(parents=True)
        place.mkdir()
        try:
            command = placed(("test", "-d", str(place / "workspace")), tree, place)
            tried = subprocess.run(
                command,
                env={"PATH": SYSTEM_PATH},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return tried.returncode == 0


def _program(name: str) -> str:
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise FileNotFoundError(name)
    return found
