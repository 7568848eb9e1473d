"""Which framework a command line is of, under wrappers, paths and package runners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.detect.commands import Use
from runner.detect.framework import Framework
from runner.detect.shell import Call, Word
from runner.detect.table import FRAMEWORKS

# What only finds a program and may fetch it, or make an environment for it: not needed where the
# image has what the project needs.
_RUNNERS: tuple[tuple[str, ...], ...] = (
    *(("npx",), ("pnpx",), ("bunx",), ("npm", "exec"), ("pnpm", "exec"), ("pnpm", "dlx")),
    *(("yarn", "exec"), ("yarn", "run"), ("yarn",), ("pnpm",), ("bun", "x"), ("bun", "run")),
    *(("poetry", "run"), ("pipenv", "run"), ("uv", "run"), ("hatch", "run"), ("pdm", "run")),
    *(("rye", "run"), ("bundle", "exec")),
)
# What runs Python with something measured that isn't asked for here; Python alone takes its place.
_COVERAGE: tuple[tuple[str, ...], ...] = (
    ("coverage", "run"),
    ("python", "-m", "coverage", "run"),
)
# What changes how the program runs, and is kept; with the kind of words that follow.
_WRAPPERS = {
    "cross-env": re.compile(r"[A-Za-z_]\w*="),
    "env": re.compile(r"[A-Za-z_]\w*="),
    "nyc": re.compile(r"-"),
    "c8": re.compile(r"-"),
    "time": re.compile(r"-"),
    "xvfb-run": re.compile(r"-"),
}
# What installs things, which neither a sandbox can nor a check should.
_INSTALLS = re.compile(
    r"(?:npm (?:ci|install|i)|yarn install|yarn$|pnpm (?:install|i)|bun install|pip3? install"
    r"|python[0-9.]* -m pip install|poetry install|pipenv (?:install|sync)|uv (?:sync|pip install)"
    r"|pdm (?:install|sync)|bundle install|bundle$|composer install|playwright install)(?: |$)"
)
_FLAG = re.compile(r"-")
_FLAG_BUT_M = re.compile(r"-(?!m$)")
_PYTHON = re.compile(r"python(?:[23](?:\.\d+)?)?$")
_SCRIPT_OF = re.compile(r"(?:^|/)node_modules/(?:\.bin/)?_?(jest|mocha|vitest)\b")


@dataclass(frozen=True, slots=True)
class Recognised:
    """A framework, and how it is called."""

    framework: Framework
    use: Use


def recognise(call: Call) -> Recognised | None:
    """The framework that a plain command runs; ``None`` if it is none that is known."""
    kept, words = _unwrapped(call.words)
    names = [_name(word.value) for word in words[:1]] + [word.value for word in words[1:]]
    if not names:
        return None
    prefix = (*call.env, *kept)
    if names[0] == "node" and (found := _node_script(words, prefix)):
        return found
    for framework in FRAMEWORKS:
        for program in framework.programs:
            if tuple(names[: len(program)]) != program:
                continue
            args = tuple(words[len(program) :])
            if framework.goals and not any(_is_goal(word.value, framework) for word in args):
                continue
            return Recognised(framework, _use(framework, program, prefix, args))
    return None


def strip(args: Sequence[Word], framework: Framework) -> tuple[Word, ...]:
    """A script's arguments without those that would watch, colour, or report elsewhere."""
    drops = dict(framework.drops)
    kept: list[Word] = []
    skip = 0
    for word in args:
        option, equals, _ = word.value.partition("=")
        if skip and not word.value.startswith("-"):
            skip -= 1
        elif option in drops:
            skip = 0 if equals else drops[option]
        elif not (kept and kept[-1].value.startswith("-")) and word.value in framework.drop_words:
            skip = 0
        else:
            skip = 0
            kept.append(word)
    return tuple(kept)


def _use(
    framework: Framework, program: tuple[str, ...], prefix: tuple[Word, ...], args: tuple[Word, ...]
) -> Use:
    # Programs of one framework may differ in what they set up: `react-scripts test` is a Jest.
    own = program if framework.ecosystem == "javascript" and program != ("node",) else ()
    return Use(
        prefix=prefix,
        program=tuple(Word(name, name) for name in own),
        args=strip(args, framework),
    )


def _node_script(words: Sequence[Word], prefix: tuple[Word, ...]) -> Recognised | None:
    """`node --flags node_modules/mocha/bin/mocha …`: the flags matter, and so does the path."""
    for number, word in enumerate(words[1:], start=1):
        if match := _SCRIPT_OF.search(word.value):
            framework = next(f for f in FRAMEWORKS if (match[1],) in f.programs)
            args = strip(words[number + 1 :], framework)
            return Recognised(framework, Use((), prefix, tuple(words[: number + 1]), args))
        if not word.value.startswith("-"):
            return None
    return None


def _is_goal(value: str, framework: Framework) -> bool:
    """Whether a word is one of the goals, or one of a part, such as Gradle's ``:app:test``."""
    return value.rpartition(":")[2] in framework.goals


def _unwrapped(words: Sequence[Word]) -> tuple[tuple[Word, ...], list[Word]]:
    """Wrappers that are kept, and the words from the program on."""
    kept: list[Word] = []
    rest = list(words)
    while rest:
        name = _name(rest[0].value)
        if length := _prefix(rest, _RUNNERS, _FLAG):
            rest = rest[length:]
        elif length := _prefix(rest, _COVERAGE, _FLAG_BUT_M):
            rest = [Word("python3", "python3"), *rest[length:]]
        elif name in _WRAPPERS:
            length = 1 + _leading(rest[1:], _WRAPPERS[name])
            kept += rest[:length]
            rest = rest[length:]
        else:
            break
    return tuple(kept), rest


def _prefix(words: Sequence[Word], known: Sequence[tuple[str, ...]], flags: re.Pattern[str]) -> int:
    """How many words one of ``known`` takes, with its flags; 0 if it isn't there, or all there is."""
    values = [_name(words[0].value), *(word.value for word in words[1:])]
    for program in known:
        if tuple(values[: len(program)]) == program:
            length = len(program) + _leading(words[len(program) :], flags)
            return length if length < len(words) else 0
    return 0


def _leading(words: Sequence[Word], pattern: re.Pattern[str]) -> int:
    """How many of the first words match."""
    return next((n for n, word in enumerate(words) if not pattern.match(word.value)), len(words))


def _name(value: str) -> str:
    """A program's own name: without its folder, and without Python's version."""
    name = value.rpartition("/")[2]
    return "python" if _PYTHON.match(name) else name


def _installs(call: Call) -> bool:
    _, words = _unwrapped(call.words)
    lines = (" ".join(word.value for word in some) for some in (call.words, words))
    return any(_INSTALLS.match(line) for line in lines)


def segments(calls: Sequence[Call]) -> Iterator[Recognised]:
    """The frameworks of a chain of commands. What comes before is run before each of them, except
    for other frameworks, and what installs; what comes after the last, after the last."""
    before: list[Call] = []
    after: list[Call] = []
    found: list[tuple[Recognised, tuple[Call, ...]]] = []
    for call in calls:
        if recognised := recognise(call):
            found.append((recognised, tuple(before)))
            after = []
        elif call not in before and not _installs(call):
            before.append(call)
            after.append(call)
    for number, (recognised, first) in enumerate(found, start=1):
        use = recognised.use
        last = tuple(after) if number == len(found) else ()
        yield Recognised(recognised.framework, Use(first, use.prefix, use.program, use.args, last))
