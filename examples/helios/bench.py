"""Times a commit: a file is written, then a snapshot is stored.

One round makes a new store of 72 files, then times COMMITS cycles, which are the same in each
round. Of each cycle the fastest time counts, since whatever else the machine is doing can only make
one slower; the result is their mean, so that a cost which comes only now and then comes in too.
The bytes written are the kernel's count for this process, not the engine's.
"""

import gc
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from helios import Engine

SECONDS = 0.08
MIN_ROUNDS = 3
COMMITS = 6
EDITS = 1
SMALL_BYTES = 600
LARGE_BYTES = 24_000


def text(random: Random, size_bytes: int) -> bytes:
    """Content that a compressor could halve."""
    return random.randbytes(size_bytes // 2).hex().encode()


def files(random: Random) -> dict[str, bytes]:
    """A project's files: 64 small ones in a tree of 21 folders, and 8 large ones."""
    sources = {
        f"src/part{top}/unit{middle}/file{leaf}.txt": text(random, SMALL_BYTES)
        for top in range(4)
        for middle in range(4)
        for leaf in range(4)
    }
    assets = {f"assets/table{n}.hex": text(random, LARGE_BYTES) for n in range(8)}
    return sources | assets


def edits(random: Random, paths: list[str]) -> Iterator[list[tuple[str, bytes]]]:
    """For each commit, the small files that are rewritten before it."""
    for _ in range(COMMITS):
        yield [(path, text(random, SMALL_BYTES)) for path in random.sample(paths, EDITS)]


def bytes_written() -> int:
    """What this process has handed to write calls so far."""
    for line in Path("/proc/self/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "wchar":
            return int(value)
    raise RuntimeError("the kernel doesn't count this process's writes")


def one_round(
    folder: Path, start: dict[str, bytes], cycles: list[list[tuple[str, bytes]]]
) -> tuple[list[float], float]:
    """Microseconds of each commit, and bytes per commit."""
    times = []
    with Engine(folder) as engine:
        for path, data in start.items():
            engine.write(path, data)
        engine.commit("start")
        gc.collect()
        gc.disable()
        written = bytes_written()
        for cycle in cycles:
            began = time.perf_counter()
            for path, data in cycle:
                engine.write(path, data)
            engine.commit("edit")
            times.append((time.perf_counter() - began) * 1e6)
        written = bytes_written() - written
        gc.enable()
    return times, written / COMMITS


def main() -> None:
    random = Random(2)
    start = files(random)
    cycles = list(edits(random, [path for path in start if path.startswith("src/")]))
    full_copy = sum(len(data) for data in start.values())
    rounds: list[tuple[list[float], float]] = []
    base = Path(tempfile.mkdtemp(prefix="helios-"))
    try:
        deadline = time.perf_counter() + SECONDS
        while len(rounds) < MIN_ROUNDS or time.perf_counter() < deadline:
            rounds.append(one_round(base / str(len(rounds)), start, cycles))
    finally:
        shutil.rmtree(base)
    us = statistics.mean(map(min, zip(*(times for times, _ in rounds), strict=True)))
    written = max(written for _, written in rounds)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"METRIC vst_commit_us={us:.2f} unit=us")
    print(f"METRIC io_bytes_per_commit={written:.0f} unit=B")
    print(f"METRIC io_reduction_pct={100 * (1 - written / full_copy):.3f} unit=%")
    print(f"METRIC peak_mem_kb={peak_kb} unit=kB")


if __name__ == "__main__":
    main()
