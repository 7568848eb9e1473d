"""Scripts out of package files: package.json, composer.json, pyproject.toml, tox, nox."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from runner.detect.scripts import Script
from runner.detect.tree import Tree, at, texts

_SIMPLE = re.compile(r"[\w./:,=-]*")
_POSARGS = re.compile(r"\{posargs(?::([^{}]*))?\}")
_TOX_WORDS = {"{envpython}": "python", "{toxinidir}/": "", "{tox_root}/": "", "{toxinidir}": "."}
_TOX_FACTOR = re.compile(r"[\w!,.-]+:\s")


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
    legacy = at(table, "tox", "legacy_tox_ini")
    if isinstance(legacy, str):
        yield from _tox(f"{path}: tool.tox.legacy_tox_ini", tree.ini_in(path, legacy))
    yield from _tox_toml(f"{path}: tool.tox", at(table, "tox"))


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


def tox_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """The commands of tox's main environment."""
    if path.endswith(".toml"):
        yield from _tox_toml(path, tree.toml(path))
    else:
        yield from _tox(path, tree.ini(path))


def _tox(source: str, sections: Mapping[str, Mapping[str, str]]) -> Iterator[Script]:
    section = sections.get("testenv")
    if section is None or not section.get("commands"):
        return
    lines: list[str] | None = []
    for line in section["commands"].replace("\\\n", " ").splitlines():
        plain = _tox_line(line.strip())
        lines = None if plain is None or lines is None else [*lines, plain]
    env = _tox_env(section.get("setenv", "") or section.get("set_env", ""))
    elsewhere = (section.get("changedir") or section.get("change_dir") or "").strip()
    if env is None or elsewhere or lines is None:
        yield Script("tox", "py", f"{source}: [testenv] commands", None)
        return
    kept = tuple(line for line in lines if line)
    yield Script("tox", "py", f"{source}: [testenv] commands", kept, env=env)


def _tox_toml(source: str, table: object) -> Iterator[Script]:
    """tox's own TOML: commands are lists of words, of which some are tables of substitutions."""
    for key in ("env_run_base", "env.py"):
        commands = at(table, *key.split("."), "commands")
        if not isinstance(commands, list):
            continue
        lines = []
        for command in commands if all(isinstance(each, list) for each in commands) else ():
            words = [word for word in command if not isinstance(word, Mapping)]
            lines.append(" ".join(str(word) for word in words))
        plain = [_tox_line(line) for line in lines]
        done = tuple(line for line in plain if line)
        yield Script("tox", "py", f"{source}: {key}.commands", done if None not in plain else None)
        return


def _tox_line(line: str) -> str | None:
    """A command without tox's own words; ``None`` if it has some that only tox knows."""
    if line.startswith(("-", "!")) or _TOX_FACTOR.match(line):
        return None
    line = _POSARGS.sub(lambda match: match[1] or "", line)
    line = line.replace("{envbindir}/", "")
    for word, meaning in _TOX_WORDS.items():
        line = line.replace(word, meaning)
    return None if "{" in line else line


def _tox_env(text: str) -> tuple[str, ...] | None:
    """Assignments for a shell; ``None`` if one is more than plain text."""
    found = []
    for line in text.splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not equals or not name.isidentifier() or not _SIMPLE.fullmatch(value):
            return None
        found.append(f"{name}={value}")
    return tuple(found)


def nox_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """The sessions of a noxfile, read as text: nothing in it is run."""
    text = tree.text(path)
    if not text:
        return
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree.problems[path] = "is no valid Python"
        return
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and any(map(_is_session, node.decorator_list)):
            lines = _session_lines(node)
            yield Script("nox", node.name, f"{path}:{node.lineno}: session {node.name}", lines)


def _is_session(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == "session"


def _session_lines(function: ast.FunctionDef) -> tuple[str, ...] | None:
    """The commands that a session runs; ``None`` if it computes them."""
    lines: list[str] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in ("run", "run_always"):
            continue
        words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        computed = [arg for arg in node.args if not isinstance(arg, ast.Constant | ast.Starred)]
        odd = {keyword.arg for keyword in node.keywords} - {"external", "silent"}
        if computed or odd or not all(isinstance(word, str) for word in words):
            return None
        lines.append(" ".join(_quoted(str(word)) for word in words))
    return tuple(lines)


def _quoted(word: str) -> str:
    return word if _SIMPLE.fullmatch(word) and word else "'" + word.replace("'", "'\\''") + "'"
