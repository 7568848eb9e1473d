from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.lines import MAX_LINE_BYTES, MAX_LINES
from runner.measure.metrics import Reading, read_metrics
from runner.model import Metric, MetricSpec

TIME = MetricSpec("time", unit="us")
PLAIN = MetricSpec("m")


def read(text: str | bytes, *specs: MetricSpec) -> Reading:
    data = text.encode() if isinstance(text, str) else text
    return read_metrics(data.splitlines(keepends=True), specs or (TIME,))


def value(text: str | bytes, spec: MetricSpec = PLAIN) -> float:
    reading = read(text, spec)
    assert reading.reason == ""
    return reading.metrics[0].value


# -- METRIC lines ---------------------------------------------------------------------------------


def test_a_metric_line() -> None:
    assert read("hello\nMETRIC time=12.5 unit=us\nbye\n") == Reading((Metric("time", 12.5, "us"),))


def test_several_metrics_on_a_line_each_with_its_unit() -> None:
    text = "METRIC time=1 unit=ms size=2 unit=KiB\tm=3"
    specs = (TIME, MetricSpec("size", unit="B"), PLAIN)
    assert read(text, *specs).metrics == (
        Metric("time", 1000.0, "us"),
        Metric("size", 2048.0, "B"),
        Metric("m", 3.0),
    )


def test_the_order_is_that_of_the_declaration_and_others_are_passed_over() -> None:
    text = "METRIC b=2\nMETRIC other=9 unit=??? odd\nMETRIC a=1\n"
    reading = read(text, MetricSpec("a"), MetricSpec("b"))
    assert [metric.name for metric in reading.metrics] == ["a", "b"]
    assert reading.reason == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-3", -3),
        ("+.5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1.25E-2", 0.0125),
        ("00012", 12),
    ],
)
def test_numbers(text: str, number: float) -> None:
    assert value(f"METRIC m={text}") == number


@pytest.mark.parametrize(
    "text",
    [
        *(
            "inf",
            "-Infinity",
            "nan",
            "NaN",
            "0x10",
            "1_0",
            "1,5",
            "1.2.3",
            "",
            "--1",
            "1e",
            "e5",
            ".",
        ),
        *("١٢", "１２", "²", "1e+-3", "12us", "True", "0b1", "1/2"),
    ],
)
def test_what_is_no_number(text: str) -> None:
    reading = read(f"METRIC m={text}", PLAIN)
    assert reading.metrics == ()
    assert "m is not a finite decimal number" in reading.reason
    assert "(line 1)" in reading.reason


def test_a_number_beyond_all_floats_is_not_finite() -> None:
    assert "m is not finite: '1e999'" in read("METRIC m=1e999", PLAIN).reason


