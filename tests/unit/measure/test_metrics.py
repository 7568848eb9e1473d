from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.metrics import Reading
from runner.measure.seen import MAX_SAMPLES
from runner.model import Metric, MetricSpec
from tests.unit.measure.printed import read, reason, value

TIME = MetricSpec("time", unit="us")
PLAIN = MetricSpec("m")


# -- METRIC lines ---------------------------------------------------------------------------------


def test_a_metric_line() -> None:
    reading = read("hello\nMETRIC time=12.5 unit=us\nbye\n", TIME)
    assert reading == Reading((Metric("time", 12.5, "us"),))


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
        ("0e999999999", 0),
    ],
)
def test_numbers(text: str, number: float) -> None:
    assert value(f"METRIC m={text}") == number


@pytest.mark.parametrize(
    "text",
    [
        *("inf", "-Infinity", "nan", "NaN", "0x10", "1_0", "1,5", "1.2.3", "", "--1", "1e", "e5"),
        *(".", "١٢", "１２", "²", "1e+-3", "12us", "True", "0b1", "1/2"),
    ],
)
def test_what_is_no_number(text: str) -> None:
    why = reason(f"METRIC m={text}")
    assert "m is not a finite decimal number" in why
    assert "(line 1)" in why


def test_a_number_beyond_all_floats_is_not_finite() -> None:
    assert "m is not finite: '1e999'" in reason("METRIC m=1e999")


