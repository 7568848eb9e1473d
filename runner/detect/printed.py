"""The metrics that a program's source seems to print, as far as their names stand in it."""

from __future__ import annotations

import re

from runner.model import Goal, MetricSpec

_METRIC = re.compile(
    r"\bMETRIC[ \t]{1,4}([A-Za-z0-9_][A-Za-z0-9_.:/%@+-]{0,127})="
    r"(?:[^\n]{0,200}?\bunit=([A-Za-z0-9_./%µ-]{1,32}))?"
)
_JSON_NAME = re.compile(
    r"[\"'](?:metric|name)[\"']\s{0,4}:\s{0,4}f?[\"']([A-Za-z0-9_][\w.:/%@+-]{0,127})[\"']"
)
_JSON_VALUE = re.compile(r"[\"']value[\"']\s{0,4}:")
_JSON_UNIT = re.compile(r"[\"']unit[\"']\s{0,4}:\s{0,4}[\"']([A-Za-z0-9_./%µ-]{1,32})[\"']")
_MORE_IS_BETTER = re.compile(
    r"per_s(?:ec(?:ond)?)?\b|_per_|throughput|(?:^|_)(?:ops|rps|qps|tps|fps|score|rate|accuracy|hits)(?:_|$)"
)
_RATES = re.compile(r"/s(?:ec)?$|^(?:ops|rps|qps|tps|fps)$")
_MOST = 20
_NEAR_CHARS = 300


def printed_metrics(text: str) -> tuple[MetricSpec, ...]:
    """``METRIC name=… unit=…``, or ``{"metric": "name", "value": …, "unit": …}``, as in the forms
    that a benchmark may print. A name that is computed isn't seen."""
    found: dict[str, MetricSpec] = {}
    for match in _METRIC.finditer(text):
        found.setdefault(match[1], metric(match[1], match[2] or ""))
        if len(found) == _MOST:
            break
    for match in _JSON_NAME.finditer(text) if not found else ():
        near = text[match.end() : match.end() + _NEAR_CHARS]
        if _JSON_VALUE.search(near):
            unit = _JSON_UNIT.search(near)
            found.setdefault(match[1], metric(match[1], unit[1] if unit else ""))
        if len(found) == _MOST:
            break
    return tuple(found.values())


def metric(name: str, unit: str) -> MetricSpec:
    """A metric, its better direction guessed from its name and unit."""
    more = bool(_RATES.search(unit) or (not unit and _MORE_IS_BETTER.search(name.lower())))
    return MetricSpec(name, Goal.MAX if more else Goal.MIN, unit)
