"""What a sandbox without an engine can't promise, in words for a person."""

from __future__ import annotations

from collections.abc import Iterator

from runner.sandbox.local.place import is_possible


def shortcomings() -> tuple[str, ...]:
    """One sentence each, the gravest first: what is said at the start of a run, and by `doctor`."""
    return tuple(_all())


def _all() -> Iterator[str]:
    yield (
        "No isolation: actions, checks and benchmarks run as you, and can read and change all that "
        "you can, this program's own records included."
    )
    yield "No network is kept from them: what `hosts` lists is all the same."
    yield (
        "Memory is limited for each process and not for all together, and no step ends as `oom`; "
        "CPUs and the number of processes aren't limited at all."
    )
    yield (
        "The tools are this machine's: there is no image, and `runtime`, `read_only` and `mounts` "
        "do nothing."
    )
    if not is_possible():
        yield (
            "Each node has another path, since this user may make no mount namespaces: virtual "
            "environments and build trees that name their path don't work in other nodes, and "
            "agents may not find their sessions."
        )
