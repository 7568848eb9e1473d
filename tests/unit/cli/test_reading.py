"""Finding nodes and logs, and the shape of a simulation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.cli.read import logs_of, node_of
from runner.cli.spaces import simulation_to_json
from runner.errors import TaskError
from runner.planner.space import load_space
from runner.simulate import simulate

from .test_outcome import view

ROOT = Path(__file__).resolve().parents[3]
SPACE = {
    "metric": {"name": "time_us", "goal": "min"},
    "root": 100.0,
    "actions": [{"key": "a"}, {"key": "b"}],
    "noise": 0.0,
    "states": [
        {"actions": ["a"], "value": 80.0},
        {"actions": ["b"], "fails": True},
        {"actions": ["a", "b"], "value": 50.0},
    ],
}


def test_a_node_is_found_by_its_label_and_the_best_by_its_name() -> None:
    assert node_of(view(), "A.2").label == "A.2"
    assert node_of(view(), "best").label == "A.1.2"


def test_without_verification_the_best_is_the_best_candidate() -> None:
    assert node_of(view(None), "best").label == "A.1.2"


def test_an_unknown_node_is_told_with_some_that_are_there() -> None:
    with pytest.raises(
        TaskError, match=r"run 20260102-r1 has no node 'A.9'; .*: A, A.1, A.1.2, A.2"
    ):
        node_of(view(), "A.9")


def test_logs_are_those_of_all_attempts_of_this_node_alone(tmp_path: Path) -> None:
    for name in ("A.1-1/act.log", "A.1-2/act.log", "A.1-verify/check-x.log", "A.1-1/act.json",
                 "A.1.2-1/act.log", "A.11-1/act.log"):  # fmt: skip
        path = tmp_path / "attempts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(logs_of(tmp_path, "A.1")) == ["A.1-1/act", "A.1-2/act", "A.1-verify/check-x"]
    assert logs_of(tmp_path, "B") == {}


def test_a_simulation_has_the_documented_keys_and_is_json() -> None:
    result = simulation_to_json(simulate(load_space(json.dumps(SPACE)), "ucb1", 4, 2, 5))
    assert set(result) == _documented("oppie.simulation/1")
    evaluations = result["evaluations"]
    assert isinstance(evaluations, list) and evaluations
    for number, each in enumerate(evaluations, start=1):
        assert set(each) == _documented("evaluation")
        assert each["n"] == number
        assert each["observed"] is None or each["outcome"] != "failed"
    assert (result["policy"], result["seed"], result["parallel"]) == ("ucb1", 5, 2)
    assert json.loads(json.dumps(result, allow_nan=False))["regret"] == pytest.approx(
        result["best_gain"] - result["final_gain"]  # type: ignore[operator]
    )


def _documented(title: str) -> set[str]:
    """The keys of the table below a heading of docs/json.md."""
    page = (ROOT / "docs/json.md").read_text(encoding="utf-8")
    section = re.split(rf"^#+ {re.escape(title)}$", page, flags=re.MULTILINE)[1].split("\n#")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))
