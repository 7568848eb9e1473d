"""Units that can be turned into each other, and those that can't."""

from __future__ import annotations

import math

# Each family has one entry per unit: how many of the family's smallest unit it is.
_TIME = {
    "ps": 1,
    "ns": 10**3,
    "us": 10**6,
    "ms": 10**9,
    "s": 10**12,
    "min": 60 * 10**12,
    "h": 3600 * 10**12,
}
_SIZE = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_RATE = {
    "ops/h": 1,
    "ops/min": 60,
    "ops/s": 3600,
    "ops/ms": 3600 * 10**3,
    "ops/us": 3600 * 10**6,
    "ops/ns": 3600 * 10**9,
}
# What one operation takes is a time or a size; what goes through in a second is a family too.
_FLOW = {f"{unit}/s": size for unit, size in _SIZE.items()}
_FAMILIES = (
    _TIME | {f"{unit}/op": size for unit, size in _TIME.items()},
    _SIZE | {f"{unit}/op": size for unit, size in _SIZE.items()},
    _RATE,
    _FLOW,
)
_SPELLINGS = {
    "µs": "us",
    "μs": "us",
    "µs/op": "us/op",
    "μs/op": "us/op",
    "sec": "s",
    "seconds": "s",
    "bytes": "B",
}


def convert(value: float, unit: str, wanted: str) -> float | None:
    """``value`` in the ``wanted`` unit; ``None`` where the two don't go together.

    An empty unit on either side goes with everything. Converted are times (ps, ns, us, ms, s, min,
    h), sizes (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), both also for an operation (ns/op), rates
    (ops/ns to ops/h), and sizes a second (MB/s); any other unit goes with itself alone. A time and
    a rate don't go together: the better direction of one is the worse of the other. The result is
    infinite where it is beyond all floats.
    """
    unit, wanted = _SPELLINGS.get(unit, unit), _SPELLINGS.get(wanted, wanted)
    if not unit or not wanted or unit == wanted:
        return value
    for family in _FAMILIES:
        if unit in family and wanted in family:
            # In lowest terms, so that powers of ten are rounded once.
            shared = math.gcd(family[unit], family[wanted])
            return value * (family[unit] // shared) / (family[wanted] // shared)
    return None
