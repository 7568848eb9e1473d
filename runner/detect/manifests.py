"""Scripts out of package files: package.json, composer.json, pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.detect.scripts import Script
from runner.detect.tree import Tree, at, texts


def npm_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """``scripts`` of a package.json; what npm runs before and after one by itself belongs to it."""
    scripts = at(tree.json(path), "scripts")
    if not isinstance(scripts, Mapping):
        return
    known = {name: line for name, line in scripts.items() if isinstance(line, str)}
    for name, line in known.items():
        if not line.strip():
            continue
        around = (known.get(f"pre{name}", ""), line, known.get(f"post{name}", ""))
        lines = tuple(each for each in around if each.strip())
        yield Script("npm", name, f"{path}: scripts.{name}", lines)


def composer_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """``scripts`` of a composer.json. A class's method is for Composer alone to call."""
    scripts = at(tree.json(path), "scripts")
    for name, value in scripts.items() if isinstance(scripts, Mapping) else ():
        lines = [line.removeprefix("@php ") for line in texts(value)]
        source = f"{path}: scripts.{name}"
        if any("::" in line and " " not in line for line in lines):
            yield Script("composer", name, source, None)
        elif lines:
            yield Script("composer", name, source, tuple(lines))


def python_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """Scripts of a pyproject.toml, for the tools that keep them there."""
    table = at(tree.toml(path), "tool")
    environments = at(table, "hatch", "envs")
    for name, environment in environments.items() if isinstance(environments, Mapping) else ():
        yield from _tasks(
            "hatch", f"{path}: tool.hatch.envs.{name}.scripts", at(environment, "scripts")
        )
    for runner, keys in (
        ("pdm", ("pdm", "scripts")),
        ("poe", ("poe", "tasks")),
        ("taskipy", ("taskipy", "tasks")),
        ("rye", ("rye", "scripts")),
    ):
        yield from _tasks(runner, f"{path}: tool.{'.'.join(keys)}", at(table, *keys))


def _tasks(runner: str, source: str, table: object) -> Iterator[Script]:
    """A task is a command, a list of them, or a table with its command as ``cmd``."""
    for name, value in table.items() if isinstance(table, Mapping) else ():
        command = at(value, "cmd") or at(value, "chain") or value
        lines = texts(command)
        if isinstance(at(value, "cmd"), list):  # the words of one command
            lines = (" ".join(lines),)
        if lines:
            yield Script(runner, str(name), f"{source}.{name}", lines)
        elif isinstance(value, Mapping):
            yield Script(runner, str(name), f"{source}.{name}", None)
