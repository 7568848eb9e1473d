"""Corners of the tools' formats that the recordings don't have."""

from __future__ import annotations

import json

import pytest

from runner.model import MetricSpec
from tests.unit.measure.printed import RECORDED, read, reason, value

# -- Go -------------------------------------------------------------------------------------------


def test_go_benchmarks_that_ran_twice_are_told_apart_by_their_processors() -> None:
    text = "BenchmarkX-2 1 5 ns/op\nBenchmarkX-4 1 3 ns/op"
    assert "printed 2 times" in reason(text, "BenchmarkX")
    assert value(text, "BenchmarkX-4") == 3.0


def test_a_go_benchmark_that_printed_no_number() -> None:
    assert reason("BenchmarkTemplate-8   \t2\nPASS", "BenchmarkTemplate").endswith("not printed")


# -- pytest-benchmark -----------------------------------------------------------------------------

# Its columns can be chosen; a single test has no ratios.
NARROW = """\
------------ benchmark: 1 tests ------------
Name (time in ns)       Median  OPS (Mops/s)
--------------------------------------------
test_fast             211.6818        1.6829
--------------------------------------------
"""


def test_a_table_with_chosen_columns() -> None:
    assert value(NARROW, "test_fast", "ns") == 211.6818
    assert "not printed" in reason(NARROW, "test_fast:min")


def test_two_tables_with_the_same_test_are_one_too_many() -> None:
    assert "printed 2 times" in reason(NARROW + NARROW, "test_fast")


# -- hyperfine ------------------------------------------------------------------------------------


def test_hyperfine_until_1_11_numbers_its_commands_otherwise() -> None:
    text = "Benchmark #1: sleep 1\n  Time (mean ± σ):      1.234 s ±  0.012 s    [User: 1.0 ms]\n"
    assert value(text, "sleep_1", "ms") == 1234.0


def test_what_the_command_prints_is_between_head_and_time() -> None:
    text = "Benchmark 1: ./run\nhello\n\n  x\n  Time (abs ≡):        1.500 s    [User: 1 s]\n \n"
    assert value(text, "_./run", "s") == 1.5


def test_a_time_without_a_head_is_nobodys() -> None:
    assert reason("  Time (abs ≡):        1.500 s    [User: 1 s]", "") == " was not printed"


def test_a_name_that_ends_like_a_number_of_runs() -> None:
    text = "Benchmark 1: sleep (2 runs)\n  Time (abs ≡):        1.500 s    [User: 1 s]\n"
    assert value(text, "sleep_(2_runs)", "s") == 1.5


def test_the_same_command_twice_is_one_too_many() -> None:
    run = {"command": "x", "mean": 1.0, "median": 1.0, "times": [1.0]}
    assert "printed 2 times" in reason(json.dumps({"results": [run, run]}), "x")


@pytest.mark.parametrize("times", [[1.0, "2"], [1.0, None], [1.0, [2.0]]])
def test_times_that_are_no_numbers_make_no_median(times: list[object]) -> None:
    run = {"command": "x", "mean": 1.0, "median": 1.0, "times": times}
    why = reason(json.dumps({"results": [run]}), "x")
    assert why == "x has a sample that is no number (line 1)"


def test_hyperfine_2_in_several_units_is_in_none() -> None:
    measured = [{"time_wall_clock": {"value": 1.0, "unit": unit}} for unit in ("second", "hour")]
    text = json.dumps({"results": [{"command": "x", "measurements": measured}]})
    assert reason(text, "x", "s").startswith("x was printed in '?', declared in 's'")


def test_an_export_that_contradicts_the_report_is_a_second_number() -> None:
    text = (RECORDED / "hyperfine-1.15.0.txt").read_text()
    forged = text.replace('"mean": 0.0109', '"mean": 0.0009')
    assert "printed 2 times" in reason(forged, "short_nap")


# -- Criterion ------------------------------------------------------------------------------------


def test_criterion_reads_only_times_and_not_changes() -> None:
    text = "a\n                 change:\n            time:   [-1.2% +0.5% +2.2%] (p = 0.61 > 0.05)"
    assert reason(text, "a") == "a was not printed"


def test_criterion_in_progress_bars() -> None:
    text = b"Benchmarking a: Analyzing\ra              time:   [1.0 ms 2.0 ms 3.0 ms]\r\n"
    assert value(text, "a", "us") == 2000.0


