"""Names of runs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

ENTROPY_LENGTH = 4
_STAMP, _STAMP_LENGTH = "%Y%m%d-%H%M%S", 15


def new_run_id(now: float, entropy: str, after: str = "") -> str:
    """A run id such as ``20261121-024017-ab12``: the time (UTC), and four letters or digits.

    Ids sort by time and are lower case, as the engine's image tags must be. The id sorts behind the
    id ``after``, also if the clock has been set back since that one was made: the last one is the
    latest. Raises ValueError for an ``entropy`` without four characters of ``0-9a-z``.
    """
    tail = entropy.lower()[:ENTROPY_LENGTH]
    if len(tail) < ENTROPY_LENGTH or not (tail.isascii() and tail.isalnum()):
        raise ValueError(f"entropy {entropy!r}: four characters of 0-9a-z are needed")
    moment = datetime.fromtimestamp(now, UTC)
    with suppress(ValueError):  # an id from elsewhere may have any form
        latest = datetime.strptime(after[:_STAMP_LENGTH], _STAMP).replace(tzinfo=UTC)
        moment = max(moment, latest + timedelta(seconds=1))
    return f"{moment.strftime(_STAMP)}-{tail}"
