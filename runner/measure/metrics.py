"""Log lines become metrics: one value for each declared metric, or the reason why not.

What is read is listed in ``runner.measure.formats`` and ``runner.measure.pytest_benchmark``; all
other lines are passed over. A metric that is missing, printed more than once, not finite, or in a
unit that doesn't go with the declared one is no metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.measure.formats import Sighting, go_line, json_line, metric_line
from runner.measure.lines import MAX_LINE_BYTES, MAX_LINES, Skipped, clean_lines
from runner.measure.pytest_benchmark import BenchmarkDocument, BenchmarkTable
from runner.measure.units import convert
from runner.model import Metric, MetricSpec


@dataclass(frozen=True, slots=True)
class Reading:
    """``metrics`` in the order of their declaration. ``reason`` is "" if all of them are there,
    and else says what is wrong with the others; ``duplicated`` if one was printed twice."""

    metrics: tuple[Metric, ...]
    reason: str = ""
    duplicated: bool = False


@dataclass(slots=True)
class _Seen:
    """The first sighting of a metric, its line, and how many there were."""

    first: Sighting
    line: int
    count: int = 1


def read_metrics(lines: Iterable[bytes], specs: Sequence[MetricSpec]) -> Reading:
    """Read the declared metrics from a program's output, a line at a time.

    A metric in a declared unit is converted into it; without one, it keeps the unit it was
    printed with. Memory is bounded, whatever the output, if each line is.
    """
    skipped = Skipped()
    seen, document = _collect(lines, {spec.name for spec in specs}, skipped)
    if skipped.cut:
        return Reading((), f"more than {MAX_LINES} lines were printed")
    metrics: list[Metric] = []
    reasons: list[str] = []
    for spec in specs:
        result = _resolve(spec, seen.get(spec.name))
        if isinstance(result, Metric):
            metrics.append(result)
        else:
            reasons.append(f"{spec.name} {result}")
    if reasons and skipped.long_line:
        reasons.append(f"line {skipped.long_line} has over {MAX_LINE_BYTES} bytes and was not read")
    if reasons and document.dropped:
        reasons.append("a JSON document was too long to be read")
    duplicated = any(seen[spec.name].count > 1 for spec in specs if spec.name in seen)
    return Reading(tuple(metrics), "; ".join(reasons), duplicated)


def _collect(
    lines: Iterable[bytes], names: set[str], skipped: Skipped
) -> tuple[dict[str, _Seen], BenchmarkDocument]:
    document, table = BenchmarkDocument(), BenchmarkTable()
    seen: dict[str, _Seen] = {}
    tabled: dict[str, _Seen] = {}
    for number, text in clean_lines(lines, skipped):
        for sighting in _sightings(text, document):
            _note(seen, sighting, number, names)
        for sighting in table.feed(text):
            _note(tabled, sighting, number, names)
    # pytest-benchmark prints its table in any case, beside the JSON that has all the digits.
    return tabled | seen, document


def _sightings(text: str, document: BenchmarkDocument) -> Iterator[Sighting]:
    if text.startswith("METRIC"):
        yield from metric_line(text)
    elif text.startswith("Benchmark"):
        yield from go_line(text)
    else:
        yield from json_line(text)
    yield from document.feed(text)


def _note(seen: dict[str, _Seen], sighting: Sighting, line: int, names: set[str]) -> None:
    if sighting.name not in names:
        return
    if sighting.name in seen:
        seen[sighting.name].count += 1
    else:
        seen[sighting.name] = _Seen(sighting, line)


def _resolve(spec: MetricSpec, seen: _Seen | None) -> Metric | str:
    if seen is None:
        return "was not printed"
    if seen.count > 1:
        return f"was printed {seen.count} times, first on line {seen.line}"
    first = seen.first
    if first.problem:
        return f"{first.problem} (line {seen.line})"
    value = convert(first.value, first.unit, spec.unit)
    if value is None:
        return f"was printed in {first.unit!a}, declared in {spec.unit!r} (line {seen.line})"
    return Metric(spec.name, value, spec.unit or first.unit)
