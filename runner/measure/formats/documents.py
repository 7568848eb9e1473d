"""JSON documents in a program's output: found, put together, and handed to the tools' readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import Any

from runner.measure.formats.benchmarkdotnet import benchmarkdotnet_report
from runner.measure.formats.criterion import CriterionFiles, criterion_message
from runner.measure.formats.google import google_report
from runner.measure.formats.hyperfine import hyperfine_export
from runner.measure.formats.jmh import jmh_results
from runner.measure.formats.json_line import json_map
from runner.measure.formats.json_values import as_object, as_objects, parse_json
from runner.measure.formats.pytest_benchmark import pytest_benchmark_report
from runner.measure.formats.sighting import Sighting

MAX_DOCUMENT_CHARS = 4 << 20

# The metrics of an object's fields; ``None`` if it isn't this tool's.
ReadObject = Callable[[dict[str, Any]], Iterator[Sighting] | None]


class Documents:
    """Reads JSON that is on one line, or spread over lines: from an opening bracket to a closing
    one, each of which is alone on its line and not indented. ``dropped`` turns true once a
    document was too long; ``open`` is true inside one."""

    def __init__(self) -> None:
        self._objects = _Collector("{", "}")
        self._arrays = _Collector("[", "]")
        files = CriterionFiles()
        # Asked are those whose key an object has: most objects are a log's, and have none.
        self._readers: tuple[tuple[str, str, ReadObject], ...] = (
            ("benchmarks", "pytest-benchmark", pytest_benchmark_report),
            ("benchmarks", "Google Benchmark", google_report),
            ("results", "hyperfine", hyperfine_export),
            ("reason", "Criterion", criterion_message),
            ("group_id", "Criterion", files.benchmark),
            ("median", "Criterion", files.estimates),
            ("iters", "Criterion", files.sample),
            ("Benchmarks", "BenchmarkDotNet", benchmarkdotnet_report),
        )

    @property
    def open(self) -> bool:
        return self._objects.open or self._arrays.open

    @property
    def dropped(self) -> bool:
        return self._objects.dropped or self._arrays.dropped

    def feed(self, text: str) -> Iterable[tuple[str, Sighting]]:
        """The metrics of the documents that this line is, or ends, each with its tool."""
        text = text.removeprefix("\ufeff")
        found: list[Iterable[tuple[str, Sighting]]] = []
        if text.startswith("{") and text.endswith("}"):
            found.append(self._object(parse_json(text), alone=True))
        whole = self._objects.feed(text)
        if whole:
            found.append(self._object(parse_json(whole), alone=False))
        whole = self._arrays.feed(text)
        if whole:
            found.append(zip(repeat("JMH"), jmh_results(as_objects(parse_json(whole)))))
        return chain.from_iterable(found)

    def _object(self, document: Any, alone: bool) -> Iterable[tuple[str, Sighting]]:
        if not isinstance(document, tuple):
            return ()
        fields = as_object(document)
        for key, tool, read in self._readers:
            sightings = read(fields) if key in fields else None
            if sightings is not None:
                return zip(repeat(tool), sightings)
        return zip(repeat("JSON"), json_map(document)) if alone else ()


class _Collector:
    """The lines from an opening bracket to a closing one; another opening one starts over."""

    def __init__(self, opening: str, closing: str) -> None:
        # Where a file ends without a line's end, the next one begins on its last line.
        self._openings = {opening, "}" + opening, "]" + opening}
        self._closings = {closing, closing + "{", closing + "["}
        self._opening = opening
        self._closing = closing
        self._lines: list[str] = []
        self._chars = 0
        self.open = False
        self.dropped = False

    def feed(self, text: str) -> str:
        """The document that this line ends, or ""."""
        whole = ""
        if self.open and text in self._closings:
            whole = "\n".join((*self._lines, self._closing))
            self._close()
        if text in self._openings:
            self._lines, self._chars, self.open = [self._opening], 1, True
        elif self.open:
            line = text.lstrip()
            self._lines.append(line)
            self._chars += len(line) + 1
            if self._chars > MAX_DOCUMENT_CHARS:
                self.dropped = True
                self._close()
        return whole

    def _close(self) -> None:
        self._lines, self.open = [], False
