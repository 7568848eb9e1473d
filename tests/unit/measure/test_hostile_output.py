"""Whatever a program prints: nothing raises, nothing takes long, and memory stays bounded."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.lines import MAX_LINE_BYTES, MAX_LINES
from runner.measure.metrics import Reading, read_metrics
from runner.model import MetricSpec
from tests.unit.measure.printed import RECORDED, read, reason, value

PLAIN = MetricSpec("m")
TIME = MetricSpec("time", unit="us")


def test_colours_undecodable_bytes_and_other_line_ends_do_no_harm() -> None:
    noise = (
        b"\x1b[1;32mMETRIC\x1b[0m m=\x1b]8;;http://x\x1b\\7\x1b]8;;\x07\x1b(B unit=s\r\n\xff\xfe\n"
    )
    assert value(noise) == 7.0


def test_a_line_behind_a_progress_bar_is_read() -> None:
    assert value(b"10%\r20%\rMETRIC m=4\n") == 4.0


def test_undecodable_bytes_in_a_name_make_it_another_name() -> None:
    assert reason(b"METRIC m\xff=1") == "m was not printed (seen: m_)"


def test_reasons_are_short_and_printable() -> None:
    why = reason("METRIC m=" + "\u202e\x07" * 20 + " unit=\x00")
    assert len(why) < 200
    assert why.isprintable()


def test_a_line_that_is_too_long_is_not_read_and_told() -> None:
    long = b'{"m": 1, "x": "' + b"x" * MAX_LINE_BYTES + b'"}\n'
    why = f"m was not printed; line 2 has over {MAX_LINE_BYTES} bytes and was not read"
    assert reason(b"a\n" + long) == why
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


SIZE = MAX_LINE_BYTES - 100
HEADS = (
    b"Name (time in us)    Median\n",
    b"Benchmark 1: a\n",
    b"Benchmark   Time   CPU   Iterations\n",
    b"Benchmark  (n)  Mode  Cnt  Score  Error  Units\n",
    b"name,iterations,real_time,cpu_time,time_unit\n",
    b"benchmark name     samples     iterations    mean\n---\n",
    b"<Catch>\n<BenchmarkResults name='a'>\n",
    b"| Method | Mean |\n",
    b"# TYPE a gauge\n",
    b"a   time:   [1 s 2 s 3 s]\n",
)
LINES = (
    b"\x1b]" * (SIZE // 2),
    b"\x1b[" * (SIZE // 2),
    b"METRIC " + b"a=1 " * (SIZE // 5),
    b"METRIC " + b"=" * (SIZE - 10),
    b"Benchmark 1" + b" 1 x" * (SIZE // 5),
    b"Benchmark" + b" " * (SIZE - 20),
    b"Benchmark " + b"(a) " * (SIZE // 5) + b"Mode Cnt Score Error Units",
    b"Name (time in us) " + b"a (" * (SIZE // 4),
    b"( (" * (SIZE // 4),
    b"[" * SIZE,
    b"{" + b'"a":1,' * (SIZE // 8) + b"}",
    b"{" + b'"a":1,' * (SIZE // 8) + b'"b":1}',
    b'{"a":' * (SIZE // 8),
    b" " * SIZE + b"time:",
    b"time:" * (SIZE // 5),
    b"time:   [" + b"1 s " * (SIZE // 5),
    b"  Time (abs \xe2\x89\xa1):" + b" " * (SIZE - 40) + b"x",
    b"x 1 ns 1 ns " * (SIZE // 12),
    b"1 " * (SIZE // 2),
    b" " * SIZE + b"x",
    b"a" * SIZE,
    b'"' * SIZE,
    b'"a",' * (SIZE // 4),
    b"|" * SIZE,
    b"| " + b"1,000" * (SIZE // 5) + b" | 1,000 |",
    b"a{" + b'b="c",' * (SIZE // 6) + b"} ",
    b"a{" + b'b="' + b"\\\\" * (SIZE // 2) + b"} 1",
    b"a{" + b'b="\\"' * (SIZE // 5) + b"} 1",
    b"a" + b" " * (SIZE - 5) + b"} x",
    b"<BenchmarkResults name='" + b"&#65;" * (SIZE // 6) + b"'/>",
    b"<a>" * (SIZE // 3),
)


@pytest.mark.parametrize("head", (b"", *HEADS), ids=lambda head: head[:12].decode())
def test_a_hostile_line_takes_no_time(head: bytes) -> None:
    lines = [line + b"\n" for hostile in LINES for line in (*head.splitlines(), hostile)]
    began = time.process_time()
    read_metrics(lines, (PLAIN,))
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize("head", (b"", *HEADS), ids=lambda head: head[:12].decode())
def test_memory_does_not_grow_with_the_output(head: bytes) -> None:
    tail = (b"    1 ns    2 ns  3\n", b'"x",1,2,3,ns\n', b"a 1 2\n", b"<a/>\n", b"  m  \n")

    def lines() -> Iterator[bytes]:
        yield from head.splitlines(keepends=True)
        for number in range(5_000):
            yield b"%d" % number + tail[number % len(tail)]
            yield b"METRIC m=%d n%d=1\n" % (number, number)

    tracemalloc.start()
    read_metrics(lines(), (PLAIN,))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


def test_ordinary_lines_are_passed_over_quickly() -> None:
    lines = [b"2024-05-01T12:00:00Z INFO worker-%d took 12.3 ms\n" % n for n in range(20_000)]
    began = time.process_time()
    read_metrics(lines, (PLAIN,))
    assert time.process_time() - began < 1.0  # about 0.03 s


# -- fuzzing --------------------------------------------------------------------------------------


def check(lines: list[bytes]) -> None:
    """There is one finite value, or a reason."""
    reading = read_metrics(lines, (PLAIN, TIME))
    assert len(reading.metrics) == 2 or reading.reason
    assert reading.reason.replace("…", "").isprintable()
    for metric in reading.metrics:
        assert math.isfinite(metric.value)
    for name, samples in reading.samples.items():
        assert name in {metric.name for metric in reading.metrics}
        assert all(math.isfinite(sample) for sample in samples)


@given(st.lists(st.binary(max_size=60), max_size=15))
def test_any_bytes_are_read(lines: list[bytes]) -> None:
    check(lines)


WORDS = st.sampled_from(
    [
        *("METRIC ", "m=1", "m=", "unit=us", " ", "m", "1", "2.5", "-", "nan", "ns", "%", "|", ","),
        *("{", "}", "[", "]", '"', ":", '{"m":', '"benchmarks":', '"results":', "\x1b[", "\r"),
        *("Benchmark ", "Benchmark 1: m", "Mode Cnt Score Error Units", " Time CPU Iterations"),
        *("avgt", "±", "≈", "_mean", "_median", "time:   [", "thrpt:", "1 ns 2 ns 3 ns]", "(n)"),
        *("benchmark name  samples  iterations  mean", "---", "===", "<Catch ", "</Catch>"),
        *('<BenchmarkResults name="m">', '<mean value="1"/>', "</BenchmarkResults>", "Method"),
        *("Mean", "# TYPE m gauge", 'm{a="b"} 1', "name,iterations,real_time,cpu_time,time_unit"),
        *("Name (time in us)  Median", "  Time (mean ± σ):   1 s ± 1 s", "  Wall Time  1 s"),
    ]
)


@given(st.lists(st.lists(WORDS, max_size=8).map("".join), max_size=12))
def test_pieces_of_all_formats_are_read(lines: list[str]) -> None:
    check([line.encode() for line in lines])


@given(
    st.sampled_from(sorted(RECORDED.glob("*-*"))),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=20)), max_size=8),
)
def test_recordings_with_lines_changed_are_read(
    path: Path, changes: list[tuple[int, bytes]]
) -> None:
    lines = path.read_bytes().splitlines()
    for at, line in changes:
        lines[at % len(lines) : at % len(lines) + 1] = [line, line]
    check(lines)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("benchmarks", "results", "Benchmarks", "name", "command", "stats", "times"),
                    *("measurements", "summary", "time_wall_clock", "value", "unit", "metric"),
                    *("median", "mean", "run_type", "run_name", "real_time", "aggregate_name"),
                    *("reason", "id", "group_id", "full_id", "iters", "point_estimate", "m"),
                    *("benchmark", "primaryMetric", "score", "rawData", "params", "Statistics"),
                    *("Method", "Parameters", "OriginalValues", "Memory", "samples", "data"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_any_json_is_read(document: object, indent: int | None, closed: bool) -> None:
    text = json.dumps(document, indent=indent)
    text = text.replace('"name"', '"command"') if closed else text
    check(text.encode().splitlines())
    check(json.dumps([document], indent=1).encode().splitlines())
    for key in ("benchmarks", "results", "Benchmarks"):
        check(json.dumps({key: [document]}, indent=indent).encode().splitlines())


def test_deep_nesting_is_no_document() -> None:
    deep = "{\n" + '"a": [' * 100_000 + "\n}\n[\n" + "[" * 100_000 + "\n]\n"
    assert read(deep + "METRIC m=1", PLAIN).reason == ""
