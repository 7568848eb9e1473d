"""What a good task file becomes. Bad ones are in ``test_task_problems.py``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.judge import NewTests, Sealed, Trials
from runner.measure.loaders import LoaderPolicy, Loaders
from runner.measure.reports import Format
from runner.model import Action, ActionKind, Goal, Limits, MetricSpec, Source, Target
from runner.planner.budget import BudgetLimits
from runner.planner.policy import SearchSettings
from runner.planner.reward import Thresholds
from runner.task import Benchmark, Check, Hooks, ImageSpec, load_task
from runner.task.files import target_files
from runner.task.quantity import duration_s, size_bytes, wish

MINIMAL = """
name = "t"
[[actions]]
name = "a"
command = "true"
[benchmark]
command = "b"
metrics = [{name = "m"}]
"""

FULL = """
name = "helios-2.0_x"
target = "src"
exclude = ["catalogue/**"]
setup = ["make", "echo 'it''s'"]
setup_timeout_s = "5m"
protected = ["tests/**", "bench.py"]
[image]
dockerfile = "docker/Dockerfile"
[[actions]]
catalogue = "catalogue"
[[actions]]
name = "tile=8"
command = "sed -i s/1/8/ x"
description = "Größer"
prior = 1
group = "tile"
tag = "knob"
open_ended = true
[[checks]]
name = "tests"
command = "pytest"
timeout_s = 60
results = "out/report.tap"
format = "tap"
[[checks]]
name = "lint"
command = "ruff"
results = "junit.xml"
[benchmark]
command = "python3 bench.py"
objective = "time"
metrics = [
    {name="mem", unit="kB"}, {name="time", unit="us", goal="min"}, {name="rate", goal="max"},
    {name="took", source="clock"},
]
pairs = 8
warmup = 0
timeout_s = "90s"
[limits]
memory = "512MiB"
cpus = 1.5
pids = 100
open_files = 512
time = "1h30m"
tmp = "1MiB"
shm = 65536
log = "8kB"
disk = "1.5GB"
[sandbox]
network = "allow"
hosts = ["PyPI.org", "*.pythonhosted.org:443"]
runtime = "runsc"
read_only = true
secrets = ["TOKEN"]
[search]
policy = "ucb1"
seed = 7
c = 1
beam_width = 5
verify_top = 1
verify_pairs = 20
[search.thresholds]
min_gain = 0.02
rejected_below = -0.2
failed_reward = -2
[budget]
nodes = 10
wall_time = 600
container_time = "1h30m"
snapshot_bytes = "4GiB"
target = ["time < 70", "rate>=9.5e1"]
[trials]
check_runs = 5
pairs = 20
[loaders]
policy = "note"
allow = ["package-lock.json", "**/*.pth"]
[sealed]
files = "sealed"
benchmark = "python3 sealed_bench.py"
[[sealed.checks]]
name = "held-out"
command = "pytest held_out"
results = "held_out.xml"
[tests_first]
tests = ["tests/**/test_*.py"]
command = "pytest {files}"
timeout_s = "2m"
[hooks]
pre_execution = ["./hook.sh", "an argument"]
backtrack = ["logger"]
timeout_s = 5
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a task file into a folder that has all that ``FULL`` names."""
    for path in ("src/tests/a/test_x.py", "src/bench.py", "docker/Dockerfile", "hook.sh"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("#!/bin/sh\n")
    (tmp_path / "hook.sh").chmod(0o755)
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "sealed").mkdir()
    (tmp_path / "catalogue/p.patch").write_text("Prior: 0.5\n--- a/x\n")

    def to_file(text: str) -> Path:
        path = tmp_path / "oppie.toml"
        path.write_text(text)
        return path

    return to_file


def test_a_minimal_file_leaves_the_rest_to_the_defaults(write: Write) -> None:
    task = load_task(write(MINIMAL))
    assert task.target == task.path.parent.resolve()
    assert task.image == ImageSpec(agent=True)
    assert task.limits == Limits()
    assert task.search == SearchSettings()
    assert task.budget == BudgetLimits(nodes=32)
    assert task.hooks == Hooks()
    assert task.actions == (Action("a", ActionKind.COMMAND, b"true"),)
    metric = MetricSpec("m")
    assert task.benchmark == Benchmark("b", (metric,), metric, 12, 1, Limits().time_s)
    assert (task.exclude, task.setup, task.protected, task.checks) == ((), (), (), ())
    assert (task.verify_top, task.verify_pairs) == (3, 40)
    assert (task.trials, task.loaders, task.sealed) == (Trials(3, 10), Loaders(), Sealed())
    assert task.tests_first is None
    assert task.setup_timeout_s == Limits().time_s


def test_a_file_with_every_key(write: Write) -> None:
    task = load_task(write(FULL))
    folder = task.path.parent
    assert task.name == "helios-2.0_x"
    assert task.target == folder / "src"
    assert task.exclude == ("catalogue/**",)
    assert task.setup == ("make", "echo 'it''s'")
    assert task.setup_timeout_s == 300.0
    assert task.protected == ("tests/**", "bench.py")
    assert task.image == ImageSpec(dockerfile=folder / "docker/Dockerfile")
    assert task.checks == (
        Check("tests", "pytest", 60.0, "out/report.tap", Format.TAP),
        Check("lint", "ruff", 5400.0, "junit.xml", Format.JUNIT),
    )
    assert task.hooks == Hooks(("./hook.sh", "an argument"), (), ("logger",), 5.0)
    assert (task.verify_top, task.verify_pairs) == (1, 20)


def test_actions_of_a_full_file(write: Write) -> None:
    patch, command = load_task(write(FULL)).actions
    assert (patch.key, patch.kind, patch.prior) == ("p", ActionKind.PATCH, 0.5)
    assert command == Action(
        "tile=8", ActionKind.COMMAND, b"sed -i s/1/8/ x", "Größer", "tile", 1.0, "knob", True
    )


def test_measurement_and_limits_of_a_full_file(write: Write) -> None:
    task = load_task(write(FULL))
    metrics = (
        MetricSpec("mem", Goal.MIN, "kB"),
        MetricSpec("time", Goal.MIN, "us"),
        MetricSpec("rate", Goal.MAX),
        MetricSpec("took", source=Source.CLOCK),
    )
    assert task.benchmark == Benchmark("python3 bench.py", metrics, metrics[1], 8, 0, 90.0)
    assert task.limits == Limits(
        time_s=5400.0,
        memory_bytes=512 << 20,
        cpus=1.5,
        pids=100,
        open_files=512,
        log_bytes=8000,
        tmp_bytes=1 << 20,
        shm_bytes=65536,
        disk_bytes=1_500_000_000,
        runtime="runsc",
    )
    assert (task.read_only, task.secrets) == (True, ("TOKEN",))


def test_only_what_goes_out_may_reach_the_hosts(write: Write) -> None:
    task = load_task(write(FULL))
    assert task.hosts == ("pypi.org", "*.pythonhosted.org:443")
    assert task.limits.hosts == ()
    assert task.outgoing == replace(task.limits, hosts=task.hosts)


def test_search_and_budget_of_a_full_file(write: Write) -> None:
    task = load_task(write(FULL))
    thresholds = Thresholds(min_gain=0.02, rejected_below=-0.2, failed_reward=-2.0)
    assert task.search == SearchSettings("ucb1", 7, 1.0, 5, thresholds)
    targets = (Target("time", "<", 70.0), Target("rate", ">=", 95.0))
    assert task.budget == BudgetLimits(10, 600.0, 5400.0, 4 << 30, targets)


def test_trust_in_a_full_file(write: Write) -> None:
    task = load_task(write(FULL))
    assert task.trials == Trials(check_runs=5, pairs=20)
    assert task.loaders == Loaders(LoaderPolicy.NOTE, ("package-lock.json", "**/*.pth"))
    held_out = Check("held-out", "pytest held_out", 5400.0, "held_out.xml")
    folder = task.path.parent / "sealed"
    assert task.sealed == Sealed(folder, (held_out,), "python3 sealed_bench.py")
    assert task.tests_first == NewTests(("tests/**/test_*.py",), "pytest {files}", 120.0)


def test_a_part_of_a_section_leaves_the_rest_of_it_to_the_defaults(write: Write) -> None:
    sections = (
        "[trials]\npairs = 5\n"
        '[loaders]\nallow = ["a"]\n'
        '[sealed]\nbenchmark = "b"\n'
        '[tests_first]\ntests = ["t"]\ncommand = "c"\n'
        '[limits]\ntime = "3m"\n'
    )
    task = load_task(write(MINIMAL + sections))
    assert task.trials == Trials(3, 5)
    assert task.loaders == Loaders(LoaderPolicy.TAMPERED, ("a",))
    assert task.sealed == Sealed(None, (), "b")
    assert task.tests_first == NewTests(("t",), "c", 180.0)


def test_without_actions_it_is_a_task(write: Write) -> None:
    text = 'name = "t"\n[benchmark]\ncommand = "b"\nmetrics = [{name = "m"}]\n'
    assert load_task(write(text)).actions == ()
    assert load_task(write("actions = []\n" + text)).actions == ()


@pytest.mark.parametrize(
    ("target", "files", "exclude"),
    [
        (".", "sealed", ("oppie.toml", "sealed/**")),
        (".", "src/tests", ("oppie.toml", "src/tests/**")),
        ("src", "sealed", ()),
        ("src", "src/tests/a", ("tests/a/**",)),
    ],
)
def test_what_is_sealed_is_left_out_of_the_targets_copy(
    write: Write, target: str, files: str, exclude: tuple[str, ...]
) -> None:
    text = MINIMAL.replace("[[actions]]", f'target = "{target}"\n[[actions]]', 1)
    task = load_task(write(text + f'[sealed]\nfiles = "{files}"\n'))
    assert task.exclude == exclude
    assert task.sealed.files == task.path.parent / files


def test_a_sealed_folder_with_the_name_of_a_glob_is_left_out_alone(write: Write) -> None:
    path = write(MINIMAL + '[sealed]\nfiles = "a[b]*?"\n')
    for name in ("a[b]*?", "ab", "abcd"):
        (path.parent / name).mkdir()
        (path.parent / name / "x").touch()
    task = load_task(path)
    left = set(target_files(task.target, task.exclude))
    assert {"ab/x", "abcd/x"} <= left
    assert "a[b]*?/x" not in left


@pytest.mark.parametrize("unit", ["", "s"])
def test_the_clock_is_a_metric_in_seconds(write: Write, unit: str) -> None:
    metric = f'{{name = "m", source = "clock", unit = "{unit}"}}'
    task = load_task(write(MINIMAL.replace('{name = "m"}', metric)))
    assert task.benchmark.objective == MetricSpec("m", Goal.MIN, unit, Source.CLOCK)


@pytest.mark.parametrize("format_", Format)
def test_every_format_of_results_can_be_asked_for(write: Write, format_: Format) -> None:
    check = f'[[checks]]\nname = "c"\ncommand = "x"\nresults = "r"\nformat = "{format_}"\n'
    (found,) = load_task(write(MINIMAL + check)).checks
    assert found.format is format_


def test_a_folder_stands_for_the_file_in_it(write: Write) -> None:
    path = write(MINIMAL)
    assert load_task(path.parent) == load_task(path)


def test_relative_paths_start_at_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(FULL)
    monkeypatch.chdir(path.parent / "docker")
    task = load_task(Path("../oppie.toml"))
    assert task.target == path.parent / "src"
    assert task.actions[0].key == "p"


@pytest.mark.parametrize(
    ("image", "spec"),
    [
        ("agent = true", ImageSpec(agent=True)),
        ('name = "debian:12"', ImageSpec(name="debian:12")),
        ('name = "h:5000/a/b@sha256:0f"', ImageSpec(name="h:5000/a/b@sha256:0f")),
        ('agent = false\nname = "x"', ImageSpec(name="x")),
    ],
)
def test_images(write: Write, image: str, spec: ImageSpec) -> None:
    assert load_task(write(MINIMAL + "[image]\n" + image)).image == spec


@pytest.mark.parametrize(
    ("budget", "nodes"),
    [
        *(("nodes = 5", 5), ('wall_time = "1m"', None), ('container_time = "1h"', None)),
        *(('snapshot_bytes = "1GB"', 32), ("", 32)),
    ],
)
def test_a_search_is_always_limited(write: Write, budget: str, nodes: int | None) -> None:
    assert load_task(write(MINIMAL + "[budget]\n" + budget)).budget.nodes == nodes


def test_files_of_a_target(tmp_path: Path) -> None:
    for name in (".git/config", "sub/.git/HEAD", "sub/a", "big/deep/x", "b.py", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "to-folder").symlink_to("sub")
    (tmp_path / "broken").symlink_to("nowhere")
    assert sorted(target_files(tmp_path, ("big/**",))) == sorted(
        ["sub/a", "b.py", ".hidden", "to-folder", "broken"]
    )
    assert "big/deep/x" in set(target_files(tmp_path))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("0B", 0), ("1 kB", 1000), ("1KB", 1000), ("512MiB", 512 << 20), ("4GiB", 4 << 30)),
        *(("1.5GB", 1_500_000_000), ("0.5KiB", 512), ("2TB", 2 * 10**12), (7, 7)),
    ],
)
def test_sizes(text: str | int, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "5", "5m", "MiB", "-1B", "1e3B", "١MB", "1 MB 2", "5 mib", "0x1B", -1, True, 1.5, None],
)
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match='such as "512MiB"'):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("1.5s", 1.5)),
        *(("250ms", 0.25), ("1m30s500ms", 90.5), (60, 60), (0.5, 0.5)),
    ],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "10 m",
        "m",
        "-1s",
        "1s2",
        "1s 2m",
        "1m1m",
        "١s",
        "1e3s",
        math.inf,
        math.nan,
        True,
        None,
    ],
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match='such as "90s"'):
        duration_s(text)


@pytest.mark.parametrize("text", [0, 0.0, -5, "0s"])
def test_a_duration_is_longer_than_nothing(text: object) -> None:
    with pytest.raises(ValueError, match="longer than 0"):
        duration_s(text)


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_parts_of_a_duration_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h{minutes}m{seconds}s"
    assert duration_s(text) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a < 70", Target("a", "<", 70.0)),
        ("  a<=-0.5", Target("a", "<=", -0.5)),
        ("BenchmarkX:B/op >= 1e3", Target("BenchmarkX:B/op", ">=", 1000.0)),
        ("a=b > 1", Target("a=b", ">", 1.0)),
    ],
)
def test_wishes(text: str, target: Target) -> None:
    assert wish(text) == target


@pytest.mark.parametrize(
    "text",
    ["", "a", "a 5", "a = 5", "a == 5", "a << 5", "a < b", "< 5", "a < 5 us", "a < 1e", "a < nan"],
)
def test_what_is_no_wish(text: str) -> None:
    with pytest.raises(ValueError, match="vst_commit_us < 70"):
        wish(text)
