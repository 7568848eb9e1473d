"""What a guard before the engine's socket costs: the same calls with it and without, in turn.

    python -m benchmarks.guard [--rounds 10]

Three rows: asking after a container, which the guard has to ask after as well; a whole step, made,
started, fed, read, waited for and removed; and 16 MB of files into a container and out of it.
"""

from __future__ import annotations

import argparse
import io
import secrets
import statistics
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from runner.guard.listing import allowed
from runner.guard.policy import Guard
from runner.guard.relay import relaying
from runner.guard.terms import Terms
from runner.images import ensure_agent_image
from runner.model import Limits
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import WORKSPACE, Step

ENGINE = Path("/var/run/docker.sock")
QUESTIONS = 50
MEGABYTES = 16


class Side:
    """One way to the engine, with a container that is there all the time."""

    def __init__(self, url: str, run_id: str, image: str, folder: Path) -> None:
        self._client = connect(url)
        self._sandbox = EngineSandbox(connect(url), run_id, image)
        self._image = image
        self._log = folder / "log"
        self._name = f"side-{secrets.token_hex(3)}"
        self._kept = self._sandbox.run(self._step(self._name), self._log).container

    def _step(self, name: str) -> Step:
        return Step(name, "A-1", self._image, ("sh", "-s"), Limits(), stdin=b"true\n")

    def ask(self) -> float:
        """Seconds for one question."""
        started = time.monotonic()
        for _ in range(QUESTIONS):
            self._client.api.inspect_container(self._kept)
        return (time.monotonic() - started) / QUESTIONS

    def step(self) -> float:
        """Seconds for one step."""
        started = time.monotonic()
        name = f"step-{secrets.token_hex(3)}"
        self._sandbox.remove(self._sandbox.run(self._step(name), self._log).container)
        return time.monotonic() - started

    def move(self) -> float:
        """Seconds for files in and out."""
        started = time.monotonic()
        self._client.api.put_archive(self._kept, WORKSPACE, _files())
        chunks, _ = self._client.api.get_archive(self._kept, WORKSPACE)
        assert sum(map(len, chunks)) > MEGABYTES << 20
        return time.monotonic() - started

    def close(self) -> None:
        self._sandbox.remove(self._kept)
        self._sandbox.close()
        self._client.close()


def _files() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = MEGABYTES << 20
        tar.addfile(member, io.BytesIO(secrets.token_bytes(member.size)))
    return out.getvalue()


def measure(direct: Side, guarded: Side, rounds: int) -> dict[str, tuple[float, float]]:
    """The median seconds of each row, without the guard and with it."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    rows: dict[str, Callable[[Side], float]] = {
        "ask after a container": Side.ask,
        "a step": Side.step,
        f"{MEGABYTES} MB in and out": Side.move,
    }
    for _ in range(rounds):
        for name, row in rows.items():
            found[name].append((row(direct), row(guarded)))
    return {
        name: (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs))
        for name, pairs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    run_id = f"bench-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as name, closing(connect(f"unix://{ENGINE}")) as client:
        image, folder = ensure_agent_image(client), Path(name)
        socket = folder / "guard.sock"
        with (
            relaying(socket, ENGINE, Guard(allowed(), Terms(), ENGINE), print),
            closing(Side(f"unix://{ENGINE}", run_id, image, folder)) as direct,
            closing(Side(f"unix://{socket}", run_id, image, folder)) as guarded,
        ):
            found = measure(direct, guarded, options.rounds)
    print(f"{'what':<28}{'direct':>12}{'guarded':>12}{'ratio':>8}")
    for name, (direct_s, guarded_s) in found.items():
        print(f"{name:<28}{direct_s * 1e3:>9.1f} ms{guarded_s * 1e3:>9.1f} ms{guarded_s / direct_s:>8.2f}")


if __name__ == "__main__":
    main()
