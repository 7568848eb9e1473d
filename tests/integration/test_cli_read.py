"""The commands that read what was recorded, over one finished run; their shapes are docs/json.md's."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import LIMIT_S, OPPIE, ROOT, Finished, Machine, Project, Terminal, said
from worlds import wait_for

from runner.model import Decision, Outcome

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def machine(finished: Finished) -> Machine:
    """The machine of the finished run: nothing here changes it."""
    return finished.machine


def documented(title: str) -> set[str]:
    """The keys of the table below a heading of docs/json.md."""
    page = (ROOT / "docs/json.md").read_text(encoding="utf-8")
    section = re.split(rf"^#+ {re.escape(title)}$", page, flags=re.MULTILINE)[1].split("\n#")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


def assert_shape(value: dict[str, Any], title: str, *without: str) -> None:
    """Every documented key is there, and no other."""
    assert set(value) == documented(title) - set(without), title


def assert_node(value: dict[str, Any]) -> None:
    for measured in filter(None, [value["edge"]]):
        assert_shape(measured, "measurement")
        for metric in measured["metrics"] + measured["baseline"]:
            assert_shape(metric, "metric")


def best_of(machine: Machine) -> str:
    verified = machine.view().verified
    assert verified is not None
    return verified.label


# -- JSON ------------------------------------------------------------------------------------------


def test_runs_as_json(machine: Machine) -> None:
    found = machine.json("runs")
    assert_shape(found, "oppie.runs/1")
    assert found["schema"] == "oppie.runs/1"
    (run,) = found["runs"]
    assert_shape(run, "oppie.run/1", "schema", "verifications", "nodes")
    assert (run["status"], run["stop"], run["task"]) == ("stopped", "budget: nodes", "tiny")


def test_tree_as_json(machine: Machine) -> None:
    found = machine.json("tree")
    assert_shape(found, "oppie.run/1")
    assert_shape(found["verified"], "verified")
    assert found["objective"] == {"name": "cost", "goal": "min", "unit": "us"}
    assert found["budget"]["nodes"] == 12
    assert [metric["value"] for metric in found["root_metrics"]] == [99]
    assert found["nodes"][0]["label"] == "A" and found["nodes"][0]["parent"] is None
    for node in found["nodes"]:
        assert_shape(node, "node")
        assert_node(node)
    labels = {node["label"] for node in found["nodes"]}
    assert {node["parent"] for node in found["nodes"][1:]} <= labels
    assert found["nodes"][0]["visits"] == found["evaluations"]


def test_show_as_json(machine: Machine) -> None:
    found = machine.json("show", "best")
    assert set(found) == {"schema", "run_id"} | documented("node")
    assert (found["schema"], found["label"]) == ("oppie.node/1", best_of(machine))
    assert_node(found)
    assert found["outcome"] == "improved" and found["edge"]["low"] > 0
    assert found["snapshot"]["tag"] == f"oppie/{found['run_id']}:{found['label']}"


def test_diff_as_json(machine: Machine) -> None:
    found = machine.json("diff", "best")
    assert_shape(found, "oppie.diff/1")
    assert (found["from"], found["to"]) == ("A", best_of(machine))
    assert found["files"] == [
        {"path": "costs/a", "added": 1, "removed": 1},
        {"path": "costs/b", "added": 1, "removed": 1},
    ]
    assert (found["added"], found["removed"]) == (2, 2)


def test_logs_as_json(machine: Machine) -> None:
    found = machine.json("logs", "best")
    assert_shape(found, "oppie.logs/1")
    label = best_of(machine)
    assert {f"{label}-1/act", f"{label}-1/check-whole", f"{label}-1/bench-candidate"} <= set(
        found["logs"]
    )
    assert "METRIC cost=18" in found["logs"][f"{label}-1/bench-candidate"]


def test_doctor_as_json(machine: Machine) -> None:
    found = machine.json("doctor")
    assert_shape(found, "oppie.doctor/1")
    assert found["ok"] is True
    for finding in found["findings"]:
        assert set(finding) == {"name", "status", "found", "fix"}
        assert finding["status"] in ("ok", "warning", "error")
        assert finding["found"]
        assert finding["status"] == "ok" or finding["fix"]
    names = " ".join(finding["name"] for finding in found["findings"])
    for wanted in ("engine", "storage", "cgroup", "limit", "disk", "leftovers"):
        assert wanted in names


def test_images_as_json(machine: Machine) -> None:
    found = machine.json("images", "list")
    assert_shape(found, "oppie.images/1")
    for image in found["images"]:
        assert set(image) == {"name", "id", "size_bytes", "layers"}
        assert not image["name"].startswith(f"oppie/{machine.view().run_id}")


def test_gc_as_json_keeps_the_latest_run(machine: Machine) -> None:
    found = machine.json("gc", "--dry-run")
    assert_shape(found, "oppie.gc/1")
    assert found == {"schema": "oppie.gc/1", "dry_run": True, "removed": [], "size_bytes": 0}


def test_what_a_run_has_seen_can_be_searched_again(machine: Machine, tmp_path: Path) -> None:
    space = tmp_path / "space.json"
    assert f"wrote {space}" in machine.ok("export-space", "--output", space)
    assert json.loads(space.read_text()) == json.loads(machine.ok("export-space"))
    found = json.loads(machine.ok("simulate", space, "--nodes", "8", "--seed", "3", "--json"))
    assert_shape(found, "oppie.simulation/1")
    assert (found["policy"], found["seed"], found["parallel"]) == ("frontier", 3, 1)
    assert [each["n"] for each in found["evaluations"]] == list(
        range(1, len(found["evaluations"]) + 1)
    )
    assert len(found["evaluations"]) <= 8
    for each in found["evaluations"]:
        assert_shape(each, "evaluation")
    assert sorted(found["best_state"]) == ["cheap-a", "cheap-b"]
    assert found["regret"] == pytest.approx(found["best_gain"] - found["final_gain"])


# -- for people ------------------------------------------------------------------------------------


def test_runs_tree_and_show_for_people(machine: Machine) -> None:
    view = machine.view()
    assert view.run_id in machine.ok("runs")
    tree = machine.ok("tree")
    for node in view.nodes:
        assert re.search(rf" {re.escape(node.label)}  ", tree), tree
    shown = machine.ok("show", "best")
    assert best_of(machine) in shown and "cheap-" in shown and "\x1b" not in shown


def test_a_tree_too_large_is_cut_and_says_so(machine: Machine) -> None:
    text = machine.ok("tree", "--most", "3")
    assert len(text.splitlines()) < len(machine.view().nodes)
    assert "hidden" in text


def test_a_run_is_found_by_the_beginning_of_its_id(machine: Machine) -> None:
    run_id = machine.view().run_id
    assert machine.ok("tree", "--run", run_id[:8]) == machine.ok("tree", "--run", run_id)


def test_logs_for_people_and_of_one_step(machine: Machine) -> None:
    label = best_of(machine)
    everything = machine.ok("logs", label)
    assert f"== {label}-1/act\n" in everything and "METRIC cost=18" in everything
    act = machine.ok("logs", label, "--step", "act")
    assert act.startswith(f"== {label}-1/act\n") and "METRIC" not in act
    wrong = machine.oppie("logs", label, "--step", "build")
    assert wrong.returncode == 2
    assert b"has no log of step 'build'; there are: act, " in wrong.stderr


def test_simulate_and_doctor_and_images_for_people(machine: Machine, tmp_path: Path) -> None:
    space = tmp_path / "space.json"
    machine.ok("export-space", "-o", space)
    told = machine.ok("simulate", space, "--policy", "ucb1", "--nodes", "5")
    assert re.search(
        r"^ucb1, seed 0: \d evaluations, budget: nodes; found .* of \+450\.0 %", told, re.MULTILINE
    )
    assert "error" not in machine.ok("doctor")
    assert machine.image in machine.ok("images", "list") or "oppie/" not in machine.image


# -- sources ---------------------------------------------------------------------------------------


def test_a_diff_is_a_patch_that_applies(machine: Machine, tmp_path: Path) -> None:
    done = machine.oppie("diff", "best")
    assert done.returncode == 0, said(done)
    fresh = Project.make(tmp_path / "fresh")
    (tmp_path / "diff").write_bytes(done.stdout)
    fresh.git("apply", "--directory=app", str(tmp_path / "diff"))
    assert [(fresh.folder / "app/costs" / name).read_text() for name in "abc"] == [
        "6\n",
        "3\n",
        "9\n",
    ]


def test_a_diff_between_two_nodes_is_their_difference_only(machine: Machine) -> None:
    best = best_of(machine)
    parent = best.rpartition(".")[0]
    (changed,) = machine.json("diff", parent, best)["files"]
    assert changed["path"] in ("costs/a", "costs/b")
    assert machine.json("diff", best, best)["files"] == []


def test_a_discarded_node_can_be_checked_out(machine: Machine, tmp_path: Path) -> None:
    node = next(n for n in machine.view().nodes if n.outcome is Outcome.REJECTED)
    assert node.decision is Decision.DISCARD and node.snapshot is None
    told = machine.ok("checkout", node.label, tmp_path / "out")
    assert str(tmp_path / "out") in told
    assert (tmp_path / "out/costs/c").read_text() == "900\n"
    assert (tmp_path / "out/ready").read_text() == "ready\n"
    assert not (tmp_path / "out/.git").exists()


def test_a_checkout_overwrites_nothing(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious\n")
    done = machine.oppie("checkout", "best", tmp_path)
    assert done.returncode == 2, said(done)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# -- shells ----------------------------------------------------------------------------------------


def test_a_shell_runs_the_script_on_its_stdin(machine: Machine) -> None:
    done = machine.oppie("shell", "best", stdin=b"cat costs/a; id -u; pwd; echo 7 > new; exit 5\n")
    assert done.stdout == b"6\n1000\n/workspace\n", said(done)
    assert done.returncode == 5
    again = machine.oppie("shell", "best", stdin=b"ls new\n")
    assert again.returncode == 2 and b"No such file" in again.stdout  # nothing was kept
    assert machine.containers() == []


def test_a_shell_on_a_terminal_is_interactive(machine: Machine) -> None:
    with Terminal(machine, "shell", "best") as terminal:
        terminal.wait_for(b"$ ")
        terminal.type(b"tty; expr 40 + 2\r")
        terminal.wait_for(b"42\r")
        terminal.type(b"exit 3\r")
        assert terminal.exit_code() == 3
    assert b"/dev/" in terminal.screen
    assert machine.containers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_shell_that_is_told_to_stop_leaves_nothing(machine: Machine, number: int) -> None:
    with machine.started("shell", "best", stdin=b"sleep 60\n") as shell:
        wait_for(lambda: any("-shell-" in name for name in machine.containers()), "a shell", 60)
        shell.send_signal(number)
        assert shell.wait(20) == 130, machine.output
    assert machine.containers() == []


def test_a_discarded_node_has_no_shell_and_says_what_there_is(machine: Machine) -> None:
    node = next(n for n in machine.view().nodes if n.decision is Decision.DISCARD)
    done = machine.oppie("shell", node.label)
    assert done.returncode == 2
    assert f"oppie checkout {node.label} FOLDER" in done.stderr.decode()


# -- what there isn't ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tree", "--run", "1999"), "run '1999' is no run; there are "),
        (("show", "A.99"), "has no node 'A.99'; its first ones: A, A.1, "),
        (("apply", "A.99"), "has no node 'A.99'"),
        (("export-space", "1999"), "run '1999' is no run"),
        (("resume",), "there is nothing to resume"),
        (("simulate", "nowhere.json"), "nowhere.json: can't be read"),
        (("simulate", "oppie.toml"), "oppie.toml: "),
        (("export-space", "-o", "/nowhere/space.json"), "/nowhere/space.json: can't be written"),
        (("checkout", "best", "/dev/null/folder"), "/dev/null/folder: can't be written"),
    ],
)
def test_what_is_not_there_is_one_message_and_2(
    machine: Machine, arguments: tuple[str, ...], told: str
) -> None:
    done = machine.oppie(*arguments)
    assert done.returncode == 2, said(done)
    assert done.stdout == b""
    assert done.stderr.startswith(b"oppie: ") and done.stderr.count(b"\n") == 1
    assert told in done.stderr.decode()


def test_without_a_journal_reading_says_how_to_get_one(machine: Machine, tmp_path: Path) -> None:
    done = machine.oppie("tree", OPPIE_STATE=str(tmp_path / "none"))
    assert done.returncode == 2
    assert b"`oppie run` makes one" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", ["tree --json", "logs best"])
def test_a_reader_that_leaves_early_is_no_trouble(machine: Machine, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m runner.cli {command} | head -n 1', OPPIE[0]],
        cwd=machine.project.folder,
        env=machine.environment(),
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
