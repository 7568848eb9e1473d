"""The order of the rooms: a room imports the rooms below it, and none above.

Three things have one room each: ``docker`` in the sandbox, ``sqlite3`` in the store, and the
environment in the settings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "runner"

# From the top. The files of one line are neighbours, and may know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("settings",),
    ("search", "pool", "simulate"),
    ("reconcile",),
    ("gate",),
    ("expand",),
    ("mcp",),
    ("knowledge",),
    ("task",),
    ("planner",),
    ("prompts",),
    ("detect",),
    ("measure",),
    ("agents",),
    ("gateway",),
    ("images",),
    ("guard",),
    ("sandbox",),
    ("egress",),
    ("evidence",),
    ("store",),
    ("report",),
    ("wire",),
    ("model",),
    ("keeping",),
    ("errors",),
)
RANK = {room: rank for rank, floor in enumerate(FLOORS) for room in floor}
ONLY_IN = {"docker": "sandbox", "sqlite3": "store"}
# Programs that run in containers, where the settings are not: their environment is the container's.
PROGRAMS = frozenset({"mcp/bridge"})


def breaches(package: Path) -> Iterator[str]:
    """What breaks the rule below ``package``, as ``file:line: what``."""
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package).with_suffix("")
        room = place.parts[0]
        if room == "__init__":
            continue
        where = file.relative_to(package.parent)
        if room not in RANK:
            yield f"{where}: the room {room!r} has no place in the order"
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
        for line, module in _imports(tree, (package.name, *place.parts)):
            if what := _breach(room, module, package.name):
                yield f"{where}:{line}: {what}"
        if room != "settings" and place.as_posix() not in PROGRAMS:
            yield from (f"{where}:{line}: reads the environment" for line in _reads(tree))


def _breach(room: str, module: str, package: str) -> str:
    """Why ``room`` may not import ``module``; empty if it may."""
    top, _, rest = module.partition(".")
    if owner := ONLY_IN.get(top):
        return "" if room == owner else f"{room} imports {top}, which is {owner}'s alone"
    other = rest.partition(".")[0]
    if top != package or other in ("", "__version__"):
        return ""
    if other not in RANK:
        return f"imports {module}, which has no place in the order"
    return f"{room} imports {other}, which is above it" if RANK[other] < RANK[room] else ""


def _imports(tree: ast.Module, place: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Each imported name in full, wherever in the file it is imported; relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(place[: -node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _reads(tree: ast.Module) -> Iterator[int]:
    """Where ``os.environ`` or ``os.getenv`` is named, however it was imported."""
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr in names:
                yield node.lineno
            case ast.ImportFrom(module="os", names=imported) if names & {a.name for a in imported}:
                yield node.lineno


def test_the_rooms_keep_their_order() -> None:
    assert list(breaches(PACKAGE)) == []


def test_every_room_of_the_order_exists() -> None:
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    assert set(RANK) <= rooms


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("planner/tree.py", "from runner.sandbox.spec import RUN", ""),
        ("planner/tree.py", "from runner.planner.node import Node", ""),
        ("planner/tree.py", "from runner.model import Job\nimport os\nimport numpy", ""),
        ("sandbox/engine.py", "import docker.errors", ""),
        ("settings.py", "import os\nx = os.environ['X']", ""),
        ("mcp/bridge.py", "import os\nx = os.environ['X']", ""),
        ("search.py", "from runner.pool import Pool", ""),
        ("report/a.py", "from runner import __version__", ""),
        ("planner/tree.py", "from runner.expand import journey", ":1: planner imports expand"),
        ("model.py", "import runner.search", ":1: model imports search"),
        ("errors.py", "from runner import model", ":1: errors imports model"),
        ("store/a.py", "\nfrom ..cli import app", ":2: store imports cli"),
        ("store/deep/a.py", "from ...cli import app", ":1: store imports cli"),
        ("measure/a.py", "def f():\n    from runner.search import search", ":2: measure imports"),
        ("measure/a.py", "if x:\n    import runner.task as t", ":2: measure imports task"),
        ("cli/a.py", "import docker", ":1: cli imports docker, which is sandbox's alone"),
        ("report/a.py", "from docker.errors import NotFound", ":1: report imports docker"),
        ("sandbox/a.py", "import sqlite3", ":1: sandbox imports sqlite3, which is store's alone"),
        ("cli/a.py", "import os\nx = os.environ.get('X')", ":2: reads the environment"),
        ("cli/a.py", "import os\nx = os.getenv('X')", ":2: reads the environment"),
        ("task/a.py", "from os import environ as e", ":1: reads the environment"),
        ("helpers.py", "", ": the room 'helpers' has no place in the order"),
        ("cli/a.py", "from runner.helpers import x", ":1: imports runner.helpers.x"),
    ],
)
def test_the_checker_can_fail(tmp_path: Path, file: str, text: str, found: str) -> None:
    path = tmp_path / "runner" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    said = list(breaches(tmp_path / "runner"))
    if found:
        assert len(said) == 1
        assert said[0].startswith(f"runner/{file}{found}")
    else:
        assert said == []
