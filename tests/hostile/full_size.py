"""The attacks at their full size, and a table of how each ended; ``benchmarks.hostile`` starts it."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from hostile.attack import Attack
from hostile.ground import Aftermath, carried_out
from hostile.suite import ALL
from runner.images import ensure_agent_image
from runner.model import Limits, Outcome
from runner.sandbox.connect import connect
from runner.sandbox.protocol import Exit

GIB = 1 << 30
NEUTRAL = (Outcome.NEUTRAL,)
ROOMY = Limits(time_s=600.0, memory_bytes=512 << 20, disk_bytes=3 * GIB, cpus=2.0)

FULL = (
    Attack("log-of-a-gigabyte-in-lines", NEUTRAL, f"yes all work and no play | head -c {GIB}"),
    Attack("log-of-a-gigabyte-in-one-line", NEUTRAL, f"head -c {GIB} /dev/zero | tr '\\0' x"),
    Attack(
        "a-hundred-thousand-files",
        NEUTRAL,
        """\
        python3 -c '
        import os
        for number in range(100_000):
            os.makedirs(f"many/{number // 1000}", exist_ok=True)
            open(f"many/{number // 1000}/{number}", "w").write(str(number))'
        """,
    ),
    Attack("a-gigabyte-in-one-file", NEUTRAL, f"head -c {GIB} /dev/urandom >big"),
    Attack("a-gigabyte-in-many-files", NEUTRAL, "mkdir m; head -c 1G /dev/urandom | split -b 1M -a 4 - m/"),
    Attack("more-than-the-disk-limit-in-many-files", (Outcome.DISK,), "yes | split -b 1M -a 5 - part-"),
)


def main() -> int:
    """Carry them out, in two runs, and print what came of them; 0 if all was as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="only attacks with this in their names")
    only = parser.parse_args().only
    with closing(connect()) as client:
        image = ensure_agent_image(client)
    wrong = 0
    print(f"{'attack':<44}{'ended as':<12}{'':<8}{'action':>9}{'evidence':>10}{'commit':>9}")
    for attacks, limits in ((ALL, None), (FULL, ROOMY)):
        chosen = [attack for attack in attacks if only in attack.key]
        if chosen:
            with tempfile.TemporaryDirectory() as folder:
                after = carried_out(chosen, image, Path(folder), limits)
                wrong += sum(map(_told, _rows(after, chosen)))
            wrong += _told_of_the_rest(after)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"\nplanner's memory at its peak: {peak_mib} MiB")
    return 1 if wrong else 0


def _rows(after: Aftermath, attacks: Sequence[Attack]) -> Iterator[tuple[str, str, bool, list[float]]]:
    for attack in attacks:
        node = after.nodes[attack.key]
        right = node.outcome in attack.ends and attack.says in node.reason and node.attempts == 1
        times = [node.seconds.get(name, 0.0) for name in ("act", "evidence", "commit")]
        yield attack.key, str(node.outcome), right, times


def _told(row: tuple[str, str, bool, list[float]]) -> bool:
    key, outcome, right, times = row
    seconds = "".join(f"{each:>8.1f} s" for each in times)
    print(f"{key:<44}{outcome:<12}{'' if right else 'WRONG':<8}{seconds}")
    return not right


def _told_of_the_rest(after: Aftermath) -> int:
    facts = {
        "neighbour's longest pause": f"{after.pause_s:.1f} s",
        "processes left": len(after.survivors),
        "changes on the host": len(after.host_changes),
        "engine's next container": after.trivial_node,
    }
    print("; ".join(f"{what}: {value}" for what, value in facts.items()), end="\n\n")
    return len(after.survivors) + len(after.host_changes) + (after.trivial_node is not Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