def test_benchmarks_one_below_the_other() -> None:
    text = "a   time:   [1.0 ms 2.0 ms 3.0 ms]\nb   time:   [4.0 ms 5.0 ms 6.0 ms]\n"
    reading = read(text, MetricSpec("a"), MetricSpec("b"))
    assert [metric.value for metric in reading.metrics] == [2.0, 5.0]


def test_a_time_whose_name_is_nowhere() -> None:
    text = "  x\n              time:   [1.0 ms 2.0 ms 3.0 ms]\n"
    assert reason(text, "x") == "x was not printed"


def test_files_without_the_one_that_has_the_name() -> None:
    lines = (RECORDED / "criterion-0.3.6-second-run.txt").read_text().splitlines()
    text = "\n".join(line for line in lines if "group_id" not in line and "time:" not in line)
    assert reason(text, "fib_12") == "fib_12 was not printed"


def test_samples_that_do_not_go_with_their_iterations_are_none() -> None:
    name = json.dumps({"group_id": "a", "full_id": "a"})
    for iters in ([1], [1, 0], [1, "x"]):
        sample = json.dumps({"iters": iters, "times": [1.0, 2.0]})
        assert reason(f"{name}\n{sample}", "a") == "a was not printed"


# -- Google Benchmark -----------------------------------------------------------------------------

HEAD = "Benchmark            Time             CPU   Iterations\n"


def test_rows_of_a_repeated_benchmark_without_a_median_are_too_many() -> None:
    text = HEAD + "BM_x    1.0 ns   1.0 ns   10\n" * 3
    assert "printed 3 times" in reason(text, "BM_x")


def test_a_median_that_its_rows_do_not_bear_out_is_another_number() -> None:
    rows = "BM_x   100 ns   100 ns   10\n"
    forged = "BM_x_mean   1 ns   1 ns   2\nBM_x_median   1 ns   1 ns   2\n"
    assert "printed 2 times" in reason(HEAD + rows + forged, "BM_x")


def test_a_benchmark_that_is_called_median_is_no_median() -> None:
    text = HEAD + "BM_x   100 ns   100 ns   10\nBM_x_median   1 ns   1 ns   10\n"
    reading = read(text, MetricSpec("BM_x"), MetricSpec("BM_x_median"))
    assert [metric.value for metric in reading.metrics] == [100.0, 1.0]


def test_names_with_spaces() -> None:
    assert value(HEAD + "BM_x<a, b>/2 c    1.5 ns    1.0 ns    10", "BM_x_a,_b_/2_c") == 1.5


def test_rows_without_a_table_are_nobodys() -> None:
    assert reason("BM_x   100 ns   100 ns   10", "BM_x") == "BM_x was not printed"
    assert reason(HEAD + "\nBM_x   100 ns   100 ns   10", "BM_x") == "BM_x was not printed"


def test_csv_that_is_none() -> None:
    head = "name,iterations,real_time,cpu_time,time_unit\n"
    assert value(head + '"a ""b""",1,2.5,2.5,ns', "a__b_") == 2.5
    for row in ('"a,1,2.5,2.5,ns', "a,1,2.5", "a", '"a"b,1,2,2,ns', "a,1,2.5,2.5,ns,6,7"):
        assert reason(head + row, "a") == "a was not printed"
    assert reason("name,x\na,1,2.5,2.5,ns", "a") == "a was not printed"


# -- JMH ------------------------------------------------------------------------------------------

JMH_HEAD = "Benchmark   (size)  Mode  Cnt  Score   Error  Units\n"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("X.y  10  avgt  5  12.3 ± 0.1  us/op", 12.3),
        ("X.y  10  avgt  5  12.3 ? 0.1  us/op", 12.3),  # the locale has no ±
        ("X.y  10  avgt  5  12.3        us/op", 12.3),
        ("X.y  10  ss       12.3        us/op", 12.3),
    ],
)
def test_scores(row: str, expected: float) -> None:
    assert value(JMH_HEAD + row, "X.y[size=10]", "us") == expected


@pytest.mark.parametrize(
    "row",
    [
        "X.y  10  avgt  5  ≈ 10⁻³       us/op",
        "X.y  10  avgt  5  ? 10??       us/op",
        "X.y  10  avgt     ≈ 10⁻³       us/op",
        "X.y  10  avgt     ? 10??       us/op",
        "X.y  10  avgt  5  12,3 ± 0,1   us/op",
        "X.y  10  avgt  5  NaN          us/op",
        "X.y  10  avgt  5  12.3",
        "X.y  10  avgt  5",
        "X.y  10  avgt",
    ],
)
def test_scores_that_are_no_numbers(row: str) -> None:
    assert "was not printed" not in reason(JMH_HEAD + row, "X.y[size=10]")


