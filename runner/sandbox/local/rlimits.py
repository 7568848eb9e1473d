"""What a process without an engine can still be held to: by the kernel, for each process alone."""

from __future__ import annotations

import math
import os
import resource

from runner.model import Limits

_BLOCK_BYTES = 512  # the unit of `ulimit -f`
_SCRIPT = 'for each in $0; do ulimit "-${each%=*}" "${each#*=}"; done; exec "$@"'


def limited(command: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """The command, held to what of ``limits`` is enforceable.

    Open files, the size of one file, the memory that one process has to itself (its data segment:
    what it shares, or only reserves, doesn't count), no dumps of memory; and, for what gets away from
    its step's deadline, processor time: as much as all processors give in the time of a step.
    """
    wanted = {
        "c": (resource.RLIMIT_CORE, 0, 1),
        "n": (resource.RLIMIT_NOFILE, limits.open_files, 1),
        "f": (resource.RLIMIT_FSIZE, 2 * limits.disk_bytes, _BLOCK_BYTES),
        "d": (resource.RLIMIT_DATA, limits.memory_bytes, 1024),
        "t": (resource.RLIMIT_CPU, math.ceil(limits.time_s * (os.cpu_count() or 1)) + 1, 1),
    }
    told = (f"{flag}={_within(*each)}" for flag, each in wanted.items())
    return ("sh", "-c", _SCRIPT, " ".join(told), *command)


def _within(which: int, value: int, unit: int) -> int:
    """The value in its unit; no more than this process may ask for."""
    hard = resource.getrlimit(which)[1]
    return (value if hard == resource.RLIM_INFINITY else min(value, hard)) // unit
