"""What was spent, and what may still be: sums over entries, and the rule by which one is let in.

Sums are in whole billionths of a US dollar, so that the order of entries doesn't change them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from runner.model import NOTHING_SPENT, Spending

NANO = 1_000_000_000


class CapReached(Exception):
    """Nothing more may be spent; the text says which cap it is, and how much it allows."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent, in US dollars, for one node, in one run, and on one day (of UTC)
    by all runs of a state folder. ``None`` is no cap. Raises ``ValueError``."""

    node_usd: float | None = None
    run_usd: float | None = None
    day_usd: float | None = None

    def __post_init__(self) -> None:
        for each in (self.node_usd, self.run_usd, self.day_usd):
            if each is not None and not (math.isfinite(each) and each > 0):
                raise ValueError("must be a number of US dollars above 0")


@dataclass(frozen=True, slots=True)
class Opening:
    """Money set aside for one request, before it is sent: what it costs at most."""

    id: str
    at: float  # seconds since the epoch
    owner: str
    run: str
    node: str
    most_nano: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the request of an opening came to. Its cost is in ``nano``."""

    id: str
    at: float
    upstream: str
    model: str
    nano: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    estimated: bool

    @property
    def spending(self) -> Spending:
        """The same as the rest of the house counts it. A request that cost nothing since nobody
        answered it is none."""
        asked = bool(self.nano or self.input_tokens or self.output_tokens)
        tokens = self.input_tokens, self.cached_tokens, self.output_tokens
        return Spending(int(asked), *tokens, self.nano / NANO, self.estimated)


@dataclass(slots=True)
class _Sum:
    spent: int = 0
    pending: int = 0


@dataclass(slots=True)
class Books:
    """Entries as they come, added up by day, by run, and by node of a run. One that comes twice
    counts once."""

    _sums: defaultdict[tuple[str, ...], _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    _open: dict[str, tuple[str, Opening]] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _spending: dict[tuple[str, ...], Spending] = field(default_factory=dict)

    def enter(self, day: str, entry: Opening | Settlement) -> None:
        """Set money aside, or replace what was set aside by what it cost."""
        match entry:
            case Opening() if entry.id not in self._open and entry.id not in self._settled:
                self._open[entry.id] = day, entry
                for each in self._sums_of(day, entry.run, entry.node):
                    each.pending += entry.most_nano
            case Settlement() if entry.id in self._open:
                self._settle(entry)
            case _:
                pass

    def _settle(self, settlement: Settlement) -> None:
        day, opening = self._open.pop(settlement.id)
        self._settled.add(settlement.id)
        for each in self._sums_of(day, opening.run, opening.node):
            each.pending -= opening.most_nano
            each.spent += settlement.nano
        for key in ((opening.run,), (opening.run, opening.node)):
            so_far = self._spending.get(key, NOTHING_SPENT)
            self._spending[key] = so_far + settlement.spending

    def owners(self) -> set[str]:
        """Whose requests are under way, as far as is written."""
        return {opening.owner for _, opening in self._open.values()}

    def bury(self, owner: str) -> None:
        """What an owner who is no more had under way may have cost all that was set aside for it,
        and is taken to have: nobody will ever know better."""
        for _, each in [pair for pair in self._open.values() if pair[1].owner == owner]:
            self._settle(Settlement(each.id, each.at, "", "", each.most_nano, 0, 0, 0, True))

    def may_open(self, day: str, run: str, node: str, most_nano: int, caps: Caps) -> bool:
        """Whether a request may be sent now; if not, whoever asks has to wait for others to end.

        Raises ``CapReached``. A request is let in if all that is set aside still fits under each
        cap, or if it is alone. So no cap is passed by more than what one request costs.
        """
        names = ("node", "run", "day")
        limits = (caps.node_usd, caps.run_usd, caps.day_usd)
        now = True
        for name, limit_usd, total in zip(
            names, limits, self._sums_of(day, run, node), strict=True
        ):
            if limit_usd is None:
                continue
            limit = round(limit_usd * NANO)
            if total.spent >= limit:
                raise CapReached(_reason(name, limit_usd, total.spent))
            if total.pending and total.spent + total.pending + most_nano > limit:
                now = False
        return now

    def spending(self, *key: str) -> Spending:
        """What a run, or ``(run, node)``, has come to, as far as it is settled."""
        return self._spending.get(key, NOTHING_SPENT)

    def spent_usd(self, *key: str) -> float:
        """What is settled for ``("day", day)``, ``("run", run)`` or ``("node", run, node)``."""
        return self._sums[key].spent / NANO

    def _sums_of(self, day: str, run: str, node: str) -> tuple[_Sum, _Sum, _Sum]:
        return self._sums["node", run, node], self._sums["run", run], self._sums["day", day]


def _reason(name: str, limit_usd: float, spent_nano: int) -> str:
    whose = {"node": "this node", "run": "this run", "day": "today, by all runs,"}[name]
    return f"the {name}'s budget is spent: {whose} may use ${limit_usd:g}, and has used ${spent_nano / NANO:.4g}"


def entry_of(line: Any) -> Opening | Settlement:
    """An entry from what was written of it. Raises ``ValueError``."""
    if not isinstance(line, dict):
        raise ValueError("no entry")
    kind: type[Opening | Settlement] = Opening if "most_nano" in line else Settlement
    try:
        entry = kind(**line)
    except TypeError as error:
        raise ValueError("other fields than an entry has") from error
    for name, wanted in _TYPES[kind].items():
        value = getattr(entry, name)
        if type(value) not in wanted or (isinstance(value, int | float) and value < 0):
            raise ValueError(f"{name} is {value!r}")
    return entry


_TYPES: dict[type, dict[str, tuple[type, ...]]] = {
    Opening: {
        **dict.fromkeys(("id", "owner", "run", "node"), (str,)),
        "at": (float, int),
        "most_nano": (int,),
    },
    Settlement: {
        **dict.fromkeys(("id", "upstream", "model"), (str,)),
        **dict.fromkeys(("nano", "input_tokens", "cached_tokens", "output_tokens"), (int,)),
        "at": (float, int),
        "estimated": (bool,),
    },
}
