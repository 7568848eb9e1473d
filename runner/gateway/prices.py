"""What models cost. The list is data (``prices.toml``), has a date, and is never complete."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from runner.gateway.usage import Usage

_FILE = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000
# Writing into a prompt cache costs so many times the input's price: Anthropic's "Prompt caching",
# "Pricing"; OpenAI's, since GPT-5.6, 1.25 as well.
_WRITE = 1.25
_WRITE_1H = 2.0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. ``cached`` is for input that is read from a cache. A prompt of
    more than ``above_tokens`` costs ``above`` instead, all of it and its answer.

    Raises ``ValueError`` that says which one is wrong.
    """

    input: float
    cached: float
    output: float
    above_tokens: int = 0
    above: Price | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("input", self.input),
            ("cached", self.cached),
            ("output", self.output),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: must be a number of US dollars, 0 or more")
        if self.cached > self.input:
            raise ValueError("cached: must not be more than input")

    def cost_usd(self, usage: Usage) -> float:
        """What so many tokens cost."""
        price = self.above if self.above and usage.input > self.above_tokens else self
        written = usage.written * _WRITE + usage.written_1h * _WRITE_1H
        reading = (usage.fresh + written) * price.input + usage.cached * price.cached
        return (reading + usage.output * price.output) / _MILLION

    def most_usd(self, input_tokens: int, output_tokens: int, *, kept_1h: bool = False) -> float:
        """What a request costs at most that has no more tokens than these, however its input is
        cached; only one that asks for it has its input kept for an hour."""
        hour = input_tokens if kept_1h else 0
        usage = Usage(written=input_tokens - hour, written_1h=hour, output=output_tokens)
        return self.cost_usd(usage)


@dataclass(frozen=True, slots=True)
class _Listed:
    dialect: str
    models: tuple[str, ...]
    price: Price


@dataclass(frozen=True, slots=True)
class Prices:
    """A list of prices, as of ``on``."""

    on: date
    listed: tuple[_Listed, ...]

    @classmethod
    def load(cls, path: Path = _FILE) -> Prices:
        """Read a list; without a path the one that is shipped. Raises ``ValueError``, ``OSError``."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        listed = tuple(
            _Listed(each.pop("dialect"), tuple(each.pop("models")), _price(each))
            for each in data["prices"]
        )
        return cls(data["date"], listed)

    def of(self, dialect: str, model: str) -> tuple[Price, bool]:
        """The price of a model, by the first glob that fits; and whether it had to be guessed: a
        model that isn't listed is taken to be as dear as the dearest of its dialect."""
        own = [each for each in self.listed if each.dialect == dialect]
        for each in own:
            if any(fnmatchcase(model, glob) for glob in each.models):
                return each.price, False
        return _dearest([each.price for each in own]), True


def _price(fields: dict[str, Any]) -> Price:
    above = fields.pop("above", None)
    return Price(**fields, above=Price(**above) if above else None)


def _dearest(prices: list[Price]) -> Price:
    return Price(
        input=max(each.input for each in prices),
        cached=max(each.cached for each in prices),
        output=max(each.output for each in prices),
    )
