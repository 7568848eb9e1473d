"""The way to models: keys stay here, money is counted here."""

from runner.gateway.prices import Price, Prices
from runner.gateway.upstream import Dialect, Upstream

__all__ = ["Dialect", "Price", "Prices", "Upstream"]