def test_a_number_that_fills_the_line_is_refused() -> None:
    assert "m has a value of 5000 characters" in read("METRIC m=" + "1" * 5000, PLAIN).reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "time was not printed"),
        ("metric time=1", "time was not printed"),
        ("METRICS time=1", "time was not printed"),
        ("xMETRIC time=1", "time was not printed"),
        ("METRIC time", "time was not printed"),
        ("METRIC Time=1", "time was not printed"),
        ("METRIC time=1\n\nMETRIC time=1", "time was printed 2 times, first on line 1"),
        ("METRIC time=1 time=1", "time was printed 2 times"),
        ('METRIC time=1\n{"time": 1}', "time was printed 2 times"),
        ("METRIC time=1 us", "time is on a METRIC line with a stray 'us'"),
        ("METRIC time=1 unit=us unit=ms", "time is on a METRIC line with a stray 'unit=ms'"),
        ("METRIC unit=us time=1", "time is on a METRIC line with a stray 'unit=us'"),
        ("METRIC time=1 unit=B", "time was printed in 'B', declared in 'us' (line 1)"),
        ("METRIC time=1 unit=parsec", "time was printed in 'parsec', declared in 'us'"),
        ("METRIC time=1 unit=" + "u" * 99, "time has an unreadable unit"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    reading = read(text)
    assert reading.metrics == ()
    assert reading.reason.startswith(reason)


def test_each_metric_that_is_wrong_is_named_and_the_others_are_there() -> None:
    reading = read("METRIC m=1\nMETRIC b=x", TIME, PLAIN, MetricSpec("b"))
    assert reading.metrics == (Metric("m", 1.0),)
    assert reading.reason.startswith("time was not printed; b is not")


# -- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "declared", "factor"),
    [
        *(("ns", "us", 1e-3), ("s", "us", 1e6), ("ms", "s", 1e-3), ("us", "us", 1.0)),
        *(("µs", "us", 1.0), ("μs", "ns", 1e3), ("us", "µs", 1.0)),
        *(("MB", "kB", 1e3), ("KiB", "B", 1024.0), ("", "us", 1.0), ("ops", "ops", 1.0)),
    ],
)
def test_units_are_converted_into_the_declared_one(
    printed: str, declared: str, factor: float
) -> None:
    reading = read(f"METRIC m=3 unit={printed}", MetricSpec("m", unit=declared))
    assert reading == Reading((Metric("m", 3 * factor, declared),))


def test_without_a_declared_unit_the_printed_one_stays() -> None:
    assert read("METRIC m=3 unit=ms", PLAIN).metrics == (Metric("m", 3.0, "ms"),)


# -- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"metric": "time", "value": 2, "unit": "ms"}',
        '{"name": "time", "value": 2.0, "unit": "ms", "host": {"a": [1]}}',
        '  {"unit":"ms","value":2e0,"metric":"time"}  '.strip(),
        '{"time": 2000}',
        '{"other": "x", "time": 2000, "list": [1, 2]}',
    ],
)
def test_json_lines(text: str) -> None:
    assert read(text).metrics == (Metric("time", 2000.0, "us"),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"metric": "time"}', "time was not printed"),
        ('{"metric": "time", "value": "2"}', "time is not a number: '2'"),
        ('{"time": "2"}', "time is not a number: '2'"),
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
    ],
)
def test_json_that_is_no_metric(text: str, reason: str) -> None:
    assert read(text).reason.startswith(reason)


# -- Go -------------------------------------------------------------------------------------------

GO = b"""goos: linux
BenchmarkHash-8   \t  507162\t      2303 ns/op\t 142.2 MB/s\t      32 B/op\t       2 allocs/op
BenchmarkHash/size=16-8 \t 1000\t 0.5 ns/op
BenchmarkTemplate-8   \t2
PASS
ok  \texample.com/x\t2.3s
"""


def test_go_benchmarks() -> None:
    specs = (
        MetricSpec("BenchmarkHash", unit="us"),
        MetricSpec("BenchmarkHash:MB/s"),
        MetricSpec("BenchmarkHash:B/op"),
        MetricSpec("BenchmarkHash:allocs/op"),
        MetricSpec("BenchmarkHash/size=16-8", unit="ns"),
    )
    reading = read(GO, *specs)
    assert reading.reason == ""
    assert [metric.value for metric in reading.metrics] == [2.303, 142.2, 32, 2, 0.5]


def test_go_benchmarks_that_ran_twice_are_told_apart_by_their_processors() -> None:
    text = "BenchmarkX-2 1 5 ns/op\nBenchmarkX-4 1 3 ns/op"
    assert "printed 2 times" in read(text, MetricSpec("BenchmarkX")).reason
    assert value(text, MetricSpec("BenchmarkX-4")) == 3.0


# -- pytest-benchmark -----------------------------------------------------------------------------

