"""The ways in which benchmarks print numbers, one module for each tool.

| module | what it reads |
|---|---|
| ``metric_line`` | ``METRIC name=value unit=us`` |
| ``json_line`` | JSON objects, one a line |
| ``pytest_benchmark`` | pytest-benchmark: table, JSON |
| ``go`` | ``go test -bench`` |
| ``hyperfine`` | hyperfine 1 and 2: report, JSON |
| ``criterion`` | Criterion.rs and cargo-criterion: console, messages, files |
| ``google`` | Google Benchmark: table, CSV, JSON |
| ``jmh`` | JMH: table, JSON |
| ``catch2`` | Catch2: table, XML |
| ``benchmarkdotnet`` | BenchmarkDotNet: table, JSON |
| ``prometheus`` | Prometheus's text format, OpenMetrics |

A reader yields sightings (``sighting``), which nobody has judged yet. ``readers`` holds them all;
``documents`` puts JSON together that is spread over lines; ``names`` turns a benchmark's name into
a metric's.
"""

from runner.measure.formats.json_values import parse_json

__all__ = ["parse_json"]
