from __future__ import annotations

import json

from runner.cli.spaces import simulation_to_json
from runner.planner.space import load_space
from runner.simulate import simulate

from .test_shape import documented_keys

SPACE = """{"metric": {"name": "t", "goal": "min"}, "root": 100.0, "noise": 0.0,
 "actions": [{"key": "a"}], "states": [{"actions": ["a"], "value": 90.0}]}"""


def test_the_page_lists_every_key_of_a_simulation_in_order() -> None:
    result = simulate(load_space(SPACE), "random", 1, 1, 0)
    shape = json.loads(json.dumps(simulation_to_json(result), allow_nan=False))
    tables = documented_keys()
    assert tables["oppie.simulation/1"] == list(shape)
    assert tables["evaluation"] == list(shape["evaluations"][0])
