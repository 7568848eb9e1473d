"""Whether the way out works on this engine, shown before anything relies on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from runner.egress.tunnel import PORT
from runner.errors import EngineError
from runner.model import Limits
from runner.sandbox.protocol import Exit, Sandbox, Step

_TIME_S = 60.0
_LOOPBACK = "lo"

# Asks for what nobody can list (RFC 2606), and tells what came of it, and which interfaces there are.
_PROGRAM = f"""
import json, socket
try:
    with socket.create_connection(("127.0.0.1", {PORT}), 20) as proxy:
        proxy.sendall(b"CONNECT oppie.invalid:1 HTTP/1.1\\r\\n\\r\\n")
        said = proxy.makefile("rb").readline(200).decode("latin-1").strip()
except OSError as error:
    said = str(error)
print(json.dumps([said, [name for _, name in socket.if_nameindex()]]))
"""


def demand_way_out(sandbox: Sandbox, limits: Limits, image: str, folder: Path) -> None:
    """Raise ``EngineError`` unless a container with these limits reaches the proxy, and has no other
    network. ``image`` has ``python3``; what the container says is kept in ``folder``."""
    log = folder / "way-out.log"
    command = ("python3", "-I", "-S", "-c", _PROGRAM)
    step = Step("way-out", "", image, command, replace(limits, time_s=_TIME_S))
    result = sandbox.run(step, log)
    sandbox.remove(result.container)
    said = log.read_text("utf-8", "replace").strip()
    if result.exit is not Exit.OK:
        raise EngineError(_refusal(limits, f"{result.exit}, {result.code}: {said[-200:]}"))
    answer, interfaces = json.loads(said)
    if set(interfaces) - {_LOOPBACK}:
        raise EngineError(_refusal(limits, f"it has other interfaces: {', '.join(interfaces)}"))
    if not answer.startswith("HTTP/1.1 403 "):
        raise EngineError(_refusal(limits, f"the proxy is not reached: {answer}"))


def _refusal(limits: Limits, why: str) -> str:
    runtime = f' under the runtime "{limits.runtime}"' if limits.runtime else ""
    return (
        f'sandbox.network = "allow" can\'t be had on this engine{runtime}: a container was to reach '
        f"the forwarder on its loopback and nothing else, but {why}"
    )
