"""Targets out of Makefiles and justfiles, as far as they are plain commands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from runner.detect.scripts import Script
from runner.detect.tree import Tree

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")

_VARIABLE = re.compile(r"(?:export )?([A-Za-z_][\w.-]*) ?(\+|\?|::?|)= ?")
_REFERENCE = re.compile(r"\$[({]([A-Za-z_][\w.-]*)[)}]")
_NAME = re.compile(r"[A-Za-z_][\w./-]*")
_JUST_NAME = re.compile(r"@?([A-Za-z_][\w-]*)(?: |$)")
_UNKNOWN = "$"  # a value that can't be told
_MAX_DEPTH = 5
_MAX_CHARS = 4000


@dataclass(slots=True)
class _Target:
    name: str
    line: int
    needs: str
    steps: list[str]
    plain: bool


def make_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """The targets of a Makefile. One that is there twice, or under a condition, is for make alone."""
    text = tree.text(path)
    variables, targets = _read_makefile(text)
    whole = ".ONESHELL" in text  # recipes are scripts of a shell that isn't known
    counts = Counter(target.name for target in targets)
    for target in targets:
        first = (_expanded(target.needs, variables) or _UNKNOWN).split() if target.needs else []
        lines = _plain(target.steps, variables)
        named = all(_NAME.fullmatch(name) for name in first)
        if counts[target.name] > 1 or whole or not named or not target.plain:
            lines = None
        source = f"{path}:{target.line}: target {target.name}"
        yield Script("make", target.name, source, lines, tuple(first) if named else ())


def _read_makefile(text: str) -> tuple[dict[str, str], list[_Target]]:
    """The variables, as they are first set, and the targets with their recipes."""
    variables = {"MAKE": "make"}
    targets: list[_Target] = []
    steps: list[str] = []
    conditions = 0
    for number, line in _joined(text):
        if line.startswith("\t"):
            steps.append(line.strip())
        elif line.startswith(("ifeq", "ifneq", "ifdef", "ifndef", "define")):
            conditions += 1
        elif line.startswith(("endif", "endef")):
            conditions -= 1
        elif variable := _VARIABLE.match(" ".join(line.split())):
            value = _uncommented(line.partition("=")[2])
            if conditions or variable[2] == "+":
                variables[variable[1]] = _UNKNOWN
            variables.setdefault(variable[1], value)
        elif ":" in line and not line.startswith((".", "#", " ")):
            names, _, rest = _uncommented(line).partition(":")
            needs, _, step = rest.removeprefix(":").partition(";")
            steps = [step.strip()] if step.strip() else []
            plain = not conditions and "=" not in needs
            known = (name for name in names.split() if _NAME.fullmatch(name))
            targets += [_Target(name, number, needs.strip(), steps, plain) for name in known]
    return variables, targets


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, continued ones in one piece; overlong ones are left out."""
    held, first = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        first = first if held else number
        held += line.removesuffix("\\") if not held else " " + line.strip().removesuffix("\\")
        if line.endswith("\\") and len(held) <= _MAX_CHARS:
            continue
        if len(held) <= _MAX_CHARS:
            yield first, held
        held = ""


def just_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """The recipes of a justfile."""
    steps: list[str] = []
    targets: list[_Target] = []
    for number, line in enumerate(tree.text(path).split("\n"), start=1):
        if line.startswith((" ", "\t")):
            steps.append(line.strip())
            continue
        if not line.strip() or line.startswith("#"):
            continue
        steps = []
        head, colon, needs = line.partition(":")
        if colon and not needs.startswith("=") and (name := _JUST_NAME.match(head)):
            plain = all(_NAME.fullmatch(need) for need in needs.split())
            targets.append(_Target(name[1], number, needs, steps, plain))
    for target in targets:
        computed = any("{{" in step or step.startswith("#!") for step in target.steps)
        lines = None if computed or not target.plain else _plain(target.steps, {})
        source = f"{path}:{target.line}: recipe {target.name}"
        first = tuple(target.needs.split()) if target.plain else ()
        yield Script("just", target.name, source, lines, first)


def _plain(steps: list[str], variables: dict[str, str]) -> tuple[str, ...] | None:
    """A recipe's lines for a shell; ``None`` if one may fail, or isn't known."""
    lines: list[str] = []
    for step in steps:
        text = step.lstrip("@+ ")
        expanded = None if text.startswith("-") else _expanded(text, variables)
        if expanded is None:
            return None
        if expanded.strip() and not expanded.startswith("#"):
            lines.append(expanded)
    return tuple(lines)


def _expanded(text: str, variables: dict[str, str]) -> str | None:
    """The text with make's variables filled in; ``None`` if one isn't known, or computed."""
    for _ in range(_MAX_DEPTH):
        names = _REFERENCE.findall(text)
        if not names:
            break
        if any(name not in variables for name in names) or len(text) > _MAX_CHARS:
            return None
        text = _REFERENCE.sub(lambda match: variables[match[1]], text)
    return None if "$" in text else text


def _uncommented(text: str) -> str:
    return text.partition(" #")[0].strip()
