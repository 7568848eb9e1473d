"""`oppie run` as a user sees it: what it says, what it leaves, and how it ends."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from commands import NOTHING, SPOIL, WORSE, Finished, Machine, Terminal, said

from runner.model import Decision, Outcome

pytestmark = pytest.mark.engine

CHEAPER = ("cheaper", "echo 6 > costs/a")
# Words that would retitle a terminal, colour it, forge a line, or be taken for Rich's markup.
HOSTILE = r"\033]0;owned\007\033[31mred\r[bold]bold[/bold] \342\200\256"
SHOUT = ("shout", f"printf '{HOSTILE}\\n' | tee costs/d >&2; exit 7")


# -- a verified improvement ------------------------------------------------------------------------


def test_an_improvement_is_told_with_its_numbers_and_places(finished: Finished) -> None:
    text = finished.done.stdout.decode()
    view = finished.machine.view()
    assert view.verified is not None
    assert f"Verified: {view.verified.label} is +450.0 % better than the root (x5.5)" in text
    assert "cost  99 us -> 18 us  (objective)" in text
    assert f"branch      oppie/{view.run_id}\n" in text
    for name in ("report.html", "events.jsonl", "best.patch"):
        assert finished.machine.place(name).is_file()
        assert str(finished.machine.place(name)) in text
    assert "oppie tree " in text
    assert finished.done.stderr == b""


def test_plain_lines_tell_each_decision_and_move_no_cursor(finished: Finished) -> None:
    text = finished.done.stdout.decode()
    assert "\x1b" not in text
    for node in finished.machine.view().nodes[1:]:
        assert node.outcome is not None
        told = [
            line for line in text.splitlines() if re.match(rf"\[\d+:\d\d\] {node.label} ", line)
        ]
        assert any(f"try {' + '.join(node.actions)} at {node.parent}" in line for line in told)
        assert any(f"{node.outcome}" in line and f"{node.decision}" in line for line in told)


def test_the_change_is_a_branch_of_the_users_repository(finished: Finished) -> None:
    project, view = finished.machine.project, finished.machine.view()
    branch = f"oppie/{view.run_id}"
    assert project.git("diff", "--name-only", "HEAD", branch).split() == [
        "app/costs/a",
        "app/costs/b",
    ]
    assert project.git("rev-parse", f"{branch}^") == project.git("rev-parse", "HEAD")
    message = project.git("log", "-1", "--format=%B", branch)
    assert re.match(
        r"tiny: cheap-[ab] \+ cheap-[ab]\n\nVerified against the original: cost ", message
    )
    assert f"of oppie run {view.run_id}." in message


def test_the_users_work_tree_and_branch_stay_as_they_were(finished: Finished) -> None:
    project = finished.machine.project
    assert project.git("rev-parse", "HEAD", "HEAD^{tree}") == finished.before
    assert project.git("status", "--porcelain") == ""
    assert project.git("branch", "--show-current") == "main\n"


def test_the_patch_applies_to_the_target(finished: Finished) -> None:
    patch = finished.machine.place("best.patch")
    finished.machine.project.git("apply", "--check", "--directory=app", str(patch))


def test_the_report_shows_every_node(finished: Finished) -> None:
    page = finished.machine.place("report.html").read_text(encoding="utf-8")
    for node in finished.machine.view().nodes:
        assert f">{node.label}<" in page
    assert "-60<" in page and "+6<" in page
    assert "<script src" not in page


def test_only_the_snapshots_of_committed_nodes_are_left(finished: Finished) -> None:
    machine = finished.machine
    assert machine.containers() == []
    assert machine.networks() == []
    kept = [node.label for node in machine.view().nodes[1:] if node.decision is Decision.COMMIT]
    assert sorted(machine.snapshots().values()) == sorted(["A", *kept])


def test_the_journal_has_every_outcome_that_the_actions_call_for(finished: Finished) -> None:
    outcomes = {(node.actions, node.outcome) for node in finished.machine.view().nodes[1:]}
    wanted = {
        "cheap-a": Outcome.IMPROVED,
        "cheap-b": Outcome.IMPROVED,
        "nothing": Outcome.DUPLICATE,
        "worse": Outcome.REJECTED,
        "spoil": Outcome.FAILED,
        "cheat": Outcome.TAMPERED,
    }
    assert len(outcomes) >= 4
    assert all(wanted[actions[0]] is outcome for actions, outcome in outcomes if len(actions) == 1)


# -- events ----------------------------------------------------------------------------------------


def test_the_event_log_holds_each_step_of_the_search(finished: Finished) -> None:
    machine = finished.machine
    events, view = machine.events(), machine.view()
    for event in events:
        assert list(event)[:4] == ["timestamp", "level", "event", "run"]
        assert datetime.fromisoformat(event["timestamp"]).utcoffset() is not None
        assert event["run"] == view.run_id
    counted = {name: len(machine.events(f"mcts.{name}")) for name in _ONCE_EACH}
    assert counted == dict.fromkeys(_ONCE_EACH, view.evaluations)
    names = [event["event"] for event in events]
    assert names[0] == "mcts.run.started"
    assert names[-2:] == ["mcts.run.stopped", "mcts.run.verified"]
    decided = Counter(event["decision"] for event in machine.events("mcts.node.evaluated"))
    assert names.count("mcts.node.discarded") == decided["discard"]
    again = sum(event["kind"] == "remeasure" for event in machine.events("mcts.node.selected"))
    assert names.count("mcts.node.committed") == decided["commit"] - again


_ONCE_EACH = ("node.selected", "node.evaluated", "node.backpropagated")


def test_a_selection_names_node_action_snapshots_and_hope(finished: Finished) -> None:
    machine = finished.machine
    run_id = machine.view().run_id
    for event in machine.events("mcts.node.selected"):
        assert event["parent_snapshot"] == f"oppie/{run_id}:{event['parent']}"
        assert event["target_snapshot"] == f"oppie/{run_id}:{event['node']}"
        assert event["action"] or event["kind"] == "remeasure"
        assert isinstance(event["expected_improvement"], float)
        assert event["attempt"].startswith(f"{event['node']}-")


def test_backpropagation_walks_up_to_the_root(finished: Finished) -> None:
    events = finished.machine.events("mcts.node.backpropagated")
    for number, event in enumerate(events, start=1):
        assert event["path"][0] == "A" and event["path"][-1] == event["node"]
        assert event["visits"][0] == number


# -- the other modes -------------------------------------------------------------------------------


def test_json_prints_the_events_and_then_the_run(machine: Machine) -> None:
    machine.project.write_task(machine.image, CHEAPER, catalogue=False, nodes=1)
    done = machine.oppie("run", "--json", "--workers", "1")
    assert done.returncode == 0, said(done)
    assert done.stderr == b""
    *events, run = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert _untimed(events) == _untimed(machine.events())
    assert run["schema"] == "oppie.run/1"
    assert run["verified"]["verdict"] == "improved"
    assert run["verified"]["branch"] == f"oppie/{run['run_id']}"
    assert run == machine.json("tree")


def _untimed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without what differs between two logs of the same events: when they were written."""
    return [
        {k: v for k, v in event.items() if k not in ("timestamp", "duration_s")} for event in events
    ]


