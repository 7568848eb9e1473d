"""All the readers, and the choice of those that are asked about a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.measure.formats.benchmarkdotnet import BenchmarkDotNetTable
from runner.measure.formats.catch2 import Catch2Table, Catch2Xml
from runner.measure.formats.criterion import CriterionConsole
from runner.measure.formats.documents import Documents
from runner.measure.formats.go import go_line
from runner.measure.formats.google import GoogleCsv, GoogleTable
from runner.measure.formats.hyperfine import HyperfineReport
from runner.measure.formats.jmh import JmhTable
from runner.measure.formats.metric_line import metric_line
from runner.measure.formats.prometheus import PrometheusText
from runner.measure.formats.pytest_benchmark import PytestBenchmarkTable
from runner.measure.formats.reader import LineReader, SingleLines
from runner.measure.formats.sighting import Sighting

# What a line of JSON may begin with, and the byte order mark of a file that some tools write.
_JSON = "{[}]\ufeff"


def line_readers() -> tuple[LineReader, ...]:
    """A new reader of each kind."""
    return (
        SingleLines("METRIC", "M", metric_line),
        SingleLines("Go", "B", go_line),
        PytestBenchmarkTable(),
        HyperfineReport(),
        CriterionConsole(),
        GoogleTable(),
        GoogleCsv(),
        JmhTable(),
        Catch2Table(),
        Catch2Xml(),
        BenchmarkDotNetTable(),
        PrometheusText(),
    )


class Readers:
    """Reads one program's output, a line at a time.

    Almost all lines of most programs are no reader's: those are told by their first character
    and by two searches, because there may be a million of them.
    """

    def __init__(self) -> None:
        self._documents = Documents()
        readers = line_readers()
        firsts = {character for reader in readers for character in reader.first}
        self._first = {
            character: tuple(reader for reader in readers if character in reader.first)
            for character in firsts | set(_JSON)
        }
        self._marked = tuple((reader.mark, reader) for reader in readers if reader.mark)
        self._open: list[LineReader] = []
        self._previous = ""

    @property
    def dropped(self) -> bool:
        """Whether a document was too long to be read."""
        return self._documents.dropped

    def feed(self, text: str) -> Iterable[tuple[str, Sighting]]:
        """The metrics that a line completes, each with its tool."""
        previous, self._previous = self._previous, text
        asked = self._first.get(text[:1])
        marked = [reader for mark, reader in self._marked if mark in text]
        if asked is None and not marked and not self._open and not self._documents.open:
            return ()
        return self._ask(dict.fromkeys((*(asked or ()), *marked, *self._open)), text, previous)

    def _ask(
        self, readers: Iterable[LineReader], text: str, previous: str
    ) -> Iterator[tuple[str, Sighting]]:
        for reader in readers:
            for sighting in reader.feed(text, previous):
                yield reader.tool, sighting
        self._open = [reader for reader in readers if reader.open]
        if text[:1] in _JSON or self._documents.open:
            yield from self._documents.feed(text)
