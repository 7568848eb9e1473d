"""``docs/benchmarks.md`` against the code: each metric that it declares is read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from runner.measure.seen import MAX_SAMPLES
from runner.measure.units import convert
from runner.model import MetricSpec
from runner.task import quantity
from tests.unit.measure.printed import RECORDED, read, recorded

PAGE = (Path(__file__).parents[3] / "docs/benchmarks.md").read_text(encoding="utf-8")
TASKS = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
METRICS = [metric for task in TASKS for metric in task["benchmark"]["metrics"]]
TEXTS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_shows_each_tool() -> None:
    # The heading of what holds for all of them has none, the top of the page has one.
    assert len(TASKS) == len(re.findall(r"^## ", PAGE, re.MULTILINE))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric["name"])
def test_a_metric_of_the_page_is_in_the_recordings_or_in_its_own_examples(
    metric: dict[str, str],
) -> None:
    spec = MetricSpec(quantity.metric_name(metric["name"]), unit=metric.get("unit", ""))
    readings = [recorded(path.name, spec) for path in RECORDED.glob("*-*")]
    readings += [read(line, spec) for text in TEXTS for line in text.splitlines()]
    assert any(reading.metrics for reading in readings)


def test_the_message_for_a_missing_metric_is_the_one_of_the_page() -> None:
    reason = recorded("go-1.19.txt", MetricSpec("BenchmarkSun")).reason
    assert reason + "\n" in TEXTS


def test_the_names_of_the_page() -> None:
    for printed, name in (("fib 20", "fib_20"), ("./sort --fast", "_./sort_--fast")):
        assert f"`{printed}` is `{name}`" in PAGE
        assert read(f'{{"{printed}": 1}}', MetricSpec(name)).reason == ""


def test_the_units_of_the_page() -> None:
    rows = [row.split("|")[2] for row in re.findall(r"^\|.*`[A-Za-z]+.*\|$", PAGE, re.MULTILINE)]
    families = [re.findall(r"`([^`]+)`", row) for row in rows]
    assert len(families) == 4
    for family in families:
        for unit in family:
            assert convert(1.0, unit, family[0]) is not None


def test_the_number_of_samples_of_the_page() -> None:
    assert f"up to {MAX_SAMPLES:,} for each metric" in PAGE
