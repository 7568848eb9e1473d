"""Engines that run: started in namespaces of their own, ended with everything in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runner.sandbox.endpoints import Endpoint, refusal

from .catalogue import Engine
from .roots import cache_folder, root_of

START_S = 60.0
_END_S = 20.0
_ENTER = Path(__file__).with_name("enter.sh")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoEngineError(Exception):
    """An engine did not start; the message has the end of its log."""


@contextlib.contextmanager
def running(engine: Engine) -> Iterator[str]:
    """The address of an engine that has nothing in it, and that ends with the block.

    It dies with this process, however that ends. Raises ``NoRootError`` where its packages can't
    be had, and ``NoEngineError``.
    """
    with root_of(engine.suite) as root:
        home = Path(tempfile.mkdtemp(prefix=f"{engine.name}-", dir=cache_folder()))
        sockets = Path(tempfile.mkdtemp(prefix="oppie-"))  # a socket's address may have 107 bytes
        try:
            for name, content in engine.files.items():
                (home / name).write_text(content)
            with _process(engine, root, home, sockets) as process:
                url = f"unix://{sockets / 'engine.sock'}"
                _await(engine, Endpoint(url, engine.name), process, home / "log")
                yield url
        finally:
            shutil.rmtree(home, ignore_errors=True)
            shutil.rmtree(sockets, ignore_errors=True)
            _remove_empty_groups()


@contextlib.contextmanager
def _process(
    engine: Engine, root: Path, home: Path, sockets: Path
) -> Iterator[subprocess.Popen[bytes]]:
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--ipc"]
    command += ["--fork", "--kill-child=KILL", "--propagation", "private"]
    command += ["sh", str(_ENTER), str(root), str(home), str(sockets), *engine.command]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": _PATH, "HOME": "/root", **engine.environment},
            start_new_session=True,
            cwd="/",
        )
    try:
        yield process
    finally:
        _end(process)


def _await(engine: Engine, endpoint: Endpoint, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while why := refusal(endpoint):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-3000:]
            raise NoEngineError(f"{engine.title} did not start ({why}):\n{tail}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the first process of the namespace to end, and kill it, with all others, if it doesn't."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError, ValueError):
        first = int(children.read_text().split()[0])
        os.kill(first, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
            return
        os.kill(first, signal.SIGKILL)
    process.kill()
    process.wait(_END_S)


def _remove_empty_groups() -> None:
    """Podman leaves its containers' groups where they were; one that is in use can't be removed."""
    for parent in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
        for folder, _, _ in os.walk(parent, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
