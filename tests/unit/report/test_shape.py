from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.model import ROOT, Measurement, Metric, NodeView, Verdict, Verified
from runner.report.shape import (
    FileChange,
    Finding,
    Json,
    Removal,
    diff_to_json,
    doctor_to_json,
    gc_to_json,
    node_to_json,
    run_to_json,
    runs_to_json,
)

from .factory import story
from .small import small_view, trusted_view

DOCS = Path(__file__).parents[3] / "docs" / "json.md"


def _strict(shape: Json) -> Any:
    """What a program reads: fails on NaN, infinities, and anything JSON has no word for."""
    return json.loads(json.dumps(shape, allow_nan=False))


def test_a_run_with_its_nodes() -> None:
    shape = _strict(run_to_json(small_view()))
    assert shape["schema"] == "oppie.run/1"
    assert shape["stop"] == "budget: nodes"
    assert shape["objective"] == {"name": "vst_commit_us", "goal": "min", "unit": "us"}
    assert [node["label"] for node in shape["nodes"]] == ["A", "A.1", "A.1.1", "A.2"]
    root, better, _, duplicate = shape["nodes"]
    assert (root["parent"], better["parent"]) == (None, "A")
    assert better["delta"] == pytest.approx(0.2)
    assert better["edge"]["high"] == pytest.approx(math.log(1.25))
    assert (duplicate["gain"], duplicate["edge"], duplicate["twin"]) == (None, None, "A.1")
    assert shape["verified"]["measurement"]["delta"] == pytest.approx(0.25)


def test_a_node_is_shaped_alike_alone_and_in_its_run() -> None:
    view = story().view
    for node, in_run in zip(view.nodes, _strict(run_to_json(view))["nodes"], strict=True):
        alone = _strict(node_to_json(node, view.run_id))
        assert alone.pop("schema") == "oppie.node/1"
        assert alone.pop("run_id") == view.run_id
        assert alone == in_run


def test_runs_are_shaped_without_their_nodes() -> None:
    whole = _strict(run_to_json(trusted_view()))
    (listed,) = _strict(runs_to_json([trusted_view()]))["runs"]
    left_out = ("schema", "verifications", "nodes")
    assert listed == {key: whole[key] for key in whole if key not in left_out}


def test_what_was_verified_claimed_and_spent() -> None:
    shape = _strict(run_to_json(trusted_view()))
    assert (shape["container_s"], shape["saved_s"]) == (123.4, 70.0)
    assert shape["remarks"] == list(trusted_view().remarks)
    chosen = shape["verified"]
    assert (chosen["verdict"], chosen["claimed"]) == ("improved", pytest.approx(math.log(1.2)))
    assert (chosen["container_s"], chosen["saved_s"]) == (60.0, 12.0)
    told = [(each["label"], each["verdict"]) for each in shape["verifications"]]
    assert told == [("A.1", "improved"), ("A.1.1", "not reproduced"), ("A.2", "failed")]
    node = shape["nodes"][2]
    assert (node["container_s"], node["saved_s"]) == (12.5, 4.0)
    assert node["proof"].startswith("red on A.1")
    assert shape["nodes"][1]["proof"] is None


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.IMPROVED, "improved"),
        (Verdict.NO_DIFFERENCE, "neutral"),
        (Verdict.WORSE, "regressed"),
        (Verdict.NOT_REPRODUCED, "failed"),
        (Verdict.FAILED, "failed"),
        (Verdict.TAMPERED, "tampered"),
    ],
)
def test_a_verdict_is_an_outcome_for_programs_that_know_no_verdicts(
    verdict: Verdict, outcome: str
) -> None:
    view = replace(small_view(), verified=Verified("A.1", verdict, None))
    assert _strict(run_to_json(view))["verified"]["outcome"] == outcome


def test_what_is_no_finite_number_becomes_null() -> None:
    nan, inf = math.nan, math.inf
    bad = Measurement(nan, -inf, inf, 3, (Metric("m", nan),), (Metric("m", inf),), (nan, 0.1))
    node = NodeView("A.1", ROOT, "open", reward_sum=inf, gain=1e9, edge=bad, seconds={"act": nan})
    view = replace(
        small_view(),
        nodes=(node,),
        budget={"wall_time_s": inf, "deep": {"list": [nan, 1, Path("/x")]}},
        ended_at=nan,
        verified=Verified("A.1", Verdict.FAILED, bad),
    )
    shape = _strict(run_to_json(view))
    edge = shape["nodes"][0]["edge"]
    assert [edge[key] for key in ("gain", "low", "high", "delta")] == [None] * 4
    assert edge["ratios"] == [None, 0.1]
    assert (shape["nodes"][0]["gain"], shape["nodes"][0]["delta"]) == (1e9, None)
    assert shape["budget"] == {"wall_time_s": None, "deep": {"list": [None, 1, "/x"]}}
    assert shape["ended_at"] is None


def test_diff_doctor_and_gc() -> None:
    diff = _strict(
        diff_to_json("A", "A.1", [FileChange("a.py", 3, 1), FileChange("b", None, None)])
    )
    assert (diff["added"], diff["removed"], len(diff["files"])) == (3, 1, 2)
    fine, bad = Finding("engine", "ok", "20.10"), Finding("disk", "error", "full", "make room")
    assert _strict(doctor_to_json([fine, Finding("x", "warning", "y")]))["ok"] is True
    assert _strict(doctor_to_json([fine, bad]))["ok"] is False
    gone = [Removal("image", "i", "r", 5), Removal("container", "c", "r")]
    assert _strict(gc_to_json(gone, dry_run=True))["size_bytes"] == 5


# The page and the code


def documented_keys() -> dict[str, list[str]]:
    sections = re.split(r"^##+ (\S+)$", DOCS.read_text("utf-8"), flags=re.M)
    return {
        name: re.findall(r"^\| `(\w+)` \|", body, flags=re.M)
        for name, body in zip(sections[1::2], sections[2::2], strict=True)
    }


def _written() -> dict[str, Json]:
    run = _strict(run_to_json(small_view()))
    return {
        "oppie.run/1": run,
        "oppie.runs/1": _strict(runs_to_json([])),
        "node": run["nodes"][1],
        "measurement": run["nodes"][1]["edge"],
        "metric": run["root_metrics"][0],
        "verified": run["verified"],
        "oppie.diff/1": _strict(diff_to_json("A", "A.1", [])),
        "oppie.doctor/1": _strict(doctor_to_json([])),
        "oppie.gc/1": _strict(gc_to_json([], dry_run=False)),
    }


def test_the_page_lists_every_key_in_order() -> None:
    tables = documented_keys()
    for name, shape in _written().items():
        assert tables[name] == list(shape), name
        if name.startswith("oppie."):
            assert shape["schema"] == name
