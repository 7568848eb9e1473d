from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.formats.names import MAX_CHARS, metric_name
from runner.model import MetricSpec
from runner.task import quantity
from tests.unit.measure.printed import read, value


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("test_x[a-1]", "test_x[a-1]"),
        ("tests/test_a.py::test_x", "tests/test_a.py::test_x"),
        ("fib 20", "fib_20"),
        ("  a \t b\n", "a_b"),
        ("./run --fast", "_./run_--fast"),
        ("std::vector<int>/8", "std::vector_int_/8"),
        ("größe µ", "gr__e__"),
        ("", ""),
        (" ", ""),
        ("é", "_"),
        ("a" * 128, "a" * 128),
        ("a" * 129, ""),
        ("-" * 128, ""),
    ],
)
def test_names(printed: str, name: str) -> None:
    assert metric_name(printed) == name


@given(st.text(max_size=200))
def test_each_name_can_be_declared_in_a_task(printed: str) -> None:
    name = metric_name(printed)
    assert len(name) <= MAX_CHARS
    if name and name != "unit":
        assert quantity.metric_name(name) == name


@given(st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.:/=+%@,\[\]()-]{0,127}\Z"))
def test_a_name_that_can_be_declared_stays_as_it_is(name: str) -> None:
    assert metric_name(name) == name


def test_two_names_that_become_one_are_one_too_many() -> None:
    text = '{"fib 20": 1}\n{"fib\\t20": 2}'
    assert "printed 2 times" in read(text, MetricSpec("fib_20")).reason
    assert value('{"fib 20": 1}', "fib_20") == 1.0
