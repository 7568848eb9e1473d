"""What `gc` may take, and what `doctor` calls a leftover."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.cli.machine import _is_dead, _old_runs, _removal, _runs_over
from runner.report.shape import Removal
from runner.sandbox.inventory import CONTAINER, IMAGE, Item

from .test_outcome import view

RUNS = tuple(
    replace(view(), run_id=run_id, status=status)
    for run_id, status in (
        ("r4", "stopped"),
        ("r3", "interrupted"),
        ("r2", "running"),
        ("r1", "stopped"),
    )
)


@pytest.mark.parametrize(
    ("keep", "interrupted", "old"),
    [
        (0, False, ["r4", "r1"]),
        (1, False, ["r1"]),
        (4, False, []),
        (9, False, []),
        (0, True, ["r4", "r3", "r1"]),
        (1, True, ["r3", "r1"]),
    ],
)
def test_old_runs_are_over_and_not_among_the_latest(
    keep: int, interrupted: bool, old: list[str]
) -> None:
    over = _runs_over(RUNS, interrupted=interrupted)
    assert _old_runs(RUNS, keep, over) == old
    assert _old_runs(tuple(reversed(RUNS)), keep, over) == old


@pytest.mark.parametrize(
    ("kind", "attempt", "running", "dead"),
    [
        (CONTAINER, "A.1-1", True, True),
        (CONTAINER, "", True, True),  # holds a network namespace that nobody joins any more
        (CONTAINER, "shell", False, True),
        (CONTAINER, "shell", True, False),
        (IMAGE, "A.1", False, False),
    ],
)
def test_of_a_run_that_is_over_all_containers_are_dead_but_open_shells(
    kind: str, attempt: str, running: bool, dead: bool
) -> None:
    assert _is_dead(Item(kind, "name", "r1", attempt, running=running)) is dead


def test_only_an_image_has_a_size_to_tell() -> None:
    assert _removal(Item(IMAGE, "i", "r", "A", 5)) == Removal("image", "i", "r", 5)
    assert _removal(Item(CONTAINER, "c", "r", "A-1", 0)) == Removal("container", "c", "r", None)
