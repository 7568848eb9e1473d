"""A seed and a recorded space give exactly this tree (see ``record.py`` for how to renew it)."""

from __future__ import annotations

import json

import pytest
from record import HERE, recorded

from runner.planner.policy import POLICIES


@pytest.mark.parametrize("policy", POLICIES)
def test_the_tree_is_the_recorded_one(policy: str) -> None:
    expected = json.loads((HERE / f"{policy}.json").read_text(encoding="utf-8"))
    found = json.loads(recorded(policy))
    assert found["closings"] == expected["closings"]
    assert found["nodes"] == expected["nodes"]
    assert found["best"] == expected["best"]
