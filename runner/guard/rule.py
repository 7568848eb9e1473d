"""What a rule is, and what it decides on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.guard.calls import Call
from runner.guard.heads import Request
from runner.guard.objects import Objects
from runner.guard.order import Order
from runner.guard.terms import Terms
from runner.guard.values import Check, check

TAR = (("content-type", "application/x-tar"),)
JSON = (("content-type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision stands on: ``body`` is the request's JSON, ``keys`` its values by their paths."""

    terms: Terms
    objects: Objects
    request: Request
    call: Call
    body: Mapping[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """``query`` are the checks of the query's values; ``order`` says the call anew.

    ``order`` raises ``Refused``. ``has_body`` is whether there is a JSON body.
    """

    order: Callable[[Ground], Order]
    query: Mapping[str, Check]
    has_body: bool = False
    upgrades: bool = False

    def check(self, call: Call) -> str:
        """Why the query is refused; empty if it isn't."""
        return next(
            filter(None, (check(self.query, {key: value}) for key, value in _pairs(call))), ""
        )


def _pairs(call: Call) -> Iterator[tuple[str, str]]:
    return ((key, value) for key, values in call.query.items() for value in values)


def as_it_is(ground: Ground) -> Order:
    """The call, said anew."""
    return Order(ground.call.target())


def unchanged(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that nobody looks at."""
    return pieces
