"""Whether doors work on this engine, shown before anything relies on them."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import replace
from pathlib import Path

from runner.egress import tunnel
from runner.errors import EngineError
from runner.model import Limits
from runner.sandbox.protocol import Door, Exit, Sandbox, Step

_TIME_S = 60.0
_LOOPBACK = "lo"
_PORT = 3199  # of a door that is nobody else's
_ANSWER = "HTTP/1.1 403 "

# Asks for what nobody can list (RFC 2606), and tells what came of it, and which interfaces there are.
_PROGRAM = """
import json, socket, sys
said = []
for port in map(int, sys.argv[1:]):
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(b"CONNECT oppie.invalid:1 HTTP/1.1\\r\\n\\r\\n")
            said.append(sock.makefile("rb").readline(200).decode("latin-1").strip() + " ")
    except OSError as error:
        said.append(str(error))
print(json.dumps([said, [name for _, name in socket.if_nameindex()]]))
"""


def demand_way_out(sandbox: Sandbox, limits: Limits, image: str, folder: Path) -> None:
    """Raise ``EngineError`` unless a container with these limits reaches a door of its own, and the
    proxy if it may reach hosts, and has no other network. ``image`` has ``python3``; what the
    container says is kept in ``folder``."""
    log = folder / "way-out.log"
    ports = (_PORT, *((tunnel.PORT,) if limits.hosts else ()))
    command = ("python3", "-I", "-S", "-c", _PROGRAM, *map(str, ports))
    with contextlib.ExitStack() as held:

        def take(sock: socket.socket) -> None:
            held.enter_context(sock)
            sock.sendall(f"{_ANSWER}\r\n".encode())

        doors = (Door(_PORT, take),)
        limits = replace(limits, time_s=_TIME_S)
        result = sandbox.run(Step("way-out", "", image, command, limits, doors=doors), log)
    sandbox.remove(result.container)
    said = log.read_text("utf-8", "replace").strip()
    if result.exit is not Exit.OK:
        raise EngineError(_refusal(limits, f"{result.exit}, {result.code}: {said[-200:]}"))
    answers, interfaces = json.loads(said)
    if set(interfaces) - {_LOOPBACK}:
        raise EngineError(_refusal(limits, f"it has other interfaces: {', '.join(interfaces)}"))
    for answer in answers:
        if not answer.startswith(_ANSWER):
            raise EngineError(_refusal(limits, f"it is not reached: {answer}"))


def _refusal(limits: Limits, why: str) -> str:
    runtime = f' under the runtime "{limits.runtime}"' if limits.runtime else ""
    wanted = 'sandbox.network = "allow"' if limits.hosts else "an agent's way to models and tools"
    return (
        f"{wanted} can't be had on this engine{runtime}: a container was to reach "
        f"the forwarder on its loopback and nothing else, but {why}"
    )
