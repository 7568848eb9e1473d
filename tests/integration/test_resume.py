"""`kill -9` at any moment, then `oppie resume`: nothing is counted, or done, twice, or left behind."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commands import NOTHING, SPOIL, WORSE, Machine, said
from worlds import wait_for

from runner.model import Decision, NodeView
from runner.store import Store
from tests.crash.witness import Starts

pytestmark = pytest.mark.engine

KILLS = 7
RUN = ("run", "--plain", "--workers")
RESUME = ("resume", "--plain", "--workers")


def finished_steps(machine: Machine) -> list[str]:
    """The containers of the actions, checks and the set-up whose results are on the host's disk."""
    found = machine.state.glob("runs/*/attempts/*/*.json")
    return [
        f"oppie-{path.parts[-4]}-{path.parent.name}-{path.stem}"
        for path in found
        if path.stem in ("setup", "act") or path.stem.startswith(("check-", "learn-"))
    ]


def told(machine: Machine) -> list[tuple[object, ...]]:
    """The tree, without what may differ between two runs that do the same."""
    return [
        (n.label, n.actions, n.outcome, n.decision, n.visits, n.gain, n.tree_id, n.attempts)
        for n in machine.view().nodes
    ]


def assert_sound(machine: Machine) -> None:
    """Each attempt has one visit, statistics are what the visits say, and nothing is left over."""
    view = machine.view()
    with closing(sqlite3.connect(machine.state / "journal.db")) as journal:
        counts = journal.execute(
            "SELECT count(v.attempt) FROM attempts a LEFT JOIN visits v ON v.attempt = a.id"
            " WHERE a.abandoned IS NULL GROUP BY a.id"
        ).fetchall()
    assert counts == [(1,)] * view.evaluations
    with Store(machine.state / "journal.db") as store:
        assert store.pending(view.run_id, {}) == ()
        assert store.rebuild(view.run_id) == 0
    assert (machine.containers(), machine.networks()) == ([], [])
    assert sorted(machine.snapshots().values()) == sorted(
        map(_label, filter(_committed, view.nodes))
    )


def _label(node: NodeView) -> str:
    return node.label


def _committed(node: NodeView) -> bool:
    return node.parent == "" or node.decision is Decision.COMMIT


def run_and_kill(machine: Machine, arguments: tuple[str, ...], lines: int, delay_s: float) -> bool:
    """Kill `oppie` a moment after it has logged so many lines; false if it ended before."""
    before = len(machine.event_lines())
    with machine.started(*arguments) as planner:
        wait_for(
            lambda: len(machine.event_lines()) >= before + lines or planner.poll() is not None,
            f"{lines} events",
            60,
        )
        time.sleep(delay_s)
        planner.kill()
        return planner.wait() < 0


def test_killed_at_random_moments_a_run_ends_as_one_that_was_left_alone(
    new_machine: Callable[[str], Machine],
) -> None:
    killed, calm = new_machine("killed"), new_machine("calm")
    for machine in (killed, calm):
        machine.project.write_task(machine.image, NOTHING, WORSE, SPOIL, nodes=6)
    chance = random.Random(20)
    kills: list[tuple[float, list[str]]] = []
    with Starts.watched() as starts:
        arguments = RUN
        while len(kills) < KILLS:
            lines, delay_s = chance.randint(1, 24), chance.uniform(0.0, 0.2)
            if not run_and_kill(killed, (*arguments, "1"), lines, delay_s):
                break
            kills.append((time.time(), finished_steps(killed)))
            arguments = RESUME
        assert len(kills) >= 6, killed.output
        assert killed.json("runs")["runs"][0]["status"] == "interrupted"
        done = killed.oppie(*RESUME, "1")
    assert done.returncode == 0, said(done)
    assert_sound(killed)
    again = {name for at_s, steps in kills for name in steps if starts.of(name, at_s)}
    assert again == set()
    assert max(starts.of(name) for name in finished_steps(killed)) >= 1

    done = calm.oppie(*RUN, "1")
    assert done.returncode == 0, said(done)
    assert told(killed) == told(calm)


def test_killed_with_two_workers_each_attempt_still_counts_once(machine: Machine) -> None:
    machine.project.write_task(machine.image, NOTHING, WORSE, nodes=5)
    arguments = RUN
    for lines in (14, 9, 21):
        if not run_and_kill(machine, (*arguments, "2"), lines, 0.05):
            break
        arguments = RESUME
    done = machine.oppie(*RESUME, "2")
    assert done.returncode == 0, said(done)
    assert machine.view().evaluations == 5
    assert_sound(machine)


