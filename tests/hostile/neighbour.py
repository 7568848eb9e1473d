"""A container beside the attacks: its heart beats into its log, and it listens where they knock."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Cancelled
from runner.model import Limits
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Step

LIVES = """\
import socket, threading, time  # the neighbour
doors = [socket.create_server(("127.0.0.1", 4444)), socket.socket(socket.AF_UNIX)]
doors[1].bind("\\0neighbour")
doors[1].listen()
while True:
    print("beat", time.time(), flush=True)
    time.sleep(0.2)
"""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``log`` is where its heart beats."""

    log: Path

    def beats(self) -> list[float]:
        """When it beat, in seconds since the epoch."""
        return [float(word) for word in re.findall(r"(?m)^beat ([\d.]+)$", self.log.read_text())]

    def longest_pause_s(self) -> float:
        """The longest time without a beat, the time since the last one included."""
        beats = [*self.beats(), time.time()]
        return max(b - a for a, b in itertools.pairwise(beats))


@contextmanager
def neighbour(image: str, run_id: str, folder: Path) -> Iterator[Neighbour]:
    """Let it live beside what happens in the block."""
    stop, log = threading.Event(), folder / "neighbour.log"
    limits = Limits(time_s=3600.0, memory_bytes=64 << 20, cpus=0.2, pids=16)
    step = Step("neighbour", "neighbour", image, ("python3", "-c", LIVES), limits)

    def live() -> None:
        with closing(EngineSandbox(connect(), run_id, image, 0, stop.is_set)) as sandbox:
            try:
                sandbox.run(step, log)
            except Cancelled:
                return  # it was told to: its container is gone

    thread = threading.Thread(target=live)
    thread.start()
    try:
        while not (log.exists() and log.stat().st_size):
            assert thread.is_alive(), "the neighbour doesn't live"
            time.sleep(0.1)
        yield Neighbour(log)
    finally:
        stop.set()
        thread.join()
