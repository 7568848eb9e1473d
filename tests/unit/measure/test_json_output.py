"""JSON lines, and documents that are spread over lines."""

from __future__ import annotations

import json

import pytest

from runner.measure.formats.documents import MAX_DOCUMENT_CHARS
from runner.measure.metrics import read_metrics
from runner.model import Metric, MetricSpec
from tests.unit.measure.printed import read, reason, value


@pytest.mark.parametrize(
    "text",
    [
        '{"metric": "time", "value": 2, "unit": "ms"}',
        '{"name": "time", "value": 2.0, "unit": "ms", "host": {"a": [1]}}',
        '{"unit":"ms","value":2e0,"metric":"time"}  ',
        '{"time": 2000}',
        '\ufeff{"time": 2000}',
        '{"other": "x", "time": 2000, "list": [1, 2]}',
    ],
)
def test_json_lines(text: str) -> None:
    reading = read(text, MetricSpec("time", unit="us"))
    assert reading.metrics == (Metric("time", 2000.0, "us"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"metric": "time"}', "time was not printed"),
        ('{"metric": "time", "value": "2"}', "time is not a number: '2'"),
        ('{"time": "2"}', "time is not a number: '2'"),
        ('{"time": 2}\n{"time": 3}', "time was printed 2 times"),
        ('{"metric": "time", "value": true}', "time is not a number: True"),
        ('{"metric": "time", "value": null}', "time is not a number: None"),
        ('{"metric": "time", "value": NaN}', "time is not finite"),
        ('{"metric": "time", "value": -Infinity}', "time is not finite"),
        ('{"metric": "time", "value": 1e999}', "time is not finite"),
        ('{"metric": "time", "value": 1' + "0" * 400 + "}", "time is not finite"),
        ('{"metric": "time", "value": 1' + "0" * 5000 + "}", "time was not printed"),
        ('{"metric": "time", "value": [1]}', "time is not a number"),
        ('{"metric": "time", "value": 1, "unit": 5}', "time has an unreadable unit"),
        (
            '{"metric": "time", "value": 1, "value": 2}',
            "time is in a JSON object that has a key twice",
        ),
        ('{"time": 1, "time": 2}', "time was printed 2 times"),
        ('{"time": {"time": 1}}', "time is not a number"),
        ('{"time": 1', "time was not printed"),
        ('[{"time": 1}]', "time was not printed"),
        ("{'time': 1}", "time was not printed"),
        ('{"time": 1} {"time": 1}', "time was not printed"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "time was not printed"),
        ("{", "time was not printed"),
        ("{}", "time was not printed"),
    ],
)
def test_json_that_is_no_metric(text: str, why: str) -> None:
    assert reason(text, "time", "us").startswith(why)


# -- documents ------------------------------------------------------------------------------------


def document(name: str, median: object, indent: int | None = 4) -> str:
    test = {"name": name, "fullname": f"tests/{name}", "stats": {"median": median}}
    return json.dumps({"machine_info": {"cpu": {}}, "benchmarks": [test]}, indent=indent)


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_document_in_lines_or_on_one(indent: int | None) -> None:
    assert value(document("m", 2.5, indent)) == 2.5


@pytest.mark.parametrize("between", ["\n", "\n\nlog\n", "\n{\n", "\n[\n", ""])
def test_several_documents_in_one_output(between: str) -> None:
    text = document("a", 1.0) + between + document("b", 2.0)
    reading = read(text, MetricSpec("a"), MetricSpec("b"))
    assert [metric.value for metric in reading.metrics] == [1.0, 2.0]


def test_an_array_behind_an_object_without_a_line_end() -> None:
    result = {"benchmark": "x.Y.z", "primaryMetric": {"score": 3.0, "scoreUnit": "ns/op"}}
    text = document("a", 1.0) + json.dumps([result], indent=4) + document("b", 2.0)
    assert value(text, "Y.z", "ns") == 3.0
    assert value(text, "b") == 2.0


@pytest.mark.parametrize(
    "text",
    [
        document("m", "x"),
        document("m", None),
        document("m", float("nan")),
        document("m", 1) + "\n" + document("m", 1),
        document("m", 1).replace('"median": 1', '"median": 1, "median": 2'),
        document("m", 1).replace('"name"', '"name": "m", "name"'),
        '{\n"benchmarks": 5\n}',
        '{\n"benchmarks": [5, null, {"stats": 3, "name": "m"}, {"stats": {"median": 1}}]\n}',
        '{\n"benchmarks": [{"name": ["m"], "stats": {"median": 1}}\n}',
        '{\n"m": 1\n}',
    ],
)
def test_documents_that_have_no_metric(text: str) -> None:
    assert read(text, MetricSpec("m")).metrics == ()


@pytest.mark.parametrize("opening", ["{", "[", "{\n[", "\ufeff{"])
def test_a_bracket_that_never_closes_swallows_nothing(opening: str) -> None:
    assert value(f"{opening}\n\nMETRIC m=1\n") == 1.0


def test_a_document_without_end_is_dropped() -> None:
    body = (b"{\n", *((b'"%d": 1,' % 7) * 1000 for _ in range(700)), b'"benchmarks": []\n', b"}\n")
    why = read_metrics(body, (MetricSpec("m"),)).reason
    assert why == "m was not printed; a JSON document was too long to be read"


def test_indentation_counts_for_nothing() -> None:
    wide = document("m", 2.5).replace("\n ", "\n " + " " * 200)
    many = json.dumps({"data": list(range(30_000)), "benchmarks": []}, indent=200)
    assert len(many) > MAX_DOCUMENT_CHARS
    assert "too long" not in reason(many)
    assert value(wide) == 2.5