# Recorded from pytest-benchmark 5.3.1.
TABLE = """\
------------------------------------ benchmark: 3 tests ------------------------------------
Name (time in us)         Min                 Max                Mean            Median          Outliers  OPS (Kops/s)            Rounds  Iterations
--------------------------------------------------------------------------------------------
test_fast              2.0850 (1.0)    366,995.0909 (167.35)    6.8719 (1.0)    2.1350 (1.0)      3;138    1,455.1983 (1.0)        1943          22
test_slow[100]         8.1099 (3.89)     2,193.0000 (1.0)       8.8350 (1.29)   8.2200 (3.85)      3;11    1,131.8619 (0.78)         50           1
--------------------------------------------------------------------------------------------

Legend:
test_fast 1 2 3 4 5 6 7 8
"""
# Its columns can be chosen; a single test has no ratios.
NARROW = """\
------------ benchmark: 1 tests ------------
Name (time in ns)       Median  OPS (Mops/s)
--------------------------------------------
test_fast             211.6818        1.6829
--------------------------------------------
"""


def document(indent: int | None = 4, **stats: object) -> str:
    benchmark = {"name": "test_x[1]", "fullname": "tests/test_a.py::test_x[1]", "stats": stats}
    return json.dumps({"machine_info": {"cpu": {}}, "benchmarks": [benchmark]}, indent=indent)


def test_the_table_of_pytest_benchmark() -> None:
    specs = (MetricSpec("test_fast", unit="ns"), MetricSpec("test_slow[100]:max", unit="ms"))
    assert [metric.value for metric in read(TABLE, *specs).metrics] == [2135.0, 2.193]
    assert read(TABLE, MetricSpec("test_slow[100]:mean")).metrics[0].unit == "us"


def test_a_table_with_chosen_columns() -> None:
    assert value(NARROW, MetricSpec("test_fast")) == 211.6818
    assert "not printed" in read(NARROW, MetricSpec("test_fast:min")).reason


def test_two_tables_with_the_same_test_are_one_too_many() -> None:
    assert "printed 2 times" in read(TABLE + TABLE, MetricSpec("test_fast")).reason


@pytest.mark.parametrize("indent", [None, 4])
def test_the_json_of_pytest_benchmark(indent: int | None) -> None:
    text = document(indent, median=2e-6, min=1e-6, data=[1e-6, 3e-6])
    assert value(text, MetricSpec("test_x[1]", unit="us")) == pytest.approx(2.0)
    assert value(text, MetricSpec("test_x[1]:min", unit="ns")) == pytest.approx(1000.0)
    assert value(text, MetricSpec("tests/test_a.py::test_x[1]", unit="s")) == 2e-6


def test_the_json_wins_over_the_table_beside_it() -> None:
    text = document(median=2.13504e-6).replace("test_x[1]", "test_fast") + "\n" + TABLE
    assert value(text, MetricSpec("test_fast", unit="us")) == pytest.approx(2.13504)


def test_json_that_contradicts_the_table_beside_it_is_a_second_number() -> None:
    text = document(median=2e-6).replace("test_x[1]", "test_fast") + "\n" + TABLE
    reading = read(text, MetricSpec("test_fast", unit="us"))
    assert reading.reason == "test_fast was printed 2 times, first on line 14"
    assert reading.duplicated


@pytest.mark.parametrize(
    "text",
    [
        document(median="x"),
        document(median=None),
        document(median=math.nan),
        document(median=1) + "\n" + document(median=1),
        '{\n"benchmarks": 5\n}',
        '{\n"benchmarks": [5, null, {"stats": 3, "name": "test_x[1]"}, {"stats": {"median": 1}}]\n}',
        '{\n"benchmarks": [{"name": ["test_x[1]"], "stats": {"median": 1}}\n}',
    ],
)
def test_json_of_pytest_benchmark_that_is_no_metric(text: str) -> None:
    assert read(text, MetricSpec("test_x[1]")).metrics == ()


def test_a_brace_that_never_closes_swallows_nothing() -> None:
    assert value("{\n\nMETRIC m=1\n") == 1.0


