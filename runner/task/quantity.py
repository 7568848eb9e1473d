"""Sizes, durations, names and wishes, as people write them. All functions raise ``ValueError``
with what is allowed."""

from __future__ import annotations

import math
import re

from runner.agents.keys import check_key
from runner.model import Target

_SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_TIME_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_SIZE = re.compile(rf"({_NUMBER}) ?({'|'.join(_SIZE_UNITS)})")
_DURATION = re.compile(rf"(?:{_NUMBER}(?:{'|'.join(_TIME_UNITS_S)}))+")
_DURATION_PART = re.compile(rf"({_NUMBER})({'|'.join(_TIME_UNITS_S)})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_METRIC = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/=+%@,\[\]()-]{0,127}")
_UNIT = re.compile(r"[A-Za-z0-9_./%µμ-]{0,32}")
_WISH = re.compile(
    r"([^\s<>]+)\s*(<=|>=|<|>)\s*([+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?)"
)


def size_bytes(value: object) -> int:
    """``"512MiB"``, ``"1.5GB"``, or a number of bytes."""
    allowed = 'a size such as "512MiB" or "4GB" (units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"must be {allowed}, or a number of bytes")
    return round(float(match[1]) * _SIZE_UNITS[match[2]])


def duration_s(value: object) -> float:
    """``"90s"``, ``"1h30m"``, ``"1.5s"``, or a number of seconds."""
    allowed = 'a duration such as "90s", "10m" or "1h30m" (units: d, h, m, s, ms)'
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        seconds = float(value)
    elif isinstance(value, str) and _DURATION.fullmatch(value):
        parts = _DURATION_PART.findall(value)
        if len({unit for _, unit in parts}) < len(parts):
            raise ValueError(f"names a unit twice; it must be {allowed}")
        seconds = sum(float(number) * _TIME_UNITS_S[unit] for number, unit in parts)
    else:
        raise ValueError(f"must be {allowed}, or a number of seconds")
    if seconds <= 0.0:
        raise ValueError("must be longer than 0")
    return seconds


def name(value: str) -> str:
    """The name of a task or a check: it becomes part of file and container names."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first")
    return value


def action_key(value: str) -> str:
    """The name of an action, such as ``tile=8``."""
    if why := check_key(value):
        raise ValueError(why)
    return value


def metric_name(value: str) -> str:
    """The name of a metric, such as ``vst_commit_us`` or ``BenchmarkX:B/op``."""
    if not _METRIC.fullmatch(value):
        raise ValueError(
            "must be 1 to 128 of A-Z a-z 0-9 _ . : / = + % @ , [ ] ( ) -, "
            "a letter, digit or _ first"
        )
    if value == "unit":
        raise ValueError("is taken: it marks the unit on a METRIC line")
    return value


def unit(value: str) -> str:
    """The unit of a metric; empty for none."""
    if not _UNIT.fullmatch(value):
        raise ValueError("must be at most 32 of A-Z a-z 0-9 _ . / % µ -")
    return value


def wish(text: str) -> Target:
    """``"vst_commit_us < 70"``."""
    match = _WISH.fullmatch(text.strip())
    if not match:
        raise ValueError('must be a metric, one of < <= > >=, and a number: "vst_commit_us < 70"')
    return Target(match[1], match[2], float(match[3]))
