"""Log lines become metrics: one value for each declared metric, or the reason why not.

What is read is listed in ``runner.measure.formats``; all other lines are passed over. A metric
that is missing, printed more than once, not finite, or in a unit that doesn't go with the declared
one is no metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.measure.formats.json_values import is_number
from runner.measure.formats.readers import Readers
from runner.measure.lines import MAX_LINE_BYTES, MAX_LINES, Skipped, clean_lines
from runner.measure.seen import Seen, Sightings
from runner.measure.units import convert
from runner.model import Metric, MetricSpec


@dataclass(frozen=True, slots=True)
class Reading:
    """``metrics`` in the order of their declaration. ``reason`` is "" if all of them are there,
    and else says what is wrong with the others; ``duplicated`` if one was printed twice.

    ``samples`` has, by the name of a metric that is there, the numbers behind its value, in its
    unit and in the order in which they were printed; only of tools that print them, and no more
    than ``MAX_SAMPLES`` (``runner.measure.seen``) each. ``notes`` say which aren't all there.
    """

    metrics: tuple[Metric, ...]
    reason: str = ""
    duplicated: bool = False
    samples: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_metrics(lines: Iterable[bytes], specs: Sequence[MetricSpec]) -> Reading:
    """Read the declared metrics from a program's output, a line at a time.

    A metric in a declared unit is converted into it; without one, it keeps the unit it was
    printed with. Memory is bounded, whatever the output, if each line is.
    """
    skipped, readers = Skipped(), Readers()
    sightings = Sightings([spec.name for spec in specs])
    for number, text in clean_lines(lines, skipped):
        for tool, found in readers.feed(text):
            sightings.note(tool, found, number)
    if skipped.cut:
        return Reading((), f"more than {MAX_LINES} lines were printed")
    return _reading(specs, sightings, _unread(skipped, readers))


def _unread(skipped: Skipped, readers: Readers) -> list[str]:
    """What may be why a metric is missing."""
    reasons: list[str] = []
    if skipped.long_line:
        reasons.append(f"line {skipped.long_line} has over {MAX_LINE_BYTES} bytes and was not read")
    if readers.dropped:
        reasons.append("a JSON document was too long to be read")
    return reasons


def _reading(specs: Sequence[MetricSpec], sightings: Sightings, unread: Sequence[str]) -> Reading:
    metrics: list[Metric] = []
    samples: dict[str, tuple[float, ...]] = {}
    reasons: list[str] = []
    notes: list[str] = []
    duplicated = False
    for spec in specs:
        seen = sightings.of(spec.name)
        if seen is None:
            reasons.append(f"{spec.name} was not printed{_instead(spec.name, sightings)}")
            continue
        duplicated = duplicated or seen.count > 1
        result = _resolve(spec, seen)
        if isinstance(result, str):
            reasons.append(f"{spec.name} {result}")
            continue
        metrics.append(result)
        kept, note = _samples(seen, result)
        if kept:
            samples[spec.name] = kept
        if note:
            notes.append(f"{spec.name} {note}")
    reason = "; ".join((*reasons, *unread)) if reasons else ""
    return Reading(tuple(metrics), reason, duplicated, samples, tuple(notes))


def _instead(name: str, sightings: Sightings) -> str:
    others = sightings.others_like(name)
    return f" (seen: {', '.join(others)})" if others else ""


def _resolve(spec: MetricSpec, seen: Seen) -> Metric | str:
    if seen.count > 1:
        return f"was printed {seen.count} times, first on line {seen.line}"
    best = seen.best
    if best.number.problem:
        return f"{best.number.problem} (line {seen.line})"
    value = convert(best.number.value, best.unit, spec.unit)
    if value is None:
        return f"was printed in {best.unit!a}, declared in {spec.unit!r} (line {seen.line})"
    if not math.isfinite(value):
        return f"is not finite in {spec.unit!r} (line {seen.line})"
    return Metric(spec.name, value, spec.unit or best.unit)


def _samples(seen: Seen, metric: Metric) -> tuple[tuple[float, ...], str]:
    """The samples in the metric's unit, and what is to be said of them."""
    kept: list[float] = []
    samples = seen.samples
    for sample in samples.values:
        value = convert(float(sample), samples.unit, metric.unit) if is_number(sample) else None
        if value is None or not math.isfinite(value):
            return (), "has samples that are not all finite numbers: none are kept"
        kept.append(value)
    if samples.count > len(kept):
        return tuple(kept), f"has {samples.count} samples, of which {len(kept)} are kept"
    return tuple(kept), ""
