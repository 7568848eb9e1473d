"""What a benchmark's name becomes when it is the name of a metric."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARS = 128  # what a task file may declare; see runner.task.quantity

_ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/=+%@,\[\]()-]{0,127}")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.:/=+%@,\[\]()-]")
_FIRST = re.compile(r"[A-Za-z0-9_]")


def metric_name(printed: str) -> str:
    """``fib 20`` is ``fib_20``; ``./run --fast`` is ``_./run_--fast``.

    White space becomes one ``_``, and so does each other character that a metric's name may not
    have; a name that begins with none of ``A-Z a-z 0-9 _`` gets a ``_`` in front. Names of more
    than 128 characters can't be declared: they, and empty ones, become "".
    """
    return _normal(printed) if len(printed) <= 4 * MAX_CHARS else ""


@lru_cache(maxsize=256)  # a log has the same few keys on each of its lines
def _normal(printed: str) -> str:
    if _ALLOWED.fullmatch(printed):
        return printed
    name = _FORBIDDEN.sub("_", "_".join(printed.split()))
    if name and not _FIRST.match(name):
        name = "_" + name
    return name if len(name) <= MAX_CHARS else ""


def with_parameters(name: str, parameters: dict[str, str]) -> str:
    """``name[threads=4,size=10]``, as each tool's parameters are told in a metric's name."""
    pairs = ",".join(f"{key}={value}" for key, value in parameters.items())
    return f"{name}[{pairs}]" if pairs else name
