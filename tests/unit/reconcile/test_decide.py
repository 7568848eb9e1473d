"""Everything together: whose runs, which folders, in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.reconcile import Fate, Found, Ruling, decide
from runner.reconcile.evidence import ref_of
from runner.reconcile.names import belongs_to, is_clean_room, is_label, is_node_attempt
from runner.reconcile.ruling import Thing
from runner.sandbox import spec
from runner.sandbox.protocol import SHELL, HeldContainer, HeldImage, Leftovers

from .world import RUN, container, image, run

FOLDER = Path("/state/runs") / RUN
HELD = Leftovers((container("A.1-1"),), (image("A.2"), image("A.1"), image("A")))
REFS = {ref_of(RUN, label): f"c-{label}" for label in ("A", "A.1", "A.2", "A.9")}
KNOWN = {RUN: run()}


def by_name(rulings: tuple[Ruling, ...]) -> dict[str, Fate]:
    return {ruling.name: ruling.fate for ruling in rulings}


def test_nothing_of_another_state_folder_is_touched() -> None:
    found = Found(HELD, REFS)
    fates = by_name(decide({}, found))
    assert len(fates) == 8
    assert set(fates.values()) == {Fate.FOREIGN}


def test_nothing_is_touched_while_another_planner_is_at_work() -> None:
    found = Found(
        HELD, REFS, scratch={RUN: [FOLDER / "x.tmp"], "": [Path("/state/evidence.git/HEAD.lock")]}
    )
    rulings = decide(KNOWN, found, busy=frozenset({RUN}))
    assert set(by_name(rulings).values()) == {Fate.KEEP}
    assert {each.why for each in rulings} == {"a planner is at work on its run"}


def test_containers_go_before_the_images_that_they_are_made_of() -> None:
    found = Found(HELD, REFS, scratch={RUN: [FOLDER / "x.tmp"]})
    killed = [each.thing for each in decide(KNOWN, found) if each.fate is Fate.KILL]
    assert killed == [Thing.CONTAINER, Thing.IMAGE, Thing.REF, Thing.FILE]


def test_a_shell_keeps_its_image() -> None:
    shell = container(SHELL, running=True, image="sha256:A.2")
    found = Found(Leftovers((shell,), HELD.held_images), REFS)
    fates = by_name(decide(KNOWN, found))
    assert fates[shell.name] is Fate.KEEP
    assert fates["oppie/" + RUN + ":A.2"] is Fate.KEEP


def test_an_attempts_folder_without_a_row_is_moved_out_of_the_way() -> None:
    """Its result would be taken for that of the attempt which gets its name."""
    names = (
        "A-1", "A.1-1", "A.1-2", "A.1-3", "A.1-2-r1", "A.1-3-r1", "A.9-1", "A.9-verify-1", "A-1-sealed"
    )  # fmt: skip
    found = Found(attempts={RUN: [FOLDER / "attempts" / name for name in names]})
    moved = [each for each in decide(KNOWN, found) if each.thing is Thing.FOLDER]
    assert [(Path(each.name).name, each.fate) for each in moved] == [
        ("A.1-3", Fate.RESET),
        ("A.1-3-r1", Fate.RESET),
        ("A.9-1", Fate.RESET),
    ]


@pytest.mark.parametrize("runs", [KNOWN, {}])
def test_a_file_that_was_never_finished_goes_if_its_run_is_ours(runs: dict[str, object]) -> None:
    found = Found(
        folders={RUN: FOLDER},
        attempts={RUN: [FOLDER / "attempts/A-1"]},
        scratch={RUN: [FOLDER / "x.tmp"], "": [Path("/state/tmpabcdefgh")]},
    )
    fates = by_name(decide(runs, found))  # type: ignore[arg-type]
    assert fates["/state/tmpabcdefgh"] is Fate.KILL
    assert fates.get(str(FOLDER / "x.tmp")) is (Fate.KILL if runs else None)


@pytest.mark.parametrize(
    ("attempts", "refs", "fate"),
    [
        ((), {}, Fate.KILL),
        (("A-1",), {}, Fate.FOREIGN),
        ((), {ref_of(RUN, "target"): "c"}, Fate.FOREIGN),
    ],
)
def test_the_folder_of_a_run_that_never_got_its_row(
    attempts: tuple[str, ...], refs: dict[str, str], fate: Fate
) -> None:
    paths = [FOLDER / "attempts" / name for name in attempts]
    found = Found(refs=refs, folders={RUN: FOLDER}, attempts={RUN: paths})
    assert by_name(decide({}, found))[str(FOLDER)] is fate


def test_runs_do_not_explain_each_others_objects() -> None:
    """Two runs with the same labels: an object is judged by the rows of its own."""
    other = "20261122-000000-ffff"
    held = Leftovers(
        (
            container("A.3-2"),
            HeldContainer("oppie-other", other, spec.KIND_STEP, "A.3-2"),
        ),
        (image("A"), HeldImage("sha256:o", other, "A.1", "A.1-1", (f"oppie/{other}:A.1",))),
    )
    runs = {RUN: run(), other: replace(run(over=True), run_id=other)}
    fates = by_name(decide(runs, Found(held)))
    assert fates[f"oppie-{RUN}-A.3-2-x"] is Fate.ADOPT
    assert fates["oppie-other"] is Fate.KILL
    assert fates[f"oppie/{other}:A.1"] is Fate.KILL


@pytest.mark.parametrize(
    ("name", "label", "attempt", "clean"),
    [
        ("A", True, False, False),
        ("A.1.12", True, False, False),
        ("A.0", False, False, False),
        ("A.1-1", False, True, False),
        ("A-1", False, True, False),
        ("A-0", False, False, False),
        ("A.1-verify-1", False, False, True),
        ("A.1-merge-1-before", False, False, True),
        ("A-room-1", False, False, True),
        ("A-1-sealed", False, False, False),
        ("shell", False, False, False),
        ("", False, False, False),
        ("A.1\n", False, False, False),
    ],
)
def test_names(name: str, label: bool, attempt: bool, clean: bool) -> None:
    assert (is_label(name), is_node_attempt(name), is_clean_room(name)) == (label, attempt, clean)


@pytest.mark.parametrize(
    ("attempt_id", "found"),
    [
        ("A.1-1", "A.1-1"),
        ("A.1-1-x", "A.1-1"),
        ("A.1-11", ""),
        ("A.1-11-x", ""),
        ("A.1-2", ""),
        ("A.1-verify-1", ""),
        ("", ""),
    ],
)
def test_parts_belong_to_their_attempt(attempt_id: str, found: str) -> None:
    assert belongs_to(attempt_id, frozenset({"A.1-1"})) == found
