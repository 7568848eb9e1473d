"""Hostile actions, all of them and at their full size: how each ends, and what it costs.

    python -m benchmarks.hostile [--only PART-OF-A-NAME]

A gigabyte of log, a gigabyte in one file and in a thousand, 100,000 files: beside what the tests try.
Each must end as docs/hostile-actions.md says, at its first attempt, with the neighbour's heart beating,
nothing left, the host as it was and the engine well; the exit code is 1 otherwise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Become the program that is found where the tests' own modules are."""
    command = [sys.executable, "-m", "hostile.full_size", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"})


if __name__ == "__main__":
    main()
