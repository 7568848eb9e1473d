"""What JMH prints: its table, and the file of ``-rf json``.

A benchmark's metric is named like its class and method (``SortBench.quick``), followed by its
parameters (``SortBench.quick[size=1024]``); the full name works as well, and so does the name
followed by the mode (``SortBench.quick:avgt``). In JSON it is the median of the iterations, and
``name:score`` is their mean, the score; the table has only the score. A profiler's are
``name:gc.alloc.rate.norm`` and so on. The unit is JMH's: ``us/op`` is a time, ``ops/s`` a rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.measure.formats.json_values import as_list, as_object, as_text
from runner.measure.formats.names import with_parameters
from runner.measure.formats.sighting import (
    Number,
    Rank,
    Sighting,
    json_number,
    quoted,
    sighting,
    text_number,
)

_MODES = ("thrpt", "avgt", "sample", "ss")
_COLUMNS = ["Mode", "Cnt", "Score", "Error", "Units"]


class JmhTable:
    """Reads the table at the end, from its head to a blank line."""

    tool = "JMH"
    first = "B"
    mark = ""

    def __init__(self) -> None:
        self._parameters: list[str] = []
        self.open = False

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if text.startswith("Benchmark ") and text.split()[-5:] == _COLUMNS:
            self._parameters = [word.strip("()") for word in text.split()[1:-5]]
            self.open = True
        elif not text:
            self.open = False
        elif self.open:
            yield from self._row(text.split())

    def _row(self, words: list[str]) -> Iterator[Sighting]:
        mode = 1 + len(self._parameters)
        if len(words) <= mode or words[mode] not in _MODES:
            return
        given = dict(zip(self._parameters, words[1:mode], strict=True))
        name, colon, profiler = words[0].partition(":")
        name = with_parameters(name, {key: item for key, item in given.items() if item != "N/A"})
        name += colon + profiler.lstrip("·")
        number, unit = _score(words[mode + 1 :])
        for full in (name, f"{name}:{words[mode]}"):
            aside = bool(colon) or full != name
            yield sighting(full, number, unit, rank=Rank.SHOWN, aside=aside)


def _score(words: Sequence[str]) -> tuple[Number, str]:
    """The score and its unit, from ``[Cnt] Score [± Error] Units``. Where the locale has no ± it is
    a question mark, and so is the ≈ of a score that is only approximate, which is no number."""
    problem = f"is not a finite decimal number: {quoted(' '.join(words[:8]))}"
    match words:
        case ["≈" | "?", *_]:
            pass
        case [_, score, "±" | "?", _, unit] | [_, score, unit] | [score, unit]:
            if text_number(unit).problem:  # else the columns aren't what they seem
                return text_number(score), unit
    return Number(problem=problem), ""


def jmh_results(results: Sequence[dict[str, Any]]) -> Iterator[Sighting]:
    """The metrics of a ``-rf json`` file."""
    for result in results:
        if as_text(result.get("benchmark")) and "primaryMetric" in result:
            yield from _result(result)


def _result(result: dict[str, Any]) -> Iterator[Sighting]:
    given = {key: as_text(item) for key, item in as_object(result.get("params")).items()}
    benchmark = as_text(result["benchmark"])
    short = ".".join(benchmark.split(".")[-2:])
    primary = as_object(result["primaryMetric"])
    for full in dict.fromkeys((short, benchmark)):
        name = with_parameters(full, given)
        aside = full != short
        yield from _metric(name, primary, aside)
        yield from _metric(f"{name}:{as_text(result.get('mode'))}", primary, True)
        for key, metric in as_object(result.get("secondaryMetrics")).items():
            yield from _metric(f"{name}:{key.lstrip('·')}", as_object(metric), True)


def _metric(name: str, metric: dict[str, Any], aside: bool) -> Iterator[Sighting]:
    unit = as_text(metric.get("scoreUnit"))
    score = json_number(metric.get("score"))
    middle = as_object(metric.get("scorePercentiles")).get("50.0")
    number = score if middle is None else json_number(middle)
    # One array for each fork; in the sampling mode there is a histogram instead.
    samples = [one for fork in as_list(metric.get("rawData")) for one in as_list(fork)]
    yield Sighting(name, number, unit, score, samples, aside=aside)
    yield sighting(f"{name}:score", score, unit, aside=True)
