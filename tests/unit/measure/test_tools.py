"""What each tool printed, and what is read from it. The recordings have a README of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from runner.measure.metrics import read_metrics
from runner.model import MetricSpec
from tests.unit.measure.printed import RECORDED, recorded


@dataclass(frozen=True)
class Case:
    """A metric of a recording, the unit it is declared in, its value, and how many samples."""

    file: str
    name: str
    unit: str
    value: float
    samples: int = 0


PYTEST = "pytest-benchmark-5.3.1.txt"
GO = "go-1.19.txt"
HYPERFINE_1 = "hyperfine-1.15.0.txt"
HYPERFINE_1_PARAMETERS = "hyperfine-1.15.0-parameters.json"
HYPERFINE_2 = "hyperfine-2.0.0.txt"
CRITERION = "criterion-0.3.6.txt"
CRITERION_FILES = "criterion-0.3.6-second-run.txt"
CARGO_CRITERION = "cargo-criterion-1.1.0.txt"
GOOGLE = "google-benchmark-1.7.1.txt"
GOOGLE_TABULAR = "google-benchmark-1.7.1-tabular.txt"
GOOGLE_JSON = "google-benchmark-1.7.1.json"
GOOGLE_CSV = "google-benchmark-1.7.1.csv"
GOOGLE_REPEATED = "google-benchmark-1.7.1-repetitions.txt"
GOOGLE_19_JSON = "google-benchmark-1.9.5-repetitions.json"
GOOGLE_19_CSV = "google-benchmark-1.9.5-repetitions.csv"
JMH = "jmh-1.37.txt"
CATCH2 = "catch2-2.13.10.txt"
CATCH2_NO_ANALYSIS = "catch2-2.13.10-no-analysis.txt"
CATCH2_XML = "catch2-2.13.10.xml"
CATCH2_3 = "catch2-3.5.0.txt"
CATCH2_3_XML = "catch2-3.5.0.xml"
DOTNET = "benchmarkdotnet-0.13.12.txt"
DOTNET_GITHUB = "benchmarkdotnet-0.13.12-github.md"
PROMETHEUS = "prometheus-client-0.26.0.txt"
OPENMETRICS = "openmetrics-client-0.26.0.txt"

CASES = (
    Case(PYTEST, "test_sum", "ns", 644.9998181778938, 30),
    Case(PYTEST, "test_sorted[1000]", "us", 4.189199898974039, 20),
    Case(PYTEST, "test_sums.py::TestText::test_join", "ns", 582.3999345011543, 10),
    Case(PYTEST, "test_sums.py::TestText::test_join:max", "ns", 645.0, 0),
    Case(GO, "BenchmarkSum", "ns", 28.92),
    Case(GO, "BenchmarkSum-2", "us", 0.02892),
    Case(GO, "BenchmarkSum:MB/s", "kB/s", 276_660.0),
    Case(GO, "BenchmarkSum:B/op", "B", 0.0),
    Case(GO, "BenchmarkSizes/n=4:terms/op", "", 64.0),
    Case(HYPERFINE_1, "short_nap", "ms", 10.953820000000001, 5),
    Case(HYPERFINE_1, "short_nap:mean", "ms", 10.9521604),
    Case(HYPERFINE_1, "long_nap:max", "s", 0.021159729000000002),
    Case(HYPERFINE_1_PARAMETERS, "sleep_0.02", "ms", 21.1240305, 4),
    Case(HYPERFINE_1_PARAMETERS, "sleep_0.02[n=2]", "ms", 21.1240305, 4),
    Case("hyperfine-1.15.0-single-run.txt", "sleep_0.01", "ms", 11.0),
    Case(HYPERFINE_2, "sort_by_1", "ms", 104.0, 4),
    Case(HYPERFINE_2, "sort_by_1:mean", "ms", 112.75),
    Case(HYPERFINE_2, "sort_by_2[threads=2]", "s", 0.205, 4),
    Case(HYPERFINE_2, "_./sort_2", "s", 0.205, 4),
    Case(HYPERFINE_2, "sort_by_2:time_cpu", "ms", 20.5),
    Case(HYPERFINE_2, "sort_by_2:memory_peak_resident", "KiB", 2054.0),
    Case(CRITERION, "fib_12", "ns", 450.06),
    Case(CRITERION, "sum_of_bytes/iterator_over_slice/1024", "us", 0.16116),
    Case(CRITERION, "sum_of_bytes/iterator_over_slice/1024:thrpt", "GiB/s", 5.9174),
    Case(CRITERION_FILES, "fib_12", "ns", 378.92478262883077, 10),
    Case(CRITERION_FILES, "fib_12:mean", "ns", 381.0010139, 0),
    Case(CRITERION_FILES, "sum_of_bytes/iterator_over_slice/1024", "ns", 137.7854329130294, 10),
    Case(CRITERION_FILES, "sum_of_bytes/iterator_over_slice/1024:thrpt", "", 6.8947),
    Case(CARGO_CRITERION, "fib/recursive/20", "ns", 26.275, 4),
    Case(CARGO_CRITERION, "fib/recursive/20:slope", "ns", 26.31),
    Case(CARGO_CRITERION, "flat", "ps", 26_275.0, 4),
    Case(GOOGLE, "BM_Sum/8", "ns", 3.06),
    Case(GOOGLE, "BM_Sum/8:cpu", "ns", 2.48),
    Case(GOOGLE, "BM_Copy", "ns", 168.0),
    Case(GOOGLE_TABULAR, "BM_Sum/1024", "ns", 321.0),
    Case(GOOGLE_JSON, "BM_Sum/8", "ns", 2.711786408792566),
    Case(GOOGLE_JSON, "BM_Sum/8:items_per_second", "", 3118841633.28438),
    Case(GOOGLE_JSON, "BM_Copy", "ns", 142.89620587013116),
    Case(GOOGLE_CSV, "BM_Sum/8", "ns", 2.93389),
    Case(GOOGLE_CSV, "BM_Sum/1024:cpu", "us", 0.356664),
    Case(GOOGLE_CSV, "BM_Sum/8:wide", "", 12_345_700.0),
    Case(GOOGLE_REPEATED, "BM_Sum/8", "ns", 4.369887649825791, 3),
    Case(GOOGLE_REPEATED, "BM_Sum/8_mean", "ns", 3.8295388185300125),
    Case(GOOGLE_REPEATED, "BM_Copy", "us", 0.12185549932045799, 3),
    Case(GOOGLE_19_JSON, "sum_list", "us", 12.436406365756332, 3),
    Case(GOOGLE_19_CSV, "sum_list", "us", 13.374, 3),
    Case(GOOGLE_19_CSV, "sum_list_stddev", "us", 0.136783),
    Case(JMH, "SortBench.quick[order=random,size=1024]", "us", 12.2125, 6),
    Case(JMH, "SortBench.quick[order=random,size=1024]:avgt", "us/op", 12.2125, 6),
    Case(JMH, "SortBench.quick[order=random,size=8192]:score", "us", 98.36666666666667),
    Case(JMH, "org.example.HashBench.crc", "ops/s", 4_109_500.0, 6),
    Case(JMH, "HashBench.crc:gc.alloc.rate.norm", "B/op", 0.00012, 6),
    Case(CATCH2, "fib_10", "ns", 219.19),
    Case(CATCH2, "fib_10:stddev", "ns", 0.292104),
    Case(CATCH2_NO_ANALYSIS, "fib_10", "ns", 222.482),
    Case(CATCH2_XML, "fib_10", "ns", 243.436),
    Case(CATCH2_XML, "fib_15", "us", 2.44919),
    Case(CATCH2_3, "fib_20", "us", 34.0881),
    Case(CATCH2_3, "long_run", "s", 1.2619),
    Case(CATCH2_3_XML, "fib_20:stddev", "ns", 677.51),
    Case(DOTNET, "Quick[N=100]", "ns", 1203.625, 4),
    Case(DOTNET, "Quick[N=10000]:mean", "us", 254.5445625),
    Case(DOTNET, "Linq_order[N=10000]", "us", 980.615625, 4),
    Case(DOTNET, "Sorting.Linq[N=10000]", "us", 980.615625, 4),
    Case(DOTNET, "Example.Sorting.Linq(N:_10000)", "us", 980.615625, 4),
    Case(DOTNET, "Linq_order[N=10000]:allocated", "B", 160_440.0),
    Case(DOTNET_GITHUB, "Quick[Job=.NET_6.0,Size=10]", "us", 61.23),
    Case(DOTNET_GITHUB, "Quick[Job=.NET_8.0,Size=10]", "ms", 1.048115),
    Case(DOTNET_GITHUB, "Quick[Job=.NET_6.0,Size=10]:allocated", "KiB", 156.68),
    Case(PROMETHEUS, "build_time_seconds", "ms", 12_500.0),
    Case(PROMETHEUS, "requests_total[method=POST,path=/]", "", 3.0),
    Case(PROMETHEUS, "requests_total[method=GET,path=/a__b__cn]", "", 1027.0),
    Case(PROMETHEUS, "latency_seconds_bucket[le=+Inf]", "", 2.0),
    Case(PROMETHEUS, "latency_seconds_sum", "s", 3.05),
    Case(PROMETHEUS, "size_bytes_sum", "B", 151.0),
    Case(PROMETHEUS, "big_bytes", "GB", 1.5),
    Case(OPENMETRICS, "requests_total[method=POST,path=/]", "", 3.0),
    Case(OPENMETRICS, "latency_seconds_bucket[le=0.1]", "", 1.0),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.name}")
def test_a_metric_of_each_tool(case: Case) -> None:
    reading = recorded(case.file, MetricSpec(case.name, unit=case.unit))
    assert reading.reason == ""
    assert reading.notes == ()
    assert reading.metrics[0].value == pytest.approx(case.value, rel=1e-8)
    assert len(reading.samples.get(case.name, ())) == case.samples


def test_samples_are_in_the_unit_of_the_metric() -> None:
    reading = recorded(HYPERFINE_1_PARAMETERS, MetricSpec("sleep_0.01", unit="ms"))
    expected = (10.896384, 10.993209, 11.17582, 10.926169)
    assert reading.samples["sleep_0.01"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("file", "name", "reason"),
    [
        (GOOGLE, "BM_Broken", "failed: \"'no input'\" (line 7)"),
        (GOOGLE_JSON, "BM_Broken", "failed: 'no input'"),
        (GOOGLE_CSV, "BM_Broken", "failed: 'no input' (line 5)"),
        (GOOGLE_19_JSON, "skipped", "failed: 'not here'"),
        (GOOGLE_19_CSV, "skipped", "failed: 'not here'"),
        (GOOGLE_CSV, "BM_Linear_BigO", "was not printed"),
        (CATCH2, "broken", "failed: 'Benchmark failed (Unknown exception)'"),
        (CATCH2_XML, "broken", "failed: 'Unknown exception'"),
        (DOTNET, "Broken[N=100]", "has no statistics: the benchmark failed"),
        (DOTNET_GITHUB, "A_B[Job=.NET_6.0,Size=10]", "is not a finite decimal number: '?'"),
        (PROMETHEUS, "nothing", "is not a finite decimal number: 'NaN'"),
        (PROMETHEUS, "endless", "is not a finite decimal number: '+Inf'"),
        (GO, "BenchmarkSum:allocs", "was not printed (seen: BenchmarkSum"),
        (HYPERFINE_1_PARAMETERS, "sleep_0.01:exit", "was not printed (seen: sleep_0.01, sleep_0.0"),
    ],
)
def test_what_is_no_metric(file: str, name: str, reason: str) -> None:
    reading = recorded(file, MetricSpec(name))
    assert reading.metrics == ()
    assert not reading.duplicated
    assert reading.reason.removeprefix(f"{name} ").startswith(reason)


@pytest.mark.parametrize("file", sorted({case.file for case in CASES}))
def test_output_that_comes_twice_has_each_metric_twice(file: str) -> None:
    names = [case.name for case in CASES if case.file == file]
    lines = (RECORDED / file).read_bytes().splitlines() * 2
    reading = read_metrics(lines, [MetricSpec(name) for name in names])
    assert reading.metrics == ()
    assert reading.duplicated
    assert reading.reason.count("times, first on line") == len(names)


@pytest.mark.parametrize("file", sorted({case.file for case in CASES}))
def test_text_around_the_output_does_no_harm(file: str) -> None:
    case = next(case for case in CASES if case.file == file)
    noise = b"warning: x { [ | < # time: thrpt:\n\n{\n[\nBenchmark \nname,\nbenchmark name\n\n"
    data = noise + (RECORDED / file).read_bytes().replace(b"\n", b"\r\n") + noise
    reading = read_metrics(data.splitlines(), [MetricSpec(case.name, unit=case.unit)])
    assert reading.reason == ""
    assert reading.metrics[0].value == pytest.approx(case.value, rel=1e-8)


def test_every_recording_is_read() -> None:
    files = {path.name for path in RECORDED.iterdir() if path.name != "README.md"}
    assert files == {case.file for case in CASES}
    described = (RECORDED / "README.md").read_text()
    assert all(name.partition("-")[0] in described for name in files)
