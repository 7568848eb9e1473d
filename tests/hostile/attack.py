"""What an attack is, and how it may end."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from runner.model import Action, Outcome

HERE = Path(__file__).parent
HELPERS = (HERE / "helpers.sh").read_text(encoding="utf-8")

HELD = "exited with 9"


@dataclass(frozen=True, slots=True)
class Attack:
    """An action that is after something else than the target.

    ``ends`` are the outcomes that its node may come to; more than one where it depends on the
    machine. The node's reason must contain ``says``.

    """

    key: str
    ends: tuple[Outcome, ...]
    script: str
    says: str = ""

    def action(self, token: str) -> Action:
        """The script with what all of them share; ``token`` is in the environment of all that it
        starts."""
        script = textwrap.dedent(self.script)
        begin = f"KEY={self.key}\nHOSTILE={token}\n"
        return Action(self.key, body=f"{begin}{HELPERS}\n{script}".encode())

    @property
    def told(self) -> str:
        """``ends`` for a person."""
        return " or ".join(self.ends)


def refused(key: str, script: str) -> Attack:
    """An attack that doesn't get through, and says so itself."""
    return Attack(key, (Outcome.FAILED,), script, HELD)
