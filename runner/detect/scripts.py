"""Scripts that a repository gives names to, in whichever tool, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from runner.detect.shell import Call, Word, parse

_MAX_CALLS = 100
_MAX_CHARS = 4000

# How a script is run as it is: `{}` is its name.
RUNNERS = {
    "npm": "npm run --silent {}",
    "composer": "composer run-script --no-interaction --no-ansi {}",
    "hatch": "hatch run {}",
    "pdm": "pdm run {}",
    "poe": "poe {}",
    "taskipy": "task {}",
    "rye": "rye run {}",
    "tox": "tox -e {}",
    "nox": "nox --non-interactive --nocolor -s {}",
    "make": "make {}",
    "just": "just {}",
}
ECOSYSTEMS = {"npm": "javascript", "composer": "php", "make": "any", "just": "any"}  # else python

# How scripts call other scripts, as leading words, and the runner that is meant.
_CALLS: tuple[tuple[tuple[str, ...], str], ...] = (
    *((("npm", "run"), "npm"), (("npm", "run-script"), "npm"), (("npm",), "npm")),
    *((("yarn", "run"), "npm"), (("yarn",), "npm"), (("pnpm", "run"), "npm"), (("pnpm",), "npm")),
    *(
        (("bun", "run"), "npm"),
        (("make",), "make"),
        (("just",), "just"),
        (("hatch", "run"), "hatch"),
    ),
    *((("composer", "run-script"), "composer"), (("composer", "run"), "composer")),
    *(
        (("composer",), "composer"),
        (("pdm", "run"), "pdm"),
        (("poe",), "poe"),
        (("task",), "taskipy"),
    ),
)
_NPM_ALIASES = {"t": "test", "tst": "test"}
# One command for all of a repository's packages: each of them is looked at by itself instead.
_FANS_OUT = re.compile(
    r"(?:^|&&|;)\s*(?:(?:npx|yarn|pnpm|bunx)\s+(?:exec\s+)?)?"
    r"(?:(?:turbo|lerna|nx|wsrun|ultra|rush|moon)\s.*\b(?:test|run)"
    r"|npm\s.*\s(?:--workspaces|-ws)\b|pnpm\s+(?:--recursive|-r)\b|(?:yarn\s+)?workspaces\s)"
)
_NO_TEST = re.compile(r"no test specified", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Script:
    """A named script. ``lines`` are run one after another, after the scripts ``first`` of the same
    runner; ``None`` where they can't be read as plain lines. ``source`` says where it stands. If it
    ``builds``, the runner makes an environment for it first, which takes a network."""

    runner: str
    name: str
    source: str
    lines: tuple[str, ...] | None
    first: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    builds: bool = False

    @property
    def command(self) -> str:
        """What runs the script as it is."""
        return RUNNERS[self.runner].format(self.name)

    @property
    def ecosystem(self) -> str:
        return ECOSYSTEMS.get(self.runner, "python")

    @property
    def empty(self) -> bool:
        """Whether it stands for no test at all, such as the one that `npm init` writes."""
        if self.lines is None:
            return False
        return not (self.lines or self.first) or any(_NO_TEST.search(line) for line in self.lines)

    @property
    def fans_out(self) -> bool:
        return any(_FANS_OUT.search(line[:_MAX_CHARS]) for line in self.lines or ())


class Scripts:
    """The scripts of one folder, in the order in which they are to be believed."""

    def __init__(self, listed: Sequence[Script]) -> None:
        self.listed = tuple(listed)
        self._known = {(script.runner, script.name): script for script in reversed(self.listed)}
        self._done: dict[Script, tuple[Call, ...] | None] = {}

    @property
    def runners(self) -> tuple[str, ...]:
        """Those that have scripts here, each once."""
        return tuple(dict.fromkeys(script.runner for script in self.listed))

    def named(self, runner: str, names: Sequence[str]) -> Iterator[Script]:
        """The scripts of a runner that have one of these names, in the order of the names."""
        found = (self._known.get((runner, name)) for name in names)
        return (script for script in found if script)

    def calls(self, script: Script) -> tuple[Call, ...] | None:
        """The plain commands that a script comes down to; ``None`` where it can't be told."""
        if script not in self._done:
            self._done[script] = None  # what a script that calls itself comes down to
            self._done[script] = self._calls(script)
        return self._done[script]

    def _calls(self, script: Script) -> tuple[Call, ...] | None:
        calls: list[Call] = []
        for name in script.first:
            inner = self._known.get((script.runner, name))
            expanded = self.calls(inner) if inner else None
            calls += expanded or (_run(RUNNERS[script.runner].format(name)),)
        for line in script.lines or ():
            parsed = parse(line)
            if parsed is None or len(calls) > _MAX_CALLS:
                return None
            for call in parsed:
                calls += self._expanded(call)
        if script.lines is None or len(calls) > _MAX_CALLS:
            return None
        env = tuple(Word(each, each) for each in script.env)
        return tuple(replace(call, env=(*env, *call.env)) for call in calls)

    def _expanded(self, call: Call) -> tuple[Call, ...]:
        """What a command comes down to, if it runs another script of this folder; else itself."""
        found = self._called(call)
        inner = self.calls(found[0]) if found else None
        if not found or not inner:
            return (call,)
        *head, last = (replace(each, env=(*call.env, *each.env)) for each in inner)
        return (*head, replace(last, words=(*last.words, *found[1])))

    def _called(self, call: Call) -> tuple[Script, tuple[Word, ...]] | None:
        """The script that a command runs, and the arguments that it adds."""
        values = call.values
        if values in (("tox",), ("nox",)):
            script = next((each for each in self.listed if each.runner == values[0]), None)
            return (script, ()) if script else None
        if values[0].startswith("@") and len(values) == 1:
            script = self._known.get(("composer", values[0][1:]))
            return (script, ()) if script else None
        for leading, runner in _CALLS:
            length = len(leading)
            if values[:length] != leading or len(values) == length:
                continue
            rest = [word for word in call.words[length:] if word.value not in ("--silent", "-s")]
            name = _NPM_ALIASES.get(rest[0].value, rest[0].value) if rest else ""
            script = self._known.get((runner, name))
            more = tuple(word for word in rest[1:] if word.value != "--")
            if script and not (more and runner == "make"):
                return script, more
        return None


def _run(command: str) -> Call:
    return Call((), tuple(Word(word, word) for word in command.split(" ")))
