"""A judge that the code can't reach: it runs as a process of its own, gets numbers that nobody has
seen before, and only its answer comes back. The clock is here, and so is the right answer.

    python3 -I judge/outside.py check            exit code 0 if the answers are right
    python3 -I judge/outside.py measure 1500     prints METRIC time_us, for as many numbers

Without ``-I`` Python would load what lies in the home folder, or beside this file.
"""

import ctypes
import secrets
import subprocess
import sys
import time
from collections import Counter
from subprocess import PIPE

PR_SET_DUMPABLE = 4
CODE = """
import sys
sys.path.insert(0, "/workspace")
from pairs import count_pairs
print("ready", flush=True)
difference, *numbers = map(int, sys.stdin.readline().split())
print(count_pairs(numbers, difference), flush=True)
"""


def right_answer(numbers, difference):
    seen, count = Counter(), 0
    for number in numbers:
        count += sum(seen[other] for other in {number - difference, number + difference})
        seen[number] += 1
    return count


def ask(size, difference):
    """The seconds that the code takes for new numbers; leaves with 1 if it gets them wrong."""
    chance = secrets.SystemRandom()
    numbers = [chance.randrange(3 * size) for _ in range(size)]
    question = " ".join(map(str, [difference, *numbers])) + "\n"
    command = [sys.executable, "-I", "-c", CODE]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as code:
        ready = code.stdout.readline()
        started = time.perf_counter()
        code.stdin.write(question)
        code.stdin.flush()
        told = code.stdout.readline()
        seconds = time.perf_counter() - started
        code.kill()
    if (ready, told) != ("ready\n", f"{right_answer(numbers, difference)}\n"):
        sys.exit(f"wrong answers: {ready[:80]!r}, {told[:80]!r}")
    return seconds


def main():
    # The code can neither trace a process that can't be dumped, nor open its files.
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        sys.exit("prctl failed")
    if sys.argv[1] == "check":
        for difference in (0, 1, 10):
            ask(80, difference)
    else:
        print(f"METRIC time_us={ask(int(sys.argv[2]), 10) * 1e6:.1f} unit=us")


main()
