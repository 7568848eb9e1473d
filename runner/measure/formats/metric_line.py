"""``METRIC`` lines: the format that needs no tool."""

from __future__ import annotations

from collections.abc import Iterator

from runner.measure.formats.sighting import Number, Sighting, quoted, sighting, text_number


def metric_line(text: str) -> Iterator[Sighting]:
    """``METRIC name=value unit=us``, or several: ``METRIC a=1 unit=us b=2 unit=B c=3``.

    A unit belongs to the value before it. On a line with anything else in it, no value counts.
    """
    words = text.split()
    if not words or words[0] != "METRIC":
        return
    found: list[tuple[str, str, str]] = []
    broken = ""
    for word in words[1:]:
        name, equals, value = word.rpartition("=")
        if name == "unit" and found and not found[-1][2]:
            found[-1] = (*found[-1][:2], value)
        elif equals and name != "unit":
            found.append((name, value, ""))
        else:
            broken = broken or word
    for name, value, unit in found:
        if broken:
            yield Sighting(
                name, Number(problem=f"is on a METRIC line with a stray {quoted(broken)}")
            )
        else:
            yield sighting(name, text_number(value), unit)
