"""All benchmarks, one after another; each prints a table of ratios."""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "node_overhead",
    "planner_scale",
    "journal",
    "snapshot_bytes",
    "search_efficiency",
    "knowledge",
    "complexity",
    "honest_numbers",
    "engine_noise",
    "bounded_disk",
    "crashes",
    "soak",
    "faults",
    "hostile",
    "egress",
    "guard",
)


def main() -> int:
    """Run each in a process of its own, so that none warms or burdens the next."""
    failed = []
    for name in ALL:
        print(f"\n== {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
