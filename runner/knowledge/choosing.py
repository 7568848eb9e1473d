"""Which model does a piece of work: learned from success and cost, by Thompson sampling."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runner.gateway.prices import Prices
from runner.gateway.usage import Usage
from runner.knowledge.presets import Preset
from runner.store import Standing

_FIRM = 2.0  # attempts that a preset's assumption is worth
_ELSEWHERE = 0.25  # of an attempt's weight, if it was of another category
_WILDCARDS = frozenset("*?[")
# An attempt before any was paid for: some 20 requests of a coding agent, most of each read from a cache.
_ORDINARY = Usage(fresh=60_000, cached=600_000, output=15_000)
_NEW = 0.4  # chance of an improvement, assumed of a model that the preset doesn't know

# What one attempt with a model costs, in US dollars, as far as its price tells.
PriceOf = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Offer:
    """Models that may be used: of a dialect, by globs."""

    dialect: str
    globs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """``model`` is "" where none can be chosen, and the agent's own default is as good. ``why`` is
    one line."""

    category: str
    preset: str
    model: str
    why: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    model: str
    chance: float  # assumed
    cost_usd: float  # of an attempt, mean
    known: float  # attempts in this category, weighted
    won: float
    elsewhere: float  # in others
    won_elsewhere: float

    def drawn(self, draws: random.Random, boldness: float) -> float:
        """A chance of an improvement, from what is believed: Beta, the evidence on top of an
        assumption that is worth two attempts."""
        won = (self.won + _ELSEWHERE * self.won_elsewhere) / boldness
        lost = (self.known + _ELSEWHERE * self.elsewhere) / boldness - won
        return draws.betavariate(_FIRM * self.chance + won, _FIRM * (1.0 - self.chance) + lost)

    def told(self, chance: float) -> str:
        record = f"{self.won:.3g} of {self.known:.3g} improved" if self.known else "no record here"
        return f"{chance:.0%} drawn, {record}, ${self.cost_usd:.2f} an attempt"


def choose(
    category: str,
    preset: Preset,
    offers: Sequence[Offer],
    standings: Iterable[Standing],
    price_of: PriceOf,
    seed: str,
) -> Choice:
    """Draw each candidate's chance of an improvement from what is believed of it, and take the one
    whose chance times the improvement's worth, less its cost, is highest. The same arguments give the
    same choice. (Thompson 1933; Chapelle and Li 2011.)"""
    records = tuple(standings)
    candidates = list(_candidates(category, preset, offers, records, price_of))
    if not candidates:
        return Choice(category, preset.name, "", _none(preset, offers))
    draws = random.Random(f"{seed}|{category}|{preset.name}")
    scored = []
    for each in candidates:
        chance = each.drawn(draws, preset.boldness)
        scored.append((chance * preset.worth_usd - each.cost_usd, each, chance))
    scored.sort(key=lambda entry: (-entry[0], entry[1].model))
    _, best, chance = scored[0]
    why = f"{best.model} for {category} work by preset {preset.name}: {best.told(chance)}"
    if len(scored) == 1:
        return Choice(category, preset.name, best.model, f"{why}; no other of it may be used")
    _, second, chance = scored[1]
    return Choice(
        category, preset.name, best.model, f"{why}; next {second.model}: {second.told(chance)}"
    )


def _candidates(
    category: str,
    preset: Preset,
    offers: Sequence[Offer],
    records: Sequence[Standing],
    price_of: PriceOf,
) -> Iterable[_Candidate]:
    named: dict[str, tuple[str, float]] = {}
    for offer in offers:
        for model, chance in preset.models.get(offer.dialect, {}).items():
            if any(fnmatchcase(model, glob) for glob in offer.globs):
                named.setdefault(model, (offer.dialect, chance))
    if not named:  # a local model, for example, that no preset can know
        for offer in offers:
            exact = [glob for glob in offer.globs if not _WILDCARDS & set(glob)]
            named.update(dict.fromkeys(exact, (offer.dialect, _NEW)))
    for model, (dialect, chance) in named.items():
        own = [each for each in records if each.model == model]
        here = [each for each in own if each.category == category]
        other = [each for each in own if each.category != category]
        priced = sum(each.priced for each in own)
        spent = sum(each.cost_usd for each in own)
        yield _Candidate(
            model,
            chance,
            (spent + price_of(dialect, model)) / (priced + 1.0),
            sum(each.attempts for each in here),
            sum(each.improved for each in here),
            sum(each.attempts for each in other),
            sum(each.improved for each in other),
        )


def _none(preset: Preset, offers: Sequence[Offer]) -> str:
    globs = ", ".join(glob for offer in offers for glob in offer.globs) or "none"
    return (
        f"the agent's own default: preset {preset.name} has no model among those allowed ({globs})"
    )


def attempt_price(prices: Prices) -> PriceOf:
    """What an attempt of ordinary length costs by a list of prices."""
    return lambda dialect, model: prices.of(dialect, model)[0].cost_usd(_ORDINARY)
