"""Units that can be turned into each other, and those that can't."""

from __future__ import annotations

# Each family has one entry per unit: how many of the family's smallest unit it is.
_TIME = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
_SIZE = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_SPELLINGS = {"µs": "us", "μs": "us", "sec": "s", "seconds": "s", "bytes": "B"}


def convert(value: float, unit: str, wanted: str) -> float | None:
    """``value`` in the ``wanted`` unit; ``None`` where the two don't go together.

    An empty unit on either side goes with everything. Times (ns, us, ms, s) and sizes (B, kB, MB,
    GB, KiB, MiB, GiB) are converted; any other unit goes with itself alone.
    """
    unit, wanted = _SPELLINGS.get(unit, unit), _SPELLINGS.get(wanted, wanted)
    if not unit or not wanted or unit == wanted:
        return value
    for family in (_TIME, _SIZE):
        if unit in family and wanted in family:
            return value * family[unit] / family[wanted]
    return None
