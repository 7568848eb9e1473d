"""What a sandbox without an engine can't promise, in words for a person."""

from __future__ import annotations


def shortcomings() -> tuple[str, ...]:
    """One sentence each, the gravest first: what is said at the start of a run, and by `doctor`."""
    return (
        "No isolation: actions, checks and benchmarks run as you, and can read and change all that "
        "you can, this program's own records included.",
        "No network is kept from them; `hosts` and the egress rules do nothing.",
        "Memory is limited for each process, not for all together, and none ends as `oom`; CPUs, "
        "the number of processes and the size of /tmp aren't limited at all.",
        "The workspace is a folder and not /workspace, its path differs from node to node, and "
        "`read_only`, `runtime`, `mounts` and the image don't apply: the tools are this machine's.",
        "Measurements share the machine with whatever else runs on it.",
    )