def test_a_budget_that_ends_before_an_improvement_is_4_and_quiet_is_quiet(machine: Machine) -> None:
    machine.project.write_task(machine.image, WORSE, SPOIL, catalogue=False, nodes=1)
    done = machine.oppie("run", "--quiet")
    assert done.returncode == 4, said(done)
    assert done.stdout.startswith(b"Nothing was verified.\n")
    assert b"the budget of nodes is spent (1 of 1 evaluations)" in done.stdout
    assert done.stderr == b""
    assert machine.containers() == []
    assert list(machine.snapshots().values()) == ["A"]
    assert "oppie/" not in machine.project.git("branch", "--all")


def test_an_exhausted_search_is_3_and_hostile_words_do_not_reach_the_terminal(
    machine: Machine,
) -> None:
    machine.project.write_task(machine.image, SHOUT, NOTHING, catalogue=False)
    done = machine.oppie("run", "--plain", "--workers", "1")
    assert done.returncode == 3, said(done)
    assert "there was nothing left to try" in done.stdout.decode()
    label = next(node.label for node in machine.view().nodes if node.actions == ("shout",))
    shown = [machine.ok("tree"), machine.ok("show", label), machine.ok("logs", label)]
    for text in (done.stdout.decode(), *shown[1:]):
        assert "[bold]bold[/bold]" in text  # as it was written: no markup of ours
    for text in (done.stdout.decode(), *shown):
        assert not set(text) & set("\x1b\x07\r\u202e"), text
    assert machine.json("show", label)["reason"].startswith("the action shout exited with 7: ")
    with Terminal(machine, "diff", label) as terminal:
        assert terminal.exit_code() == 0
    assert b"[bold]bold[/bold]" in terminal.screen and b"owned" not in terminal.screen
    page = machine.place("report.html").read_text(encoding="utf-8")
    assert not set(page) & set("\x1b\x07\u202e")


