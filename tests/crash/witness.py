"""Witnesses outside of the planner: how often, and when, each container's command began."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import docker

from runner.sandbox.connect import connect
from tests.crash.scenes import Place

_EVENT_S = 0.2  # within which the engine tells of what it has done


class Witness(Protocol):
    """``starts`` are names of containers, each with the moment at which its command began. A moment
    is a number that grows; ``now`` is the present one."""

    def now(self, place: Place) -> float: ...

    def starts(self, place: Place) -> list[tuple[str, float]]: ...


class Lines:
    """The fake's: each command begins by writing a line into one file, its HOME, which is in its
    container's folder. A moment is a number of lines."""

    def now(self, place: Place) -> float:
        return len(self._lines(place))

    def starts(self, place: Place) -> list[tuple[str, float]]:
        lines = enumerate(self._lines(place), start=1)
        return [(Path(line).parent.name, number) for number, line in lines]

    def _lines(self, place: Place) -> list[str]:
        return place.begun.read_text().splitlines()


@dataclass
class Starts:
    """The engine's own account. A moment is in Unix seconds, by the clock of its machine."""

    seen: list[tuple[str, float]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def watched(cls) -> Iterator[Starts]:
        """Listen for the time of the block."""
        starts = cls()
        with closing(connect()) as client:
            wanted = {"type": "container", "event": "start"}
            stream = client.api.events(decode=True, filters=wanted)
            listener = threading.Thread(target=starts._listen, args=(stream,))
            listener.start()
            try:
                yield starts
            finally:
                stream.close()
                listener.join()

    def _listen(self, stream: docker.types.CancellableStream) -> None:
        for event in stream:
            self.seen.append((event["Actor"]["Attributes"]["name"], event["timeNano"] / 1e9))

    def of(self, name: str, after_s: float = 0.0) -> int:
        """How often a container was started after a moment, in Unix seconds."""
        return sum(name == seen and at_s > after_s for seen, at_s in self.seen)

    def now(self, place: Place) -> float:
        del place
        return time.time()

    def starts(self, place: Place) -> list[tuple[str, float]]:
        time.sleep(_EVENT_S)
        ours = f"oppie-{place.run_id}-"
        return [each for each in self.seen.copy() if each[0].startswith(ours)]
