"""The benchmark tools that are known, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from shlex import quote

from runner.detect.commands import python_path
from runner.detect.framework import Project
from runner.detect.globs import Globs
from runner.detect.table.shapes import CMAKE_BUILD
from runner.detect.tree import Tree

# A file of benchmarks, and their names -> the command that measures them; "" if it can't be told.
Runs = Callable[[Tree, Project, str, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Tool:
    """A benchmark tool. In one of ``files``, ``pattern`` finds benchmarks by their names, which are
    printed with the name of the file's class if ``qualified``; a file with ``computed`` in it has
    names that only a run tells. ``calls`` are words by which scripts call the tool."""

    name: str
    ecosystem: str
    files: Globs
    pattern: str
    runs: Runs
    unit: str
    calls: tuple[tuple[str, ...], ...]
    computed: str = r"(?!)"
    qualified: bool = False
    needs: tuple[str, ...] = ()


def _pytest_benchmark(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    del names
    paths = python_path(tree, project)
    export = f"export {' '.join(paths)} && " if paths else ""
    file = quote(project.inner(path))
    return f"{export}python3 -m pytest -q --color=no --benchmark-only {file}"


def _go(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    del tree
    package = quote(f"./{project.inner(path).rpartition('/')[0]}")
    return f"go test -run '^$' -bench '^({'|'.join(names)})$' {package}"


def _criterion(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    del names
    if "criterion" not in tree.text(project.path("Cargo.toml")):
        return ""
    stem = path.rpartition("/")[2].removesuffix(".rs")
    return f"cargo bench --color never --bench {quote(stem)} -- --noplot"


def _executable(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    """The program of the nearest CMakeLists.txt that is made of the file, built first."""
    del names
    folder, _, file = path.rpartition("/")
    while True:
        lists = f"{folder}/CMakeLists.txt" if folder else "CMakeLists.txt"
        for match in _ADD_EXECUTABLE.finditer(tree.text(lists)):
            if file in (word.rpartition("/")[2] for word in match[2].split()):
                inner = f"{project.inner(folder)}/" if project.inner(folder) else ""
                return f'{CMAKE_BUILD} && "$HOME"/.cache/oppie-build/{quote(inner + match[1])}'
        if folder == project.folder:
            return ""
        folder = folder.rpartition("/")[0]


def _jmh(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    """The plugin of Gradle, or the jar that Maven's archetype makes."""
    del path, names
    if "jmh" in tree.text(project.path("pom.xml")):
        return "mvn -B -o -q -Dstyle.color=never -DskipTests package && java -jar target/benchmarks.jar"
    if any("jmh" in tree.text(project.path(f"build.gradle{kind}")) for kind in ("", ".kts")):
        program = "./gradlew" if project.path("gradlew") in tree else "gradle"
        return f"{program} --offline --no-daemon --console=plain jmh"
    return ""


def _benchmark_dot_net(tree: Tree, project: Project, path: str, names: Sequence[str]) -> str:
    """The project file in the nearest folder above that asks for BenchmarkDotNet."""
    del names
    folder = path.rpartition("/")[0]
    while True:
        for file in project.files:
            if file.rpartition("/")[0] == folder and file.endswith(("csproj", "fsproj")):
                asks = "BenchmarkDotNet" in tree.text(file)
                inner = quote(project.inner(file))
                return f"dotnet run -c Release --project {inner} -- --filter '*'" if asks else ""
        if folder == project.folder:
            return ""
        folder = folder.rpartition("/")[0]


_ADD_EXECUTABLE = re.compile(r"\badd_executable\s{0,9}\(\s{0,99}(\w{1,99})\s([^()]{0,9999})\)")
_CPP = Globs("**/*.cc", "**/*.cpp", "**/*.cxx")

TOOLS: tuple[Tool, ...] = (
    Tool(
        "pytest-benchmark",
        "python",
        Globs("**/test_*.py", "**/*_test.py", "**/bench_*.py"),
        r"^def (test_\w{1,99})\((?:[^)\n]{0,300}, ?)?benchmark\b",
        _pytest_benchmark,
        "us",
        (("--benchmark-only",), ("--benchmark-json",), ("--benchmark-autosave",)),
        computed=r"parametrize\b",
        needs=("python3-pytest-benchmark",),
    ),
    Tool(
        "Go",
        "go",
        Globs("**/*_test.go"),
        r"^func (Benchmark[A-Z_0-9]\w{0,99})\(\w{1,20} \*testing\.B\)",
        _go,
        "ns",
        (("go", "test", "-bench"), ("go", "test", "--bench")),
        computed=r"\.Run\(",
        needs=("golang-go",),
    ),
    Tool(
        "Criterion",
        "rust",
        Globs("benches/**/*.rs", "*/benches/**/*.rs"),
        r"\.bench_function\(\s{0,40}\"([^\"\n]{1,99})\"",
        _criterion,
        "ns",
        (("cargo", "bench"),),
        computed=r"benchmark_group\(|BenchmarkId\b",
        needs=("cargo",),
    ),
    Tool(
        "Google Benchmark",
        "cmake",
        _CPP,
        r"^BENCHMARK\((\w{1,99})\)[ \t]{0,9};",
        _executable,
        "ns",
        (("--benchmark_filter",), ("--benchmark_format",)),
        computed=r"^BENCHMARK\(\w{1,99}\)[ \t]{0,9}[^;\s]",
        needs=("cmake", "g++", "make", "libbenchmark-dev"),
    ),
    Tool(
        "Catch2",
        "cmake",
        _CPP,
        r"\bBENCHMARK(?:_ADVANCED)?\(\"([^\"\n]{1,99})\"\)",
        _executable,
        "ns",
        (("--benchmark-samples",),),
        needs=("cmake", "g++", "make", "catch2"),
    ),
    Tool(
        "JMH",
        "java",
        Globs("**/*.java"),
        r"@Benchmark\b(?:\s{1,40}@\w{1,40}(?:\([^()\n]{0,99}\))?){0,9}"
        r"\s[^;{}()@]{0,200}?\b(\w{1,99})\(",
        _jmh,
        "",
        (("jmh",),),
        computed=r"@Param\b",
        qualified=True,
        needs=("default-jdk-headless",),
    ),
    Tool(
        "BenchmarkDotNet",
        "dotnet",
        Globs("**/*.cs"),
        r"\[Benchmark\b[^\]\n]{0,99}\](?:\s{0,40}\[[^\]\n]{0,99}\]){0,9}"
        r"\s[^;{}()]{0,200}?\b(\w{1,99})\(",
        _benchmark_dot_net,
        "ns",
        (("dotnet", "run", "--filter"),),
        computed=r"\[(?:Params|Arguments|ArgumentsSource)\b",
        needs=("dotnet-sdk",),
    ),
)
