"""What ``go test -bench`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.measure.formats.sighting import Sighting, sighting, text_number

_LINE = re.compile(r"(Benchmark[^ \t]*)[ \t]+[0-9]+((?:[ \t]+[^ \t]+[ \t]+[^ \t]+)+)")
_PROCESSORS = re.compile(r"-[0-9]+$")


def go_line(text: str) -> Iterator[Sighting]:
    """``BenchmarkX-8  1000  123 ns/op  16 B/op``: ``BenchmarkX`` in ns, ``BenchmarkX:B/op``, and
    the same with the number of processors, as in ``BenchmarkX-8``."""
    match = _LINE.fullmatch(text.strip())
    if not match:
        return
    full = match[1]
    words = match[2].split()
    for name in dict.fromkeys((_PROCESSORS.sub("", full), full)):
        for value, unit in zip(words[::2], words[1::2], strict=True):
            if unit == "ns/op":
                yield sighting(name, text_number(value), "ns", aside=name == full)
            else:
                yield sighting(f"{name}:{unit}", text_number(value), unit, aside=True)