def test_killed_between_judgement_and_record_nothing_runs_again(machine: Machine) -> None:
    """The hooks kill their planner: after the measurement, and after the decision to discard."""
    killed = machine.folder / "killed"
    killed.mkdir()
    for hook in ("post", "back"):
        _write_killer(machine.folder / hook, killed)
    machine.project.write_task(
        machine.image,
        WORSE,
        SPOIL,
        catalogue=False,
        nodes=2,
        more=f'[hooks]\npost_execution = ["{machine.folder / "post"}"]\n'
        f'backtrack = ["{machine.folder / "back"}"]\n',
    )
    with Starts.watched() as starts:
        codes = [machine.oppie(*RUN, "1").returncode]
        while codes[-1] == -9:
            codes.append(machine.oppie(*RESUME, "1").returncode)
    assert codes == [-9, -9, -9, -9, 4]
    assert sorted(path.name for path in killed.iterdir()) == [
        "back-A.1-1", "back-A.2-1", "post-A.1-1", "post-A.2-1",
    ]  # fmt: skip
    run_id = machine.view().run_id
    for step in ("A-1-setup", "A.1-1-act", "A.2-1-act", "A.1-1-check-whole", "A.2-1-check-whole"):
        assert starts.of(f"oppie-{run_id}-{step}") == 1, step
    assert_sound(machine)


def _write_killer(hook: Path, killed: Path) -> None:
    """A hook that kills its planner, once for each attempt."""
    hook.write_text(
        "#!/bin/sh\n"
        """attempt=$(sed 's/.*"attempt": "\\([^"]*\\)".*/\\1/')\n"""
        f'mkdir "{killed}/{hook.name}-$attempt" 2>/dev/null && kill -9 $PPID\n'
        "exit 0\n"
    )
    hook.chmod(0o755)


def test_of_two_equal_states_the_first_stays_first_after_a_kill(machine: Machine) -> None:
    """The second of two that were under way has given up its container, and can't be measured."""
    first = machine.folder / "first"
    killer, delay = machine.folder / "post", machine.folder / "pre"
    killer.write_text(
        "#!/bin/sh\n"
        "twin=$(sed -n 's/.*the same source tree as \\(A[.0-9]*\\).*/\\1/p')\n"
        f'[ -z "$twin" ] || [ -e {first} ] || {{ echo "$twin" > {first}; kill -9 $PPID; }}\n'
    )
    # After the kill, the one that had been first comes late.
    delay.write_text(
        "#!/bin/sh\n"
        f"""[ ! -e {first} ] || ! grep -q '"node": "'"$(cat {first})"'"' || sleep 2\n"""
    )
    killer.chmod(0o755)
    delay.chmod(0o755)
    machine.project.write_task(
        machine.image,
        ("one", "echo 6 > costs/a"),
        ("other", "sleep 0.3; echo 6 > costs/a"),
        catalogue=False,
        nodes=2,
        more=f'[hooks]\npre_execution = ["{delay}"]\npost_execution = ["{killer}"]\n',
    )
    with Starts.watched() as starts:
        assert machine.oppie(*RUN, "2").returncode == -9
        done = machine.oppie(*RESUME, "2")
    assert done.returncode == 0, said(done)
    run_id = machine.view().run_id
    assert [starts.of(f"oppie-{run_id}-A.{n}-1-act") for n in (1, 2)] == [1, 1]
    assert [node.attempts for node in machine.view().nodes[1:]] == [1, 1]
    assert_sound(machine)


def test_killed_at_its_very_end_a_run_still_gets_its_branch(machine: Machine) -> None:
    machine.project.write_task(machine.image, nodes=2)
    with machine.started(*RUN, "1") as planner:
        wait_for(
            lambda: machine.events("mcts.run.verified") or planner.poll() is not None,
            "the verification",
            60,
        )
        planner.kill()
    if machine.runs()[0].status != "stopped":
        done = machine.oppie(*RESUME, "1")
        assert done.returncode == 0, said(done)
    run_id = machine.runs()[0].run_id
    verified = machine.view().verified
    assert verified is not None and verified.branch == f"oppie/{run_id}"
    assert machine.project.git("diff", "--name-only", "main", verified.branch) != ""
    assert machine.place("best.patch").stat().st_size > 0
    assert_sound(machine)
