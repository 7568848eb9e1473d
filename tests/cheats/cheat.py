"""What a cheat is, and how it may end."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from runner.model import Action, Outcome, Verdict

HERE = Path(__file__).parent
HELPERS = (HERE / "helpers.sh").read_text(encoding="utf-8")

TAMPERED = (str(Outcome.TAMPERED),)
FAILED = (str(Outcome.FAILED),)
REJECTED = (str(Outcome.REJECTED),)
NOT_REPRODUCED = (str(Verdict.NOT_REPRODUCED),)
NO_BETTER = (str(Verdict.WORSE), str(Verdict.NO_DIFFERENCE))


@dataclass(frozen=True, slots=True)
class Cheat:
    """An action that only looks like an improvement.

    ``ends`` are the words it may end with: an outcome of the search or, where the search was
    fooled, a verdict of the verification. More than one where it depends on the machine.
    """

    key: str
    ends: tuple[str, ...]
    script: str

    @property
    def action(self) -> Action:
        """The script with what all of them share."""
        script = textwrap.dedent(self.script)
        return Action(self.key, body=f"set -e\nKEY={self.key}\n{HELPERS}\n{script}".encode())

    @property
    def told(self) -> str:
        """``ends`` for a person."""
        *most, last = self.ends
        return f"{', '.join(most)} or {last}" if most else last
