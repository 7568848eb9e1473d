"""The user's programs on the host, told of a node's facts as JSON on their stdin."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

_WORDS = 200


def call_hook(
    command: tuple[str, ...], facts: Mapping[str, object], cwd: Path, timeout_s: float
) -> str:
    """Run a hook to its end; returns why it failed, or "" if it did not (or there is none)."""
    if not command:
        return ""
    try:
        done = subprocess.run(
            command,
            input=json.dumps(facts).encode(),
            cwd=cwd,
            timeout=timeout_s,
            capture_output=True,
            check=False,
            start_new_session=True,  # a Ctrl-C is for the planner to hear, not for the hook
        )
    except subprocess.TimeoutExpired:
        return f"hook {command[0]}: no end after {timeout_s:g} s"
    except OSError as error:
        return f"hook {command[0]}: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip()[-_WORDS:]
    return f"hook {command[0]}: exit {done.returncode}" + (f": {said}" if said else "")
