"""The local model of ``docs/agents-in-practice.md``, on ``examples/helios``: its task file as it is on
the page, but for the port, and a smaller budget. The model's place is taken by a scripted server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import ROOT, Machine, Project
from pages import files_of

from tests.models.script import Turn, in_order
from tests.models.server import ModelServer

pytestmark = pytest.mark.engine

HELIOS = ROOT / "examples/helios"
TASK = files_of("agents-in-practice.md")["local/oppie.toml"]
LOST = "helios/store.py\n<<<<<<< SEARCH\nno line of it\n=======\nanother\n>>>>>>> REPLACE\n"
SMALLER = {"nodes = 8": "nodes = 1", "[budget]": "[trials]\ncheck_runs = 1\npairs = 5\n\n[budget]"}
PATIENCE_S = 500.0  # half a minute where nothing else is going on


def found() -> str:
    """A good idea, as a model would tell it."""
    patch = (HELIOS / "catalogue/03-remember-contents.patch").read_text()
    return f"```diff\n{patch[patch.index('diff --git'):]}```\n\nMost contents are known already.\n"


def helios(project: Project, url: str) -> Path:
    """The example in the user's repository, and the page's task beside it."""
    folder = project.folder / "helios"
    for name in ("helios", "tests"):
        shutil.copytree(HELIOS / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HELIOS / "bench.py", folder)
    text = TASK.replace("http://127.0.0.1:11434", url)
    assert text != TASK
    for wide, narrow in SMALLER.items():
        assert wide in text
        text = text.replace(wide, narrow)
    (folder / "oppie.toml").write_text(text)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "helios")
    return folder


def test_a_local_model_makes_helios_faster(machine: Machine) -> None:
    with ModelServer(in_order(Turn(LOST), Turn(found()))) as server:
        task = helios(machine.project, server.url)
        with machine.started("run", str(task), "--plain", "--workers", "1") as run:
            code = run.wait(PATIENCE_S)
    assert code == 0, machine.output
    node = machine.json("show", "best")
    assert [each["outcome"] for each in node["rounds"]] == ["failed", "improved"]
    assert node["spending"]["requests"] == 2
    assert node["spending"]["cost_usd"] == 0.0
    first, second = (asked.text for asked in server.asked)
    for asked in server.asked:
        assert asked.path == "/v1/chat/completions"
        assert asked.model == "qwen3-coder:30b"
        assert "authorization" not in asked.headers
    assert "look at helios/store.py first" in first and "class " in first
    reason = "aren't in it as they are given"
    assert reason not in first and reason in second
    words = machine.ok("pr", "best")
    assert "with `qwen3-coder:30b`, round 2 of 2" in words
    assert "> Most contents are known already." in words