def test_a_number_that_fills_the_line_is_refused() -> None:
    assert "m has a value of 5000 characters" in reason("METRIC m=" + "1" * 5000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "time was not printed"),
        ("metric time=1", "time was not printed"),
        ("METRICS time=1", "time was not printed"),
        ("xMETRIC time=1", "time was not printed"),
        ("METRIC time", "time was not printed"),
        ("METRIC Time=1", "time was not printed (seen: Time)"),
        ("METRIC time=1\n\nMETRIC time=1", "time was printed 2 times, first on line 1"),
        ("METRIC time=1 time=1", "time was printed 2 times"),
        ("METRIC time=x\nMETRIC time=1", "time was printed 2 times"),
        ('METRIC time=1\n{"time": 1}', "time was printed 2 times"),
        ("METRIC time=1 us", "time is on a METRIC line with a stray 'us'"),
        ("METRIC time=1 unit=us unit=ms", "time is on a METRIC line with a stray 'unit=ms'"),
        ("METRIC unit=us time=1", "time is on a METRIC line with a stray 'unit=us'"),
        ("METRIC time=1 unit=B", "time was printed in 'B', declared in 'us' (line 1)"),
        ("METRIC time=1 unit=parsec", "time was printed in 'parsec', declared in 'us'"),
        ("METRIC time=1 unit=" + "u" * 99, "time has an unreadable unit"),
        ("METRIC time=1e308 unit=s", "time is not finite in 'us' (line 1)"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    assert reason(text, "time", "us").startswith(why)


def test_each_metric_that_is_wrong_is_named_and_the_others_are_there() -> None:
    reading = read("METRIC m=1\nMETRIC b=x", TIME, PLAIN, MetricSpec("b"))
    assert reading.metrics == (Metric("m", 1.0),)
    assert reading.reason.startswith("time was not printed; b is not")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_it_was_printed(number: float) -> None:
    assert value(f"METRIC m={number!r}") == number
    assert value(json.dumps({"m": number})) == number


# -- one number, printed more than once -----------------------------------------------------------

TABLE = """\
Name (time in us)     Median  Mean
----------------------------------
m                     2.1350  3.10
----------------------------------
"""


def report(median: float) -> str:
    return json.dumps({"benchmarks": [{"name": "m", "stats": {"median": median}}]})


def test_a_document_has_all_the_digits_of_the_table_beside_it() -> None:
    for text in (TABLE + report(2.13504e-6), report(2.13504e-6) + "\n" + TABLE):
        assert value(text, unit="us") == pytest.approx(2.13504)


def test_a_document_that_contradicts_the_table_beside_it_is_a_second_number() -> None:
    reading = read(TABLE + report(2.0e-6), PLAIN)
    assert reading.reason == "m was printed 2 times, first on line 3"
    assert reading.duplicated


def test_a_document_without_a_number_is_what_is_told() -> None:
    reading = read(TABLE + report(2.135e-6).replace("2.135e-06", '"x"'), PLAIN)
    assert reading.reason == "m is not a number: 'x' (line 5)"
    assert not reading.duplicated


def test_two_tools_that_print_one_name_are_one_too_many() -> None:
    reading = read(TABLE + "METRIC m=2.135 unit=us", PLAIN)
    assert reading.reason == "m was printed 2 times, first on line 3"
    assert reading.duplicated


def test_a_benchmark_that_fails_twice_has_failed_and_not_been_forged() -> None:
    reading = read("METRIC m=x\nMETRIC m=y", PLAIN)
    assert reading.reason == "m is not a finite decimal number: 'x' (line 1)"
    assert not reading.duplicated


# -- samples --------------------------------------------------------------------------------------


def sampled(samples: object, unit: str = "ms") -> str:
    return json.dumps({"metric": "m", "value": 2.0, "unit": unit, "samples": samples})


def test_samples_are_kept_beside_the_metric_in_its_unit() -> None:
    reading = read(sampled([1, 2.5, 3]), MetricSpec("m", unit="us"))
    assert reading.metrics == (Metric("m", 2000.0, "us"),)
    assert reading.samples == {"m": (1000.0, 2500.0, 3000.0)}
    assert reading.notes == ()


def test_too_many_samples_are_cut_and_told() -> None:
    reading = read(sampled([1] * (MAX_SAMPLES + 5)), PLAIN)
    assert reading.reason == ""
    assert len(reading.samples["m"]) == MAX_SAMPLES
    assert reading.notes == (f"m has {MAX_SAMPLES + 5} samples, of which {MAX_SAMPLES} are kept",)


@pytest.mark.parametrize("bad", ["x", None, True, [1], float("nan"), float("inf"), 10**400])
def test_samples_that_are_no_numbers_are_not_kept(bad: object) -> None:
    reading = read(sampled([1, bad]), PLAIN)
    assert reading.metrics == (Metric("m", 2.0, "ms"),)
    assert reading.samples == {}
    assert reading.notes == ("m has samples that are not all finite numbers: none are kept",)


@pytest.mark.parametrize("samples", ["xyz", 5, None, {}, []])
def test_samples_that_are_no_list_are_none(samples: object) -> None:
    reading = read(sampled(samples), PLAIN)
    assert reading.reason == ""
    assert (reading.samples, reading.notes) == ({}, ())


def test_numbers_that_were_repeated_before_their_median_are_its_samples() -> None:
    rows = "BM_x    100 ns    1 ns    9\nBM_x    300 ns    1 ns    9\n"
    summary = "BM_x_mean    0.2 us    1 ns    2\nBM_x_median    0.2 us    1 ns    2\n"
    text = "Benchmark   Time   CPU   Iterations\n" + rows + summary
    reading = read(text, MetricSpec("BM_x"))
    assert reading.metrics == (Metric("BM_x", 0.2, "us"),)
    assert reading.samples == {"BM_x": (0.1, 0.3)}


def test_the_samples_of_a_metric_that_is_none_are_none() -> None:
    reading = read(sampled([1]) + "\n" + sampled([1]), PLAIN)
    assert (reading.metrics, reading.samples) == ((), {})


# -- what was seen instead ------------------------------------------------------------------------


def test_a_missing_metric_is_told_with_the_names_most_like_it() -> None:
    text = "".join(f"METRIC other_{number}=1\n" for number in range(9)) + "METRIC time_ms=1\n"
    why = reason(text, "time")
    assert why.startswith("time was not printed (seen: time_ms, ")
    assert why.count(",") == 4


def test_only_names_with_a_number_that_nobody_declared_were_seen() -> None:
    text = 'METRIC b=x c=1\n{"level": "info", "d": 2}\nMETRIC m=1'
    reading = read(text, PLAIN, MetricSpec("a"))
    assert reading.reason == "a was not printed (seen: c, d)"


def test_names_that_were_seen_are_escaped_and_of_bounded_length() -> None:
    evil = "\u202e\x07\\'\" " * 40
    text = "\n".join(json.dumps({f"{number}{evil}": 1, "x" * 5000: 1}) for number in range(99))
    why = reason(text)
    assert len(why) < 1000
    assert why.replace("…", "").isascii()
    assert why.isprintable()