@pytest.mark.parametrize("row", ["X.y  10  5  12.3  us/op", "X.y", "X.y  10  20  avgt  5  1  s/op"])
def test_rows_that_do_not_fit_their_head(row: str) -> None:
    assert reason(JMH_HEAD + row, "X.y[size=10]") == "X.y[size=10] was not printed"


def test_a_score_of_json_that_is_no_number() -> None:
    metric = {"score": "NaN", "scoreUnit": "ns/op"}
    text = json.dumps([{"benchmark": "a.X.y", "primaryMetric": metric}], indent=4)
    assert reason(text, "X.y") == "X.y is not a number: 'NaN' (line 9)"


# -- Catch2 ---------------------------------------------------------------------------------------


def test_a_log_line_in_the_table_is_no_name() -> None:
    text = (RECORDED / "catch2-2.13.10.txt").read_text()
    broken = text.replace("\nfib 15 ", "\nloading\n\nfib 15 ")
    assert value(broken, "fib_15", "us") > 1.0


@pytest.mark.parametrize(
    "element",
    [
        '<BenchmarkResults name="m"><mean value="1"/></BenchmarkResults>',
        '<BenchmarkResults name="m">\n<mean value="1"/>\n<mean value="2"/>\n</BenchmarkResults>',
        '<BenchmarkResults name="m">\n<mean value="&lol;"/>\n</BenchmarkResults>',
        '<BenchmarkResults name="m">\n<mean value="1">\n</BenchmarkResults>',
        '<BenchmarkResults name="m">\n' + "<a>\n" * 50 + '<mean value="1"/>\n</BenchmarkResults>',
        '<BenchmarkResults name="m">\n'
        '<!DOCTYPE x [<!ENTITY lol "1">]>\n<mean value="&lol;"/>\n</BenchmarkResults>',
    ],
)
def test_xml_that_has_no_metric(element: str) -> None:
    assert reason(f'<Catch name="x">\n{element}\n</Catch>') == "m was not printed"


# -- BenchmarkDotNet ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1,234,567.891 ns", 1234567.891),
        ("12.5 μs", 12500.0),
        ("12.5 us", 12500.0),
        ("0.0001 ns", 0.0001),
        ("3 ms", 3e6),
    ],
)
def test_cells(cell: str, expected: float) -> None:
    assert value(f"| Method | Mean |\n|---|---:|\n| X | {cell} |", "X", "ns") == expected


@pytest.mark.parametrize("cell", ["NA", "?", "1,23 ns", "1.2.3 ns", "1,2345 ns", "-1 ns", "ns", ""])
def test_cells_that_are_no_numbers(cell: str) -> None:
    why = reason(f"| Method | Mean |\n|---|---:|\n| X | {cell} |", "X")
    assert why.startswith("X is not a finite decimal number")


def test_other_tables_are_nobodys() -> None:
    assert reason("| Name | Mean |\n|---|---|\n| m | 1 ns |") == "m was not printed"
    assert reason("| Method | Mean |\n\n| m | 1 ns |") == "m was not printed"
    assert reason("| Method | Mean |\n| m | 1 ns | 2 |") == "m was not printed"


def test_the_type_is_part_of_the_name() -> None:
    assert value("| Type | Method | Mean |\n| A | X | 1 ns |", "A.X", "ns") == 1.0


# -- Prometheus -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('m{a="b"} 1', "m[a=b]"),
        ('m{z="1", a="2",} 1 1395066363000', "m[a=2,z=1]"),
        ('m{a="x} y"} 1 # {trace="z"} 0.5 1.2', "m[a=x__y]"),
        ("# TYPE m gauge\nm 1", "m"),
        ("# HELP m\n\nm\t1", "m"),
        ("# TYPE m gauge\n# a comment\nm 1 1395066363000", "m"),
    ],
)
def test_series(text: str, name: str) -> None:
    assert value(text, name) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "m 1",
        "# m\nm 1",
        "# TYPE m gauge\nm 1 x",
        "# TYPE m gauge\nhello world\nm 1",
        "# TYPE m gauge\n# EOF\nm 1",
        'm{a="b} 1',
        "m{a=b} 1",
        'm{a="b"}',
        'm{a="b"} x',
        ' m{a="b"} 1',
    ],
)
def test_lines_that_are_no_series(text: str) -> None:
    assert reason(text, "m").startswith("m was not printed")
    assert reason(text, "m[a=b]").startswith("m[a=b] was not printed")
