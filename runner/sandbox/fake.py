"""A sandbox without an engine: folders for images and containers, processes for commands.

FOR TESTS AND FOR THE SIMULATION OF FAULTS ONLY. There is no isolation whatsoever: a command runs as
this user, on this host, with its network and its files. Run nothing in it that you wouldn't run in
your own shell.

What is not the same as on an engine: memory, CPU, processes, files and tmpfs aren't limited, so that
no step ends as ``oom``; ``WORKSPACE`` is the current directory and not a path; a process that makes
itself a session of its own escapes the deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.sandbox.hosted import HostedSandbox
from runner.sandbox.image_folder import ImageFolder


class FakeSandbox(HostedSandbox):
    """See ``protocol.Sandbox``. ``folder`` may be shared by any number of workers and runs.

    ``disk_bytes`` is the size of the disk that the snapshots share; a commit that finds no room there
    fails as an engine's does. Without it, it is that of the host.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        slot: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
        disk_bytes: int | None = None,
    ) -> None:
        del slot  # workers share nothing here but the folder
        self._folders = ImageFolder(folder, disk_bytes)
        super().__init__(folder / "containers", self._folders, run_id, cancelled)

    def base(self) -> str:
        """A reference to an image with an empty workspace."""
        return self._folders.base()
