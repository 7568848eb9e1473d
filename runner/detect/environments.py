"""What tox and nox run, read from their files: nothing in them is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from runner.detect.scripts import Script
from runner.detect.tree import Tree, at

_SIMPLE = re.compile(r"[\w./:,=-]*")
_POSARGS = re.compile(r"\{posargs(?::([^{}]*))?\}")
_TOX_WORDS = {"{envpython}": "python", "{toxinidir}/": "", "{tox_root}/": "", "{toxinidir}": "."}
_TOX_FACTOR = re.compile(r"[\w!,.-]+:\s")


def tox_scripts(tree: Tree, path: str) -> Iterator[Script]:
    """The commands of tox's main environment, in a file of its own or one that it shares."""
    if path.endswith("pyproject.toml"):
        table = at(tree.toml(path), "tool", "tox")
        legacy = at(table, "legacy_tox_ini")
        if isinstance(legacy, str):
            yield from _tox(f"{path}: tool.tox.legacy_tox_ini", tree.ini_in(path, legacy))
        yield from _tox_toml(f"{path}: tool.tox", table)
    elif path.endswith(".toml"):
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
    kept = lines if env is not None and not elsewhere else None
    yield Script(
        "tox",
        "py",
        f"{source}: [testenv] commands",
        None if kept is None else tuple(line for line in kept if line),
        env=env or (),
        builds=_tox_builds(section, sections.get("tox") or sections.get("tox:tox") or {}),
    )


def _tox_builds(environment: Mapping[str, object], core: Mapping[str, object]) -> bool:
    """Whether tox installs something: dependencies, or the project itself."""
    if environment.get("deps") or environment.get("dependency_groups") or environment.get("extras"):
        return True
    skips = (
        *(core.get(key) for key in ("skipsdist", "skip_sdist", "no_package")),
        environment.get("skip_install"),
    )
    if any(str(each).strip().lower() == "true" for each in skips):
        return False
    return environment.get("package") != "skip"


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
        builds = _tox_builds(_table(at(table, *key.split("."))), _table(table))
        kept = done if None not in plain and lines else None
        yield Script("tox", "py", f"{source}: {key}.commands", kept, builds=builds)
        return


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


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
            source = f"{path}:{node.lineno}: session {node.name}"
            builds = any(name.endswith("install") for name in _session_calls(node))
            yield Script("nox", node.name, source, _session_lines(node), builds=builds)


def _is_session(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == "session"


def _session_calls(function: ast.FunctionDef) -> Iterator[str]:
    """The methods that a session calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


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
