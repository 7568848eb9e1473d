"""What the task file says of those who judge: checks, benchmark, what is sealed, tests that come first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from runner.measure.judge import Benchmark, Check, NewTests, Sealed
from runner.measure.reports import Format
from runner.model import Goal, Limits, MetricSpec, Source
from runner.task.file import CheckSection, TaskFile, TestsFirstSection
from runner.task.problems import shown


def sealed_of(
    folder: Path, target: Path, file: TaskFile, limits: Limits, problems: list[str]
) -> Sealed:
    section = file.sealed
    files = (folder / section.files).resolve() if section.files else None
    if files is not None and not files.is_dir():
        problems.append(f"sealed.files = {shown(section.files)}: {files} is no directory")
    if files is not None and target.is_relative_to(files):
        problems.append(
            f"sealed.files = {shown(section.files)}: holds the target itself, which all can see; it "
            "must be a folder of its own"
        )
    checks = checks_of("sealed.checks", section.checks, limits, problems)
    known = {check.name for check in file.checks}
    problems += (
        f"sealed.checks: {shown(check.name)} is the name of one of checks; names must differ"
        for check in section.checks
        if check.name in known
    )
    return Sealed(files, checks, section.benchmark or "")


def hidden_by(path: Path, target: Path, sealed: Sealed) -> tuple[str, ...]:
    """The globs that keep what is sealed out of every image: the files, and the task file, which
    has the commands."""
    if sealed == Sealed():
        return ()
    hidden = [(path.resolve(), "")]
    if sealed.files is not None:
        hidden.append((sealed.files, "/**"))
    return tuple(
        # A name is no glob: what is special in one stands for itself in brackets.
        re.sub(r"[*?[]", r"[\g<0>]", each.relative_to(target).as_posix()) + end
        for each, end in hidden
        if each.is_relative_to(target)
    )


def tests_first_of(section: TestsFirstSection | None, limits: Limits) -> NewTests | None:
    if section is None:
        return None
    timeout_s = section.timeout_s or limits.time_s
    return NewTests(tuple(section.tests), section.command, timeout_s)


def checks_of(
    key: str, sections: Sequence[CheckSection], limits: Limits, problems: list[str]
) -> tuple[Check, ...]:
    problems += repeated(key, (section.name for section in sections))
    for number, section in enumerate(sections, start=1):
        if section.format is not None and section.results is None:
            problems.append(
                f"{key}[{number}].format = {shown(str(section.format))}: says how a file of results "
                "is to be read; name the file: results"
            )
    return tuple(
        Check(
            section.name,
            section.command,
            section.timeout_s or limits.time_s,
            section.results or "",
            section.format or Format.JUNIT,
        )
        for section in sections
    )


def benchmark_of(file: TaskFile, limits: Limits, problems: list[str]) -> Benchmark:
    section = file.benchmark
    metrics = tuple(
        MetricSpec(metric.name, metric.goal, metric.unit, metric.source)
        for metric in section.metrics
    )
    names = [metric.name for metric in metrics]
    problems += repeated("benchmark.metrics", names)
    for metric in metrics:
        if metric.source is Source.CLOCK and (metric.unit not in ("", "s") or metric.goal is Goal.MAX):
            problems.append(
                f'benchmark.metrics: {shown(metric.name)} has source = "clock": it is a number of '
                'seconds, the fewer the better; its unit is "s", its goal "min"'
            )
    objective = section.objective
    if objective is None and len(metrics) > 1:
        problems.append(f"benchmark.objective: is missing; it must be one of: {', '.join(names)}")
    elif objective is not None and objective not in names:
        problems.append(
            f"benchmark.objective = {shown(objective)}: must be one of: {', '.join(names)}"
        )
    chosen = [metric for metric in metrics if metric.name == objective]
    return Benchmark(
        command=section.command,
        metrics=metrics,
        objective=(chosen or list(metrics))[0],
        pairs=section.pairs,
        warmup=section.warmup,
        timeout_s=section.timeout_s or limits.time_s,
        profile=section.profile or "",
    )


def repeated(key: str, names: Iterable[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{key}: {shown(name)} is there {count} times; names must differ"
