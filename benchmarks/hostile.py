"""Hostile actions, all of them and at their full size: how each ends, and what it costs.

    python -m benchmarks.hostile [--only PART-OF-A-NAME]

A gigabyte of log, a gigabyte in one file and in a thousand, 100,000 files: beside what the tests try.
Each must end as docs/hostile-actions.md says, at its first attempt, with the neighbour's heart beating,
nothing left, the host as it was and the engine well; the exit code is 1 otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Start it where the tests' own modules are found."""
    command = [sys.executable, "-m", "hostile.full_size", *sys.argv[1:]]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
