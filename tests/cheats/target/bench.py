"""Prints how long it takes to count the pairs of the committed numbers: `bench.py [times]`."""

import subprocess
import sys
import time

from pairs import count_pairs

DIFFERENCE = 10


def committed(path):
    """As git has it: what lies in the work tree may be half written."""
    show = ["git", "show", f"HEAD:{path}"]
    return subprocess.run(show, check=True, capture_output=True, text=True).stdout


def main():
    numbers = [int(word) for word in committed("numbers.txt").split()]
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    started = time.perf_counter()
    for _ in range(times):
        count_pairs(numbers, DIFFERENCE)
    seconds = time.perf_counter() - started
    print(f"METRIC time_us={seconds * 1e6:.1f} unit=us")


if __name__ == "__main__":
    main()
