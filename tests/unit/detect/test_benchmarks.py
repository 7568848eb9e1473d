"""What is found to measure with, in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.detect import FoundBenchmark, Level
from runner.detect.printed import printed_metrics
from runner.model import Goal, MetricSpec, Source
from tests.unit.detect.repository import GO_TEST, PYTEST_FILE, found_in

BENCH = "print(f'METRIC load_ms={t} unit=ms')\nprint(f'METRIC hits_per_s={h}')\n"
GO_BENCH = GO_TEST + "\nfunc BenchmarkA(b *testing.B) {}\nfunc BenchmarkB2(b *testing.B) {}\n"
CMAKE = "add_executable(speed src/a.cpp src/speed.cpp)\n"
BUILD = (
    'cmake -S . -B "$HOME"/.cache/oppie-build -DCMAKE_BUILD_TYPE=Release'
    ' && cmake --build "$HOME"/.cache/oppie-build'
)
WALL = MetricSpec("wall_s", Goal.MIN, "s", Source.CLOCK)


def best(folder: Path, files: dict[str, str]) -> FoundBenchmark:
    return found_in(folder, files).benchmarks[0]


@pytest.mark.parametrize(
    ("tool", "files", "command", "metrics"),
    [
        (
            "pytest-benchmark",
            {"tests/test_speed.py": "def test_sort(benchmark):\n    benchmark(sorted, [])\n"},
            "python3 -m pytest -q --color=no --benchmark-only tests/test_speed.py",
            [MetricSpec("test_sort", Goal.MIN, "us")],
        ),
        (
            "Go",
            {"go.mod": "module a\n", "pkg/a_test.go": GO_BENCH},
            "go test -run '^$' -bench '^(BenchmarkA|BenchmarkB2)$' ./pkg",
            [MetricSpec("BenchmarkA", Goal.MIN, "ns"), MetricSpec("BenchmarkB2", Goal.MIN, "ns")],
        ),
        (
            "Criterion",
            {
                "Cargo.toml": '[dev-dependencies]\ncriterion = "0.5"\n',
                "benches/fib.rs": 'c.bench_function("fib 20", |b| b.iter(|| fib(20)));\n',
            },
            "cargo bench --color never --bench fib -- --noplot",
            [MetricSpec("fib_20", Goal.MIN, "ns")],
        ),
        (
            "Google Benchmark",
            {"CMakeLists.txt": CMAKE, "src/speed.cpp": "BENCHMARK(BM_Sort);\n"},
            f'{BUILD} && "$HOME"/.cache/oppie-build/speed',
            [MetricSpec("BM_Sort", Goal.MIN, "ns")],
        ),
        (
            "Catch2",
            {
                "CMakeLists.txt": "add_subdirectory(t)\n",
                "t/CMakeLists.txt": CMAKE,
                "t/src/speed.cpp": 'BENCHMARK("sort it") { return 1; };\n',
            },
            f'{BUILD} && "$HOME"/.cache/oppie-build/t/speed',
            [MetricSpec("sort_it", Goal.MIN, "ns")],
        ),
        (
            "JMH",
            {
                "pom.xml": "<artifactId>jmh-core</artifactId>",
                "src/main/java/Sort.java": "public class Sort {\n  @Benchmark\n"
                "  @Fork(1)\n  public int quick() { return 1; }\n}\n",
            },
            "mvn -B -o -q -Dstyle.color=never -DskipTests package"
            " && java -jar target/benchmarks.jar",
            [MetricSpec("Sort.quick", Goal.MAX)],
        ),
        (
            "JMH",
            {
                "build.gradle.kts": 'id("me.champeau.jmh")',
                "src/jmh/java/Sort.java": "@BenchmarkMode(Mode.AverageTime)\nclass Sort {\n"
                "  @Benchmark public void quick(Blackhole b) {}\n}\n",
            },
            "gradle --offline --no-daemon --console=plain jmh",
            [MetricSpec("Sort.quick", Goal.MIN)],
        ),
        (
            "BenchmarkDotNet",
            {
                "b/Bench.csproj": '<PackageReference Include="BenchmarkDotNet"/>',
                "b/Sorting.cs": "[Benchmark(Baseline = true)]\npublic void Quick() {}\n",
            },
            "dotnet run -c Release --project b/Bench.csproj -- --filter '*'",
            [MetricSpec("Quick", Goal.MIN, "ns")],
        ),
        (
            "python3",
            {"bench.py": BENCH},
            "python3 bench.py",
            [MetricSpec("load_ms", Goal.MIN, "ms"), MetricSpec("hits_per_s", Goal.MAX)],
        ),
        (
            "python3",
            {"benchmarks/run_benchmark.py": 'print({"metric": "a", "value": 1, "unit": "us"})\n'},
            'PYTHONPATH="$PWD:$PWD/src" python3 benchmarks/run_benchmark.py',
            [MetricSpec("a", Goal.MIN, "us")],
        ),
        ("bash", {"bench.sh": "#!/bin/bash\ntime x\n"}, "bash bench.sh", [WALL]),
        ("node", {"benchmark.mjs": "work();\n"}, "node benchmark.mjs", [WALL]),
    ],
)
def test_tools_and_programs(
    tmp_path: Path, tool: str, files: dict[str, str], command: str, metrics: list[MetricSpec]
) -> None:
    found = best(tmp_path, files)
    assert (found.tool, found.command, list(found.metrics)) == (tool, command, metrics)
    assert found.level is Level.MARKER
    assert set(found.files) <= set(files)
    assert found.why


@pytest.mark.parametrize(
    "files",
    [
        {"test_a.py": "@pytest.mark.parametrize('n', [1])\ndef test_a(benchmark, n): pass\n"},
        {"go.mod": "", "a_test.go": GO_BENCH + "b.Run(name, f)\n"},
        {
            "Cargo.toml": "criterion",
            "benches/a.rs": 'let mut g = c.benchmark_group("g"); g.bench_function("a", f);',
        },
        {"CMakeLists.txt": CMAKE, "speed.cpp": "BENCHMARK(A);\nBENCHMARK(B)->Range(1, 8);\n"},
        {"CMakeLists.txt": "", "speed.cpp": "BENCHMARK(A);\n"},
        {"pom.xml": "jmh", "A.java": "class A { @Param int n; @Benchmark void a() {} }"},
    ],
)
def test_names_that_only_a_run_tells_are_not_made_up(tmp_path: Path, files: dict[str, str]) -> None:
    found = found_in(tmp_path, files)
    assert all(each.tool == "clock" for each in found.benchmarks)
    assert "name them by hand" in "".join(each.why for each in found.unchosen)


@pytest.mark.parametrize(
    ("command", "metrics"),
    [
        ("hyperfine ./run", ["_./run"]),
        ("hyperfine -w 3 --runs=9 'sort a' 'sort b'", ["sort_a", "sort_b"]),
        ("hyperfine -n fast './run --fast' './run'", ["fast", "_./run"]),
        ("hyperfine -N --export-json out.json -L n 1,2 run", ["run"]),
    ],
)
def test_hyperfine_in_a_target(tmp_path: Path, command: str, metrics: list[str]) -> None:
    found = best(tmp_path, {"Makefile": f"bench:\n\t{command}\n"})
    assert [metric.name for metric in found.metrics] == metrics
    assert {metric.unit for metric in found.metrics} == {"ms"}
    assert found.command == "export CI=1 NO_COLOR=1 && make bench"
    assert found.needs == ("make", "hyperfine")


def test_a_target_that_runs_a_program_has_its_metrics(tmp_path: Path) -> None:
    makefile = "benchmark: build\n\tpython3 ./tools/speed.py --fast\nbuild:\n\tcc a.c\n"
    found = best(tmp_path, {"Makefile": makefile, "tools/speed.py": BENCH})
    assert found.command == "export CI=1 NO_COLOR=1 && make benchmark"
    assert [metric.name for metric in found.metrics] == ["load_ms", "hits_per_s"]
    assert found.files == ("tools/speed.py", "Makefile")


def test_a_target_that_runs_a_tool_is_that_tool_s(tmp_path: Path) -> None:
    files = {"Makefile": "bench:\n\tgo test -bench=. ./...\n", "go.mod": "", "a_test.go": GO_BENCH}
    found = best(tmp_path, files)
    assert (found.tool, found.level) == ("Go", Level.SCRIPT)
    assert [metric.name for metric in found.metrics] == ["BenchmarkA", "BenchmarkB2"]


def test_what_prints_numbers_comes_before_what_takes_time(tmp_path: Path) -> None:
    files = {
        "package.json": json.dumps({"scripts": {"bench": "node speed.js"}}),
        "speed.js": "",
        "bench.py": BENCH,
        "test_a.py": PYTEST_FILE,
    }
    tools = [each.tool for each in found_in(tmp_path, files).benchmarks]
    assert tools == ["python3", "npm", "clock"]


def test_without_a_benchmark_the_tests_are_timed_by_the_host(tmp_path: Path) -> None:
    found = found_in(tmp_path, {"test_a.py": PYTEST_FILE})
    assert [each.tool for each in found.benchmarks] == ["clock"]
    assert found.benchmarks[0].command == found.tests[0].command
    assert found.benchmarks[0].metrics == (WALL,)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ('print(f"METRIC a={x:.3f} unit=us")', [("a", "us", "min")]),
        ("echo METRIC b=$x", [("b", "", "min")]),
        ('printf("METRIC ops=%d unit=ops/s\\n", n)', [("ops", "ops/s", "max")]),
        ("METRIC a=1\nMETRIC a=2", [("a", "", "min")]),
        ("{'name': 'rps', 'value': 3}", [("rps", "", "max")]),
        ('{"name": "a"}', []),
        ('f"METRIC {name}={value}"', []),
        ("METRICS a=1", []),
        ("", []),
    ],
)
def test_metrics_that_a_source_names(text: str, metrics: list[tuple[str, str, str]]) -> None:
    found = [(each.name, each.unit, each.goal.value) for each in printed_metrics(text)]
    assert found == metrics
