"""A run that is told to stop, and what others may do while it is at work."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from commands import Machine, Terminal, said
from worlds import wait_for

from runner.model import Outcome

pytestmark = pytest.mark.engine

CHEAPER = ("cheaper", "echo 6 > costs/a")
NAP = ("nap", "sleep 60")


def test_ctrl_c_ends_a_live_picture_in_good_order_and_resume_goes_on(machine: Machine) -> None:
    machine.project.write_task(machine.image, NAP, CHEAPER, catalogue=False, time_s=5, nodes=2)
    with Terminal(machine, "run", "--workers", "1") as terminal:
        terminal.wait_for(b"nap")
        wait_for(lambda: _acting(machine, "nap"), "the action's container", 60)
        terminal.type(b"\x03")
        assert terminal.exit_code() == 130
    screen = terminal.screen.decode()
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")  # the cursor is back
    assert "it was interrupted, and can be resumed" in screen
    assert "oppie resume" in screen
    assert machine.containers() == []
    assert machine.json("runs")["runs"][0]["status"] == "interrupted"

    done = machine.oppie("resume", "--plain")
    assert done.returncode == 0, said(done)
    view = machine.view()
    assert {node.actions: node.outcome for node in view.nodes[1:]} == {
        ("nap",): Outcome.TIMEOUT,
        ("cheaper",): Outcome.IMPROVED,
    }
    assert view.nodes[0].visits == view.evaluations == 2
    assert [event["resumed"] for event in machine.events("mcts.run.started")] == [False, True]
    assert machine.containers() == []


def _acting(machine: Machine, action: str) -> bool:
    """Whether the container of an action is there."""
    chosen = [e["node"] for e in machine.events("mcts.node.selected") if e["action"] == action]
    return any(name.endswith(f"-{node}-1-act") for node in chosen for name in machine.containers())


@pytest.fixture
def held(machine: Machine) -> Path:
    """The file that lets a run go on: until it is there, a hook holds each action back."""
    go = machine.folder / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    machine.project.write_task(
        machine.image,
        CHEAPER,
        catalogue=False,
        nodes=1,
        more=f'[hooks]\ntimeout_s = "100s"\npre_execution = ["sh", "-c", "{wait}"]\n',
    )
    return go


def test_one_planner_works_while_others_may_read(machine: Machine, held: Path) -> None:
    with machine.started("run", "--plain", "--workers", "1") as planner:
        wait_for(lambda: machine.events("mcts.node.selected"), "a selection", 60)
        run_id = machine.view().run_id
        _assert_refused(machine, run_id, planner.pid)
        _assert_readable(machine, run_id)
        # The first signal asks for an orderly end, which waits for the hook; the second doesn't.
        planner.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            planner.wait(1.0)
        planner.send_signal(signal.SIGINT)
        assert planner.wait(60) == 130, machine.output
    assert machine.json("runs")["runs"][0]["status"] == "interrupted"
    held.touch()
    done = machine.oppie("resume", "--quiet")
    assert done.returncode == 0, said(done)
    assert machine.view().run_id == run_id
    assert machine.containers() == []


def _assert_refused(machine: Machine, run_id: str, pid: int) -> None:
    for arguments in (("run",), ("resume",), ("gc", "--keep", "0")):
        done = machine.oppie(*arguments)
        assert done.returncode == 2, said(done)
        told = done.stderr.decode()
        assert f"state folder {machine.state} is in use by run {run_id} (pid {pid} on " in told
    assert len(machine.runs()) == 1


def _assert_readable(machine: Machine, run_id: str) -> None:
    (run,) = machine.json("runs")["runs"]
    assert (run["run_id"], run["status"], run["stop"]) == (run_id, "running", None)
    assert [node["status"] for node in machine.json("tree")["nodes"]] == ["committed", "open"]
    assert machine.json("show", "A.1")["actions"] == ["cheaper"]
    assert "A-1/setup" in machine.json("logs", "A")["logs"]
    assert machine.ok("shell", "A", stdin=b"cat ready\n") == "ready\n"
    assert machine.json("doctor")["ok"] is True


def test_sigterm_ends_a_run_in_good_order(machine: Machine) -> None:
    machine.project.write_task(machine.image, NAP, catalogue=False)
    with machine.started("run", "--plain", "--workers", "2") as planner:
        wait_for(lambda: _acting(machine, "nap"), "the action's container", 60)
        planner.send_signal(signal.SIGTERM)
        assert planner.wait(60) == 130, machine.output
    assert "Nothing was verified." in machine.output
    assert machine.containers() == []
    assert list(machine.snapshots().values()) == ["A"]
    assert machine.events("mcts.run.stopped")[0]["reason"] == "interrupted"

    assert machine.ok("gc", "--keep", "0") == "removed 0 objects of 0 runs\n"  # could be resumed
    assert "removed 1 objects of 1 runs" in machine.ok("gc", "--keep", "0", "--interrupted")
    assert machine.snapshots() == {}