# -- what never starts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("[benchmrk]\ncommand = 'x'\n", "benchmrk"),
        ("[search.thresholds]\nfailed_reward = 'low'\n", "search.thresholds.failed_reward"),
        ("[[actions]]\nname = '\\u001b[31m'\ncommand = 'true'\n".replace("'", '"'), "actions"),
    ],
)
def test_a_wrong_task_is_2_and_starts_nothing(machine: Machine, wrong: str, told: str) -> None:
    task = machine.project.write_task(machine.image, more=wrong)
    # An engine that can't be reached: had it been asked for, that would be 5.
    done = machine.oppie("run", OPPIE_ENGINE="unix:///nowhere")
    assert done.returncode == 2, said(done)
    assert told in done.stderr.decode() and str(task) in done.stderr.decode()
    assert b"\x1b" not in done.stderr
    assert done.stdout == b""
    assert not machine.state.exists()


def test_a_missing_task_is_2_and_names_the_file(machine: Machine) -> None:
    done = machine.oppie("run", machine.folder / "nothing.toml", OPPIE_ENGINE="unix:///nowhere")
    assert done.returncode == 2, said(done)
    assert f"{machine.folder}/nothing.toml: there is no such task file" in done.stderr.decode()
    assert not machine.state.exists()


def test_a_wrong_setting_of_the_machine_is_2(machine: Machine) -> None:
    machine.project.write_task(machine.image)
    done = machine.oppie("run", OPPIE_WORKERS="none")
    assert done.returncode == 2, said(done)
    assert b"OPPIE_WORKERS=none: " in done.stderr and b"Traceback" not in done.stderr
    assert machine.runs() == ()


def test_an_image_that_is_not_there_is_2_and_no_run_is_recorded(machine: Machine) -> None:
    machine.project.write_task("oppie/no-such-image:1", catalogue=True)
    done = machine.oppie("run")
    assert done.returncode == 2, said(done)
    assert "the engine has no image 'oppie/no-such-image:1'" in done.stderr.decode()
    assert machine.runs() == ()


def test_no_engine_is_5_and_no_run_is_recorded(machine: Machine) -> None:
    machine.project.write_task(machine.image)
    done = machine.oppie("run", OPPIE_ENGINE="unix:///nowhere")
    assert done.returncode == 5, said(done)
    assert b"/nowhere" in done.stderr and b"Traceback" not in done.stderr
    assert machine.runs() == ()


def test_a_target_that_fails_its_own_checks_is_6_and_leaves_nothing(machine: Machine) -> None:
    machine.project.write_task(machine.image, check="echo all is lost; exit 3")
    done = machine.oppie("run", "--plain")
    assert done.returncode == 6, said(done)
    text = done.stderr.decode()
    assert "check whole passes in none of 2 runs" in text
    assert "exited with 3: all is lost" in text
    folder = re.search(r"full output is in (\S+)", text)
    assert folder is not None
    assert folder[1] == str(machine.place("attempts/A-1"))
    assert (machine.place("attempts/A-1") / "learn-1-whole.log").read_text() == "all is lost\n"
    assert (machine.containers(), machine.snapshots()) == ([], {})
    assert machine.runs()[0].status == "stopped"
    again = machine.oppie("resume")
    assert again.returncode == 2 and b"there is nothing to resume" in again.stderr


def test_a_setup_that_fails_is_6_and_leaves_nothing(machine: Machine) -> None:
    task = machine.project.write_task(machine.image)
    task.write_text(task.read_text().replace("echo ready > ready", "echo no room; exit 4"))
    done = machine.oppie("run", "--quiet")
    assert done.returncode == 6, said(done)
    assert b"setup exited with 4: no room" in done.stderr
    assert machine.place("attempts/A-1/setup.log").read_text() == "no room\n"
    assert (machine.containers(), machine.snapshots()) == ([], {})


def test_a_target_in_no_repository_gives_a_patch_and_says_why_there_is_no_branch(
    machine: Machine,
) -> None:
    machine.project.write_task(machine.image, CHEAPER, catalogue=False, nodes=1)
    (machine.project.folder / ".git").rename(machine.folder / "git")
    done = machine.oppie("run", "--quiet")
    assert done.returncode == 0, said(done)
    assert "No branch was made: " in done.stdout.decode()
    assert "+6\n" in machine.place("best.patch").read_text()
