"""All cheats, by the task that they are run in."""

from __future__ import annotations

from cheats import (
    in_the_home_folder,
    inside,
    on_git,
    on_tests,
    on_the_benchmark,
    that_remember,
    with_processes,
)
from cheats.cheat import Cheat

BY_TASK: dict[str, tuple[Cheat, ...]] = {
    "plain": (
        *on_tests.CHEATS,
        *on_the_benchmark.CHEATS,
        *in_the_home_folder.CHEATS,
        *that_remember.CHEATS,
        *with_processes.CHEATS,
        *on_git.CHEATS,
    ),
    "sealed": inside.SEALED,
    "clock": inside.CLOCKED,
}
ALL = tuple(cheat for cheats in BY_TASK.values() for cheat in cheats)
