"""What an agent's program says of itself: its version, and the flags that its help lists.

Flags come and go with versions. A flag that an adapter can't do without must be there; the others
are used where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runner.agents.protocol import Flags
from runner.errors import TaskError
from runner.report.text import clean

_MISSING = "oppie: no such program"
_HELP = "oppie: help"
_VERSION = re.compile(r"(?<![\w.])v?(\d{1,6}\.\d{1,6}(?:\.\d{1,6})?(?:[\w.+-]{0,40}\w)?)")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is an agent: how it is called, and the flags that matter.

    ``version`` and ``help`` are shell text that prints them. ``package`` is where it
    comes from, "" for what every image should have.
    """

    agent: str
    name: str
    version: str
    help: str
    needed: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    package: str = ""

    @property
    def probe(self) -> str:
        """The shell script that asks it."""
        return (
            f"{{ command -v {self.name} >/dev/null 2>&1 || {{ echo '{_MISSING}'; exit 0; }}\n"
            f"export NO_COLOR=1 TERM=dumb COLUMNS=200 CI=1\n"
            f"( {self.version} ) </dev/null 2>&1\necho; echo '{_HELP}'\n"
            f"( {self.help} ) </dev/null 2>&1\nexit 0\n}}\n"
        )

    def read(self, text: str) -> Flags:
        """What the probe printed says.

        Raises ``TaskError`` if the program isn't there, doesn't run, or lacks a flag it must have.
        """
        said, begun, helped = text.partition(_HELP)
        if any(line.strip() == _MISSING for line in said.splitlines()):
            raise TaskError(
                f"agent {self.agent}: the image has no program {self.name!r}{self._how}"
            )
        found = _VERSION.search(said)
        version = found[1] if found else ""
        present = frozenset(listed((*self.needed, *self.wanted), helped))
        missing = [flag for flag in self.needed if flag not in present]
        silent = not version and 0 < len(missing) == len(self.needed)
        if not begun or silent:
            raise TaskError(
                f"agent {self.agent}: {self.name} doesn't run in the image: "
                f"{clean(said, 300) or clean(helped, 300) or 'it prints nothing'}"
            )
        if missing:
            raise TaskError(
                f"agent {self.agent}: {self.name} {version or 'of an unknown version'} doesn't know "
                f"{', '.join(missing)}, which oppie needs{self._how}"
            )
        return Flags(version, present)

    @property
    def _how(self) -> str:
        build = f"oppie images build --agents {self.agent}"
        return f"; `{build}` makes an image with it ({self.package})" if self.package else ""


def listed(flags: Iterable[str], text: str) -> list[str]:
    """Those of ``flags`` that a help lists."""
    return [flag for flag in flags if re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)]
