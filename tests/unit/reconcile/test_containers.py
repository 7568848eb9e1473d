"""Which containers somebody goes on with: all kinds, all states of their attempts."""

from __future__ import annotations

import itertools

import pytest

from runner.reconcile import Fate
from runner.reconcile.containers import rule_containers
from runner.reconcile.ruling import Thing
from runner.sandbox import spec
from runner.sandbox.protocol import SHELL

from .world import RUN, container, node, run

OPEN = "A.3-2"


@pytest.mark.parametrize(
    ("attempt_id", "fate", "why"),
    [
        (OPEN, Fate.ADOPT, "attempt A.3-2 goes on with it"),
        (f"{OPEN}-rebuild-A.1", Fate.ADOPT, "attempt A.3-2 goes on with it"),
        ("A.3-1", Fate.KILL, "attempt A.3-1 was counted, or abandoned"),
        ("A.3-21", Fate.KILL, "no row"),
        ("A.3-3", Fate.KILL, "no row"),
        ("A.1-1", Fate.KILL, "attempt A.1-1 was counted, or abandoned"),
        ("A.2-1", Fate.KILL, "attempt A.2-1 was counted, or abandoned"),
        ("A.4-1", Fate.KILL, "attempt A.4-1 was counted, or abandoned"),
        ("A-1", Fate.KILL, "attempt A-1 was counted, or abandoned"),
        ("A-1-sealed", Fate.KILL, "attempt A-1 was counted, or abandoned"),
        ("A.9-1", Fate.KILL, "no row"),
        ("A.1-verify-1", Fate.KILL, "a clean room that nobody is in"),
        ("A-room-3", Fate.KILL, "a clean room that nobody is in"),
        ("A.1-merge-2-before", Fate.KILL, "a clean room that nobody is in"),
        ("A.1.1-synthesis-1-without", Fate.KILL, "a clean room that nobody is in"),
        ("", Fate.KILL, "no row"),
        ("../x", Fate.KILL, "no row"),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_a_step_is_adopted_by_the_open_attempt_that_made_it(
    attempt_id: str, fate: Fate, why: str, running: bool
) -> None:
    held = container(attempt_id, running=running)
    (ruling,) = rule_containers(run(), [held])
    assert (ruling.thing, ruling.name, ruling.run_id) == (Thing.CONTAINER, held.name, RUN)
    assert ruling.fate is fate
    assert why in ruling.why


@pytest.mark.parametrize("attempt_id", [OPEN, "A.1-1", "A.9-1", "A-1"])
def test_of_a_run_that_is_over_nothing_is_adopted(attempt_id: str) -> None:
    (ruling,) = rule_containers(run(over=True), [container(attempt_id)])
    assert (ruling.fate, ruling.why) == (Fate.KILL, "its run is over")


def test_while_the_root_isnt_known_its_attempt_is_open() -> None:
    known = run(node("A", open_=1))
    for attempt_id in ("A-1", "A-1-sealed"):
        (ruling,) = rule_containers(known, [container(attempt_id)])
        assert ruling.fate is Fate.ADOPT
    (ruling,) = rule_containers(run(node("A", open_=1), over=True), [container("A-1")])
    assert ruling.fate is Fate.KILL


@pytest.mark.parametrize("attempt_id", [OPEN, "A.1-1", "A.1-verify-1"])
@pytest.mark.parametrize("running", [True, False])
def test_nobody_can_speak_to_a_session_again(attempt_id: str, running: bool) -> None:
    held = container(attempt_id, spec.KIND_SESSION, running=running)
    (ruling,) = rule_containers(run(), [held])
    assert (ruling.fate, ruling.why) == (Fate.KILL, "the planner that it waits for is gone")


@pytest.mark.parametrize(
    ("shell", "pause", "over"),
    list(itertools.product([True, False, None], [True, False], [True, False])),
)
def test_an_open_shell_is_kept_with_the_network_that_it_may_hang_on(
    shell: bool | None, pause: bool, over: bool
) -> None:
    """``shell``: running, ended, or not there."""
    holder = container("", spec.KIND_PAUSE, running=pause)
    held = [holder] if shell is None else [holder, container(SHELL, running=shell)]
    first, *rest = rule_containers(run(over=over), held)
    assert first.fate is (Fate.KEEP if shell and pause else Fate.KILL)
    for ruling in rest:
        assert ruling.fate is (Fate.KEEP if shell else Fate.KILL)


def test_a_helper_of_a_kind_that_isnt_known_goes_with_its_planner() -> None:
    (ruling,) = rule_containers(run(), [container(OPEN, "something-new", running=True)])
    assert ruling.fate is Fate.KILL
