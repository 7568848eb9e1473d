"""`oppie guard`: a filter before the engine's socket."""

from __future__ import annotations

import contextlib
import json as json_module
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated
from urllib.parse import urlsplit

import typer

from runner.cli.home import aside, settings
from runner.cli.signals import interruptible
from runner.errors import EngineUnavailable, TaskError
from runner.guard.exchange import Policy, Refusal
from runner.guard.listing import Recorder, allowed
from runner.guard.policy import Guard, Recording
from runner.guard.relay import relaying
from runner.guard.terms import Terms
from runner.sandbox.endpoints import candidate_endpoints, refusal

_TARGET_CHARS = 500
_LINES_PER_S = 100



def guard(
    listen: Annotated[Path, typer.Option(help="The socket to make, for the planner to use.")],
    engine: Annotated[
        str, typer.Option(help="The engine's socket, unix://PATH; the usual ones if left out.")
    ] = "",
    mode: Annotated[str, typer.Option(help="The new socket's permissions, in octal.")] = "600",
    image: Annotated[
        list[str] | None,
        typer.Option(help="Grant an image, by its name, that tasks start from. Repeatable."),
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option(help="Grant containers to read a path of this machine. Repeatable."),
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="Grant containers a network, such as bridge. Repeatable.")
    ] = None,
    runtime: Annotated[
        list[str] | None, typer.Option(help="Grant containers a runtime, such as runsc. Repeatable.")
    ] = None,
    builds: Annotated[
        bool, typer.Option(help="Whether images may be built, loaded and pulled.")
    ] = True,
    log: Annotated[
        Path | None, typer.Option(help="Where to add refusals to; stderr if left out.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Refuse NOTHING, and add the shapes of all calls to this file."),
    ] = None,
) -> None:
    """Stand before the engine's socket, and let only through what oppie does with an engine.

    Everything else is refused with 403, and noted as a line of JSON. Runs until it is stopped.

    Example: oppie guard --listen /run/oppie/engine.sock, then
    OPPIE_ENGINE=unix:///run/oppie/engine.sock oppie run
    """
    terms = Terms(
        images=frozenset(image or ()) | {settings().base_image},
        builds=builds,
        networks=frozenset(network or ()),
        mounts=frozenset(mount or ()),
        runtimes=frozenset(runtime or ()),
    )
    door, stopped = _engine_socket(engine, listen), threading.Event()
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(_appended(log)) if log else sys.stderr
        policy: Policy = Guard(allowed(), terms, door)
        if record:
            policy = Recording(Recorder(stack.enter_context(_appended(record))))
            aside.print("recording: nothing is refused", style="bold")
        stack.enter_context(interruptible(stopped))
        stack.enter_context(relaying(listen, door, policy, _Log(lines).note, _mode(mode)))
        aside.print(f"{listen} answers for {door}", markup=False)
        stopped.wait()


class _Log:
    """Refusals as lines of JSON, in ASCII: what was asked for is hostile text.

    Whoever is refused doesn't decide how fast a disk fills: beyond ``_LINES_PER_S`` they are counted.
    """

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._second, self._lines, self._left_out = 0, 0, 0

    def note(self, refused: Refusal) -> None:
        line: dict[str, object] = {
            "refused": f"{refused.method} {refused.target[:_TARGET_CHARS]}".strip(),
            "status": refused.status,
            "why": refused.why,
        }
        with self._lock:
            if self._second != int(time.monotonic()):
                self._second, self._lines = int(time.monotonic()), 0
            self._lines += 1
            if self._lines > _LINES_PER_S:
                self._left_out += 1
                return
            if self._left_out:
                line["left_out_before"], self._left_out = self._left_out, 0
            self._out.write(json_module.dumps(line) + "\n")
            self._out.flush()


def _engine_socket(named: str, listen: Path) -> Path:
    """The path of the engine's socket. Raises ``TaskError``, ``EngineUnavailable``."""
    url = named or settings().engine or ""
    if not url:
        candidates = candidate_endpoints(settings().environment(), Path.home())
        answering = (found.url for found in candidates if not refusal(found))
        url = next(answering, "")
    if not url:
        raise EngineUnavailable("no container engine answers; name its socket with --engine")
    parts = urlsplit(url)
    if parts.scheme != "unix" or not parts.path.startswith("/"):
        raise TaskError(f"--engine {url}: a guard stands before a socket: unix:///PATH")
    if Path(parts.path).absolute() == listen.absolute():
        raise TaskError(f"--listen {listen}: is the engine's own socket")
    return Path(parts.path)


def _mode(text: str) -> int:
    if not re.fullmatch("0?[0-7]{3}", text):
        raise TaskError(f"--mode {text}: must be three octal digits, such as 660")
    return int(text, 8)


@contextlib.contextmanager
def _appended(path: Path) -> Iterator[IO[str]]:
    try:
        out = path.open("a", encoding="utf-8")
    except OSError as error:
        raise TaskError(f"{path}: can't be written: {error.strerror}") from error
    with out:
        yield out
