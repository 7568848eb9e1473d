"""What the real programs printed: each was run once against a scripted server on the loopback.

Paths and ports were replaced, and the help reduced to the flags that it names. ``docs/agents.md`` says
which versions they were.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("recorded")
CLIS = ("claude", "codex", "gemini", "opencode", "aider", "mini")


def recorded(name: str) -> bytes:
    """One recording, such as ``claude.turns``."""
    return (FOLDER / f"{name}.txt").read_bytes()


def probed(name: str) -> str:
    """What a program's probe printed."""
    return recorded(f"{name}.probe").decode()
