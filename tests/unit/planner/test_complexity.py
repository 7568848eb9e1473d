"""The estimated complexity: what raises it, what lowers it, what it says, and how it was fitted."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.complexity import LIMIT, agreement, fitted, tables, tasks
from runner.planner.complexity import RECORD_WEIGHT, SCALES, Features, complexity, enough_of, values

COUNTS = st.integers(0, 10**7)
FEATURES = st.builds(
    Features, *[COUNTS] * len(SCALES), wins=st.integers(0, 50), losses=st.integers(0, 50)
)


@given(FEATURES, st.sampled_from([*SCALES, "losses"]), st.integers(1, 1000))
def test_more_of_anything_is_never_simpler(features: Features, name: str, more: int) -> None:
    worse = replace(features, **{name: getattr(features, name) + more})
    assert complexity(worse).score >= complexity(features).score


@given(FEATURES)
def test_what_went_well_before_makes_it_simpler(features: Features) -> None:
    better = replace(features, wins=features.wins + 3)
    assert 0.0 <= complexity(better).score <= complexity(features).score


@given(FEATURES)
def test_each_feature_has_its_range(features: Features) -> None:
    found = values(features)
    assert all(0.0 <= found[name] <= 1.0 for name in SCALES)
    assert -1.0 < found["record"] < 1.0


def test_a_named_file_is_simple_and_a_folder_of_them_is_not() -> None:
    one = Features(files=1, folders=1, lines=200, tests=2, commits=10, authors=2, churn_lines=300)
    many = Features(
        files=10, folders=4, lines=3000, tests=9, commits=80, authors=5, churn_lines=4000
    )
    assert complexity(one).score < LIMIT < complexity(many).score


def test_it_says_what_weighs_most() -> None:
    features = Features(files=1, lines=2400, tests=3, losses=2, how="named in the request")
    assert complexity(features).why == (
        "1 file named in the request, 2,400 lines, one loop was enough in 0 of 2 earlier runs"
    )
    assert complexity(Features(agents=0)).why == "nothing is known of it"
    assert complexity(Features(agents=0)).score == 0.0


@pytest.mark.parametrize(
    ("gains", "enough"),
    [
        ([0.1] * 8, None),
        ([0.1, None, 0.3, *[0.1] * 6], True),
        ([0.1, None, 0.2, 0.3, *[0.1] * 6], False),
        ([None, None, 0.96, 1.0, *[0.1] * 6], True),
        ([None] * 9, True),  # nothing was to be had: no search would have been better
        ([-0.1] * 9, True),
    ],
)
def test_whether_a_loop_would_have_been_enough(
    gains: list[float | None], enough: bool | None
) -> None:
    assert enough_of(gains) is enough


def test_the_calibration_in_short() -> None:
    found = tasks(5, processes=1)
    assert {task.kind for task in found} == {"helios", "catalogue", "nk"}
    assert all(0.0 <= task.hard <= 1.0 for task in found)
    assert found[:3] == tasks(1, processes=1)
    lines = list(tables(found))
    assert lines[-1].startswith("all ")
    right, common, order = agreement(found)
    assert 0.0 <= right <= 1.0
    assert 0.5 <= common <= 1.0
    assert order > 0.5


def test_the_fit_finds_the_weight_that_the_tasks_were_made_with() -> None:
    sample = tasks(2, processes=1)[0]
    made = [
        replace(sample, features=Features(files=files, agents=0), hard=float(files > 4))
        for files in range(1, 12)
        for _ in range(20)
    ]
    weights = fitted(made)
    low, high = values(Features(files=3))["files"], values(Features(files=6))["files"]
    assert weights["files"] * low < LIMIT < weights["files"] * high
    assert weights["lines"] == pytest.approx(SCALES["lines"].weight)


def test_the_page_has_the_weights() -> None:
    page = (Path(__file__).parents[3] / "docs" / "modes.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| .+ \| ?([0-9,]*) \| ([0-9.]+) \| (?:fitted|assumed) \|$", page, re.MULTILINE
    )
    told = [(int(full.replace(",", "")), float(weight)) for full, weight in rows if full]
    assert told == [(scale.full, scale.weight) for scale in SCALES.values()]
    assert float(rows[-1][1]) == RECORD_WEIGHT