# -- hostile output -------------------------------------------------------------------------------


def test_colours_undecodable_bytes_and_other_line_ends_do_no_harm() -> None:
    noise = (
        b"\x1b[1;32mMETRIC\x1b[0m m=\x1b]8;;http://x\x1b\\7\x1b]8;;\x07\x1b(B unit=s\r\n\xff\xfe\n"
    )
    assert value(noise) == 7.0


def test_a_line_behind_a_progress_bar_is_read() -> None:
    assert value(b"10%\r20%\rMETRIC m=4\n") == 4.0


def test_undecodable_bytes_in_a_name_make_it_another_name() -> None:
    assert read(b"METRIC m\xff=1", PLAIN).reason == "m was not printed (seen: m_)"


def test_reasons_are_short_and_printable() -> None:
    reading = read("METRIC m=" + "\u202e\x07" * 20 + " unit=\x00", PLAIN)
    assert len(reading.reason) < 200
    assert reading.reason.isprintable()


def test_a_line_that_is_too_long_is_not_read_and_told() -> None:
    long = b'{"m": 1, "x": "' + b"x" * MAX_LINE_BYTES + b'"}\n'
    reading = read(b"a\n" + long, PLAIN)
    assert (
        reading.reason
        == f"m was not printed; line 2 has over {MAX_LINE_BYTES} bytes and was not read"
    )
    assert value(long + b"METRIC m=1") == 1.0


def test_endless_output_is_given_up() -> None:
    taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        yield b"METRIC m=1\n"
        while True:
            taken += 1
            yield b"x\n"

    reading = read_metrics(lines(), (PLAIN,))
    assert reading == Reading((), f"more than {MAX_LINES} lines were printed")
    assert taken == MAX_LINES


def test_a_document_without_end_is_dropped() -> None:
    body = (b"{\n", *((b'"%d": 1,' % 7) * 1000 for _ in range(700)), b'"benchmarks": []\n', b"}\n")
    assert "a JSON document was too long" in read_metrics(body, (PLAIN,)).reason


def test_a_hostile_line_takes_no_time() -> None:
    size = MAX_LINE_BYTES - 10
    hostile = [
        b"\x1b]" * (size // 2),
        b"\x1b[" * (size // 2),
        b"METRIC " + b"a=1 " * (size // 5),
        b"METRIC " + b"=" * (size - 10),
        b"Benchmark 1" + b" 1 x" * (size // 5),
        b"Benchmark" + b" " * (size - 20),
        b"Name (time in us) " + b"a (" * (size // 4),
        b"( (" * (size // 4),
        b"[" * size,
        b"{" + b'"a":1,' * (size // 8) + b"}",
    ]
    began = time.process_time()
    read_metrics(hostile, (PLAIN,))
    assert time.process_time() - began < 2.0


@given(st.lists(st.binary(max_size=60), max_size=15))
def test_any_bytes_are_read(lines: list[bytes]) -> None:
    reading = read_metrics(lines, (PLAIN, TIME))
    assert len(reading.metrics) == 2 or reading.reason


PIECES = st.sampled_from(
    [
        "METRIC ",
        "m=1",
        "m=",
        "unit=us",
        " ",
        '{"m":',
        "1",
        "}",
        "{",
        '"',
        "\x1b[",
        "Benchmark",
        "\r",
    ]
)


@given(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=5))
def test_whatever_is_printed_there_is_one_finite_value_or_a_reason(lines: list[str]) -> None:
    reading = read_metrics([line.encode() for line in lines], (PLAIN,))
    if reading.reason:
        assert reading.metrics == ()
    else:
        assert [metric.name for metric in reading.metrics] == ["m"]
        assert math.isfinite(reading.metrics[0].value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_it_was_printed(number: float) -> None:
    assert value(f"METRIC m={number!r}") == number
    assert value(json.dumps({"m": number})) == number
