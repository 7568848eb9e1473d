"""All attacks."""

from __future__ import annotations

from hostile import (
    on_git,
    on_logs,
    on_memory_and_disk,
    on_privileges,
    on_the_network,
    on_the_workspace,
    with_processes,
)

ALL = (
    *with_processes.ATTACKS,
    *on_memory_and_disk.ATTACKS,
    *on_logs.ATTACKS,
    *on_the_network.ATTACKS,
    *on_the_workspace.ATTACKS,
    *on_git.ATTACKS,
    *on_privileges.ATTACKS,
)
