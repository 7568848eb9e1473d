"""Plays a recorded session: the agent that needs no model, for demonstrations and tests.

    printf '%s\\n' BASE_URL TOKEN TOOLS | python3 player.py RECORDING ROUND

It is sent into the container, and needs nothing but the standard library of Python 3.8. On its stdin are three
lines, which may be empty: the gateway's address, the node's token, and a program for ``sh`` that is
an MCP server. The recording is lines of JSON, one step each; ``{"round": N}`` says to which round the steps after it belong, which is
the first without it. The steps, and what each prints:

    {"say": "text"}                              a message
    {"phase": "red"}                             the beginning of a phase
    {"write": "path", "text": "..."}             a file of the workspace is written
    {"patch": "diff"}                            a patch is applied
    {"run": "command"}                           a command is run; the session fails if it does,
                                                 unless "may_fail" is true
    {"model": {"path": "v1/messages", "body": {...}}}    the gateway is asked
    {"mcp": {"tool": "name", "arguments": {...}}}        a tool is called
    {"result": {"status": "done", "reason": "", "said": ""}}    the end, which a session without
                                                 one has as "done"

Each step is told as one line of JSON on stdout. A step that fails ends the session as failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

_SHOWN_CHARS = 2000
_WAIT_S = 120


class Failed(Exception):
    """A step that didn't work."""


class Ways(NamedTuple):
    """The ways out of the container, "" where there is none."""

    base_url: str
    token: str
    tools: str


def tell(kind: str, **facts: object) -> None:
    """Print one event."""
    print(json.dumps({"type": kind, **facts}), flush=True)


def steps(recording: str, number: int) -> list[dict[str, Any]]:
    """The steps of one round."""
    found, current = [], 1
    for count, line in enumerate(recording.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            step = json.loads(line)
        except ValueError as error:
            raise Failed(f"recording, line {count}: {error}") from error
        if not isinstance(step, dict):
            raise Failed(f"recording, line {count}: must be an object")
        if "round" in step:
            current = step["round"]
            if not isinstance(current, int):
                raise Failed(f"recording, line {count}: round must be a whole number")
        elif current == number:
            found.append(step)
    return found


def play(step: dict[str, Any], ways: Ways) -> dict[str, Any] | None:
    """Do one step; the result, if it is that."""
    if "say" in step:
        tell("say", text=step["say"])
    elif "phase" in step:
        tell("phase", name=step["phase"])
    elif "write" in step:
        tell("tool", name="write", given=step["write"])
        path = Path(step["write"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.get("text", ""), encoding="utf-8")
    elif "patch" in step:
        tell("tool", name="patch", given="")
        run(["git", "apply", "--whitespace=nowarn", "-"], step["patch"])
    elif "run" in step:
        tell("tool", name="run", given=step["run"])
        run(["sh", "-c", step["run"]], "", bool(step.get("may_fail")))
    elif "model" in step:
        tell("tool", name="model", given=step["model"].get("path", ""))
        ask(step["model"], ways)
    elif "mcp" in step:
        tell("tool", name=step["mcp"]["tool"], given=json.dumps(step["mcp"].get("arguments", {})))
        call(step["mcp"], ways)
    elif "result" in step:
        return dict(step["result"])
    else:
        raise Failed(f"unknown step: {', '.join(step) or 'an empty one'}")
    return None


def run(command: list[str], stdin: str, may_fail: bool = False) -> None:
    """Run a program."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, errors="replace", check=False
    )
    tell("observation", text=(done.stdout + done.stderr)[-_SHOWN_CHARS:], code=done.returncode)
    if done.returncode and not may_fail:
        raise Failed(f"{command[0]} ended with {done.returncode}: {done.stderr[-300:].strip()}")


def ask(request: dict[str, Any], ways: Ways) -> None:
    """Ask the gateway, as a program would."""
    if not ways.base_url:
        raise Failed("there is no gateway to ask")
    head = {"Content-Type": "application/json", "Authorization": f"Bearer {ways.token}"}
    asked = urllib.request.Request(
        f"{ways.base_url}/{request['path'].lstrip('/')}",
        json.dumps(request["body"]).encode(),
        {**head, "x-api-key": ways.token, "anthropic-version": "2023-06-01"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=_WAIT_S) as answer:
            tell("observation", text=answer.read().decode("utf-8", "replace")[:_SHOWN_CHARS])
    except urllib.error.HTTPError as error:
        told = error.read().decode("utf-8", "replace")[:300]
        raise Failed(f"the gateway answers {error.code}: {told}") from error
    except (OSError, ValueError) as error:
        raise Failed(f"the gateway can't be asked: {error}") from error


def call(wanted: dict[str, Any], ways: Ways) -> None:
    """Call a tool of the MCP server."""
    if not ways.tools:
        raise Failed("there is no MCP server to call")
    with subprocess.Popen(
        ["sh", ways.tools], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        begin = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "oppie-player", "version": "1"},
        }
        try:
            exchange(server, 1, "initialize", begin)
            send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
            asked = {"name": wanted["tool"], "arguments": wanted.get("arguments", {})}
            answer = exchange(server, 2, "tools/call", asked)
        finally:
            server.kill()
    tell("observation", text=json.dumps(answer)[:_SHOWN_CHARS])
    if answer.get("isError"):
        raise Failed(f"the tool {wanted['tool']} says: {json.dumps(answer)[:300]}")


def exchange(server: subprocess.Popen[bytes], number: int, method: str, given: object) -> Any:
    """One request, and the result that belongs to it."""
    send(server, {"jsonrpc": "2.0", "id": number, "method": method, "params": given})
    assert server.stdout is not None
    for line in server.stdout:
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and answer.get("id") == number:
            if "result" in answer:
                return answer["result"]
            raise Failed(f"{method}: {json.dumps(answer.get('error'))[:300]}")
    raise Failed(f"{method}: the MCP server went away")


def send(server: subprocess.Popen[bytes], message: object) -> None:
    """One message to the server."""
    assert server.stdin is not None
    try:
        server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()
    except OSError as error:
        raise Failed(f"the MCP server can't be reached: {error}") from error


def main(recording: str, number: int, ways: Ways) -> int:
    """Play a round; 0 if its result is "done"."""
    tell("session", round=number)
    result: dict[str, Any] = {"status": "done"}
    try:
        for step in steps(Path(recording).read_text(encoding="utf-8"), number):
            end = play(step, ways)
            if end is not None:
                result = end
                break
    except (Failed, OSError, KeyError, TypeError, AttributeError) as error:
        result = {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
    tell("result", **result)
    return 0 if result.get("status") == "done" else 1


if __name__ == "__main__":
    lines = [*sys.stdin.read().split("\n"), "", "", ""]
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Ways(*lines[:3])))
