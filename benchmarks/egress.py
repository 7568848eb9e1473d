"""What a way out costs: steps that may reach a listed host, against steps that may not.

A web server on this machine's loopback is the listed host. Both kinds of step run `true`, in turn;
then one step downloads, and one makes many small requests.

    python -m benchmarks.egress [--steps 8] [--megabytes 256] [--requests 300]

Fails if threads or file descriptors of the planner outlive the steps.
"""

from __future__ import annotations

import argparse
import http.server
import os
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from runner.egress import exports
from runner.images import ensure_agent_image
from runner.model import Limits
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Exit, Step

MB = 1 << 20
_WARMUP = 4

DOWNLOAD = """python3 - <<'END'
import time, urllib.request
started, size = time.monotonic(), 0
with urllib.request.urlopen("{url}/{count}") as answer:
    while data := answer.read(1 << 16):
        size += len(data)
print(size / (1 << 20) / (time.monotonic() - started))
END
"""
REQUESTS = """python3 - <<'END'
import time, urllib.request
started = time.monotonic()
for _ in range({count}):
    urllib.request.urlopen("{url}/0").read()
print({count} / (time.monotonic() - started))
END
"""


class _Zeros(http.server.BaseHTTPRequestHandler):
    """Answers with as many megabytes as the path says."""

    def do_GET(self) -> None:
        count = int(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(count * MB))
        self.end_headers()
        for _ in range(count):
            self.wfile.write(bytes(MB))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The host and port of a server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Zeros) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


class Steps:
    """Runs scripts, each as a step, and tells how long each took and what it printed."""

    def __init__(self, sandbox: EngineSandbox, image: str, folder: Path) -> None:
        self._sandbox = sandbox
        self._image = image
        self._folder = folder
        self._count = 0

    def run(self, script: str, *hosts: str) -> tuple[float, str]:
        """Seconds, from the call to the return, and the output."""
        self._count += 1
        log = self._folder / f"{self._count}.log"
        limits = Limits(time_s=300.0, cpus=2.0, hosts=hosts)
        stdin = exports(hosts) + script.encode()
        step = Step(f"step-{self._count}", "", self._image, ("sh", "-s"), limits, stdin=stdin)
        started = time.monotonic()
        result = self._sandbox.run(step, log)
        seconds = time.monotonic() - started
        self._sandbox.remove(result.container)
        said = log.read_text("utf-8", "replace")
        assert result.exit is Exit.OK, said
        return seconds, said


def held() -> tuple[int, int]:
    """Threads and open file descriptors of this process."""
    return threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def measure(steps: int, megabytes: int, requests: int) -> int:
    """Print the table; the exit code."""
    with closing(connect()) as client:
        image = ensure_agent_image(client)
    run_id = f"bench-{secrets.token_hex(3)}"
    with (
        tempfile.TemporaryDirectory() as folder,
        served() as host,
        closing(EngineSandbox(connect(), run_id, image)) as sandbox,
    ):
        made = Steps(sandbox, image, Path(folder))
        for _ in range(_WARMUP):  # until the client has all the connections that it keeps
            made.run("true")
            made.run("true", host)
        before = held()
        took: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(steps):
            took[False].append(made.run("true")[0])
            took[True].append(made.run("true", host)[0])
        rate = float(made.run(DOWNLOAD.format(url=f"http://{host}", count=megabytes), host)[1])
        asked = float(made.run(REQUESTS.format(url=f"http://{host}", count=requests), host)[1])
        time.sleep(0.5)
        after = held()
    shut, out = (statistics.median(took[way]) for way in (False, True))
    print(f"a step that reaches nothing        {shut:8.3f} s")
    print(f"a step with a way out              {out:8.3f} s   (+{out - shut:.3f} s)")
    print(f"download, one connection           {rate:8.1f} MB/s")
    print(f"small requests, one after another  {asked:8.1f} /s")
    print(f"planner's threads and descriptors  {before} before, {after} after")
    # The client keeps a few more connections on a busy machine; what leaks, leaks at every step.
    return int(after[0] > before[0] or after[1] - before[1] >= steps)


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--requests", type=int, default=300)
    asked = parser.parse_args()
    return measure(asked.steps, asked.megabytes, asked.requests)


if __name__ == "__main__":
    sys.exit(main())
