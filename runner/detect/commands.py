"""The command that is run for a framework: nothing left over, results in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from runner.detect.framework import Framework, Project
from runner.detect.model import RESULTS, Found, Level
from runner.detect.shell import Call, Word
from runner.detect.tree import Tree

# Where an ecosystem's tools are installed: beside which file, and where relative to that.
_TOOLS = {
    "javascript": ("package.json", "node_modules/.bin"),
    "php": ("composer.json", "vendor/bin"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """How a script calls a framework: commands ``before`` and ``after`` it; ``prefix``, assignments
    and wrappers that are kept; ``program``, if the script's own is to be kept; its ``args``."""

    before: tuple[Call, ...] = ()
    prefix: tuple[Word, ...] = ()
    program: tuple[Word, ...] = ()
    args: tuple[Word, ...] | None = None
    after: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Where something was found, and why it is believed."""

    level: Level
    why: tuple[str, ...]
    via: str = ""


MARKED = Use()


def found(
    tree: Tree, project: Project, framework: Framework, reason: Reason, use: Use = MARKED
) -> tuple[Found, ...]:
    """What to run; more than one command where a project has parts that can't be run together."""
    variants = _arguments(tree, project, framework, use)
    return tuple(
        _one(tree, project, framework, reason, use, (args, "" if n == 0 else f"-{n + 1}"))
        for n, args in enumerate(variants)
    )


def _one(
    tree: Tree,
    project: Project,
    framework: Framework,
    reason: Reason,
    use: Use,
    variant: tuple[str, str],
) -> Found:
    args, number = variant
    stem, dot, suffix = framework.results.partition(".")
    name = f"{stem}{number}{dot}{suffix}"
    results = f"{RESULTS}/{name}" if stem else ""
    shape = (
        framework.script_shape if use is not MARKED and framework.script_shape else framework.shape
    )
    shape = shape.replace(framework.results, name) if number else shape
    call = _call(shape, _program(tree, project, framework, use), args, results)
    if framework.copies:
        call = f"{call} > {results} 2>&1; code=$?; cat {results}; (exit $code)"
    steps = [*map(str, use.before), call, *map(str, use.after)]
    judged = (*framework.tests.below(project.folder), *framework.config.below(project.folder))
    return Found(
        framework=framework.name,
        ecosystem=framework.ecosystem,
        folder=project.folder,
        command=" && ".join([*_ready(tree, project, framework, use, results), *steps]),
        level=reason.level,
        why=reason.why,
        results=project.path(results) if results else "",
        format=framework.format,
        via=reason.via,
        notes=framework.notes,
        needs=framework.needs,
        judged=tuple(judged),
        linux=framework.linux,
    )


def enter(folder: str) -> list[str]:
    """The step that goes to a project's folder, if that isn't where commands begin."""
    return [f"cd {quote(folder)}"] if folder else []


def with_tools(tree: Tree, ecosystem: str, folder: str) -> str:
    """An assignment that puts what the ecosystem has installed before all other programs; empty
    where it installs nothing below a project. Never is anything fetched to be run."""
    if ecosystem not in _TOOLS:
        return ""
    manifest, tools = _TOOLS[ecosystem]
    names = folder.split("/") if folder else []
    places = []
    for up in range(len(names) + 1):
        above = "/".join([*names[: len(names) - up], manifest])
        if up == 0 or above in tree:
            places.append(f"$PWD/{'../' * up}{tools}:")
    return f'PATH="{"".join(places)}$PATH"'


def _ready(tree: Tree, project: Project, framework: Framework, use: Use, results: str) -> list[str]:
    """What is done first: go there, clear the results of others, set what the tools look at."""
    steps = enter(project.folder)
    if results:
        steps.append(f"rm -rf {RESULTS} && mkdir -p {RESULTS}")
    exports = [export.replace("{results}", results) for export in framework.exports]
    if framework.imports:
        exports += python_path(tree, project)
    plain = framework.name == "node:test" and not (use.before or use.prefix or use.after)
    if not plain and (tools := with_tools(tree, framework.ecosystem, project.folder)):
        exports.append(tools)
    return [*steps, f"export {' '.join(exports)}"] if exports else steps


def python_path(tree: Tree, project: Project) -> list[str]:
    """Sources in ``src`` are found as if they were installed, which they aren't in a sandbox."""
    sources = project.path("src/")
    if not any(path.startswith(sources) and path.endswith(".py") for path in project.files):
        return []
    if "src" in tree.text(project.path("conftest.py")):  # it sees to the path itself
        return []
    return ['PYTHONPATH="$PWD/src"']


def _program(tree: Tree, project: Project, framework: Framework, use: Use) -> str:
    if use.program:
        program = " ".join(word.raw for word in use.program)
    elif framework.launcher:
        program = framework.launcher(tree, project)
    else:
        program = framework.program
    return " ".join([*(word.raw for word in use.prefix), program])


def _arguments(tree: Tree, project: Project, framework: Framework, use: Use) -> Sequence[str]:
    if use.args:
        return (" ".join(word.raw for word in use.args),)
    if framework.arguments:
        return framework.arguments(tree, project)
    return (framework.default_args,)


def _call(shape: str, program: str, args: str, results: str) -> str:
    """The shape with its holes filled; spaces that an empty one leaves are taken out."""
    filled = shape.replace(" {args}", f" {args}" if args else "")
    return filled.replace("{program}", program).replace("{results}", results)
