"""Prometheus's text format, and OpenMetrics, which adds exemplars.

A series' metric is named like the series, with the labels in square brackets in the order of
their names: ``latency_sum{path="/",method="GET"}`` is ``latency_sum[method=GET,path=/]``. A name
that ends in a unit, as the format asks for (``_seconds``, ``_bytes``), is in that unit. A line
without labels counts only in an exposition: behind a ``# HELP`` or ``# TYPE``, and before
anything that isn't Prometheus's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.measure.formats.names import with_parameters
from runner.measure.formats.sighting import Sighting, sighting, text_number

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*(?:\\.[^"\\]*)*"'
_LABELS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"')
_SAMPLE = re.compile(
    rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{{(?:{_LABEL}(?:, ?)?)*\}})?[ \t]+"
    r"([+-]?(?:[0-9.]|Inf|NaN|inf|nan)[^ \t]*)"
    r"(?:[ \t]+-?[0-9.]+)?"  # the time, in ms, or in s
    r"(?:[ \t]+# \{.*)?"  # an exemplar
)
_ESCAPED = re.compile(r"\\(.)")
_COMMENT = re.compile(r"# (?:HELP|TYPE|UNIT)(?: .*)?")
# A histogram's buckets and a summary's count are numbers of events, and _created is a time of day.
_UNIT = re.compile(r".*_(seconds|milliseconds|microseconds|nanoseconds|bytes)(?:_sum|_total|_max)?")
_UNITS = {
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
    "bytes": "B",
}


class PrometheusText:
    """Reads the lines of an exposition."""

    tool = "Prometheus"
    first = "#"
    mark = "} "

    def __init__(self) -> None:
        self.open = False

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if text.startswith("#"):
            self.open = text != "# EOF" and (self.open or bool(_COMMENT.fullmatch(text)))
            return
        sample = _SAMPLE.fullmatch(text)
        if sample is None:
            self.open = self.open and not text
        elif self.open or sample[2]:
            yield _series(sample[1], sample[2] or "", sample[3])


def _series(name: str, labels: str, value: str) -> Sighting:
    found = sorted((key, _ESCAPED.sub(r"\1", item)) for key, item in _LABELS.findall(labels))
    unit = _UNIT.fullmatch(name)
    return sighting(
        with_parameters(name, dict(found)),
        text_number(value),
        _UNITS[unit[1]] if unit else "",
    )
