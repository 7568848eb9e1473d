"""The slash command for those who use Claude Code's commands."""

from __future__ import annotations

from runner.prompts.templates import Kind, packaged

COMMAND = "otw/research-tdd-pr-review"


def slash_command(text: str = "") -> tuple[str, bytes]:
    """Its path below the agent's home, and its content; ``text`` stands in for the package's own.

    Files in ``~/.claude/commands`` are commands of the user's, those in a folder there are shown as
    of that folder (Claude Code's documentation, "Slash commands").
    """
    return f".claude/commands/{COMMAND}.md", (text or packaged(Kind.COMMAND)).encode()
