"""What `doctor` calls a leftover."""

from __future__ import annotations

import pytest

from runner.cli.machine import _is_dead
from runner.sandbox.inventory import CONTAINER, IMAGE, Item


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
