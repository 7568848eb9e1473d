"""Names of runs."""

from __future__ import annotations

from datetime import UTC, datetime

ENTROPY_LENGTH = 4


def new_run_id(now: float, entropy: str) -> str:
    """A run id such as ``20261121-024017-ab12``: the time (UTC), and four letters or digits.

    Ids sort by time and are lower case, as the engine's image tags must be. Raises ValueError for
    an ``entropy`` without four characters of ``0-9a-z``.
    """
    tail = entropy.lower()[:ENTROPY_LENGTH]
    if len(tail) < ENTROPY_LENGTH or not (tail.isascii() and tail.isalnum()):
        raise ValueError(f"entropy {entropy!r}: four characters of 0-9a-z are needed")
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{tail}"
