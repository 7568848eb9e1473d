"""The way to models: keys stay here, money is counted here."""

from runner.gateway.account import Account
from runner.gateway.api import PORT, base_url
from runner.gateway.books import Caps
from runner.gateway.gateway import Gateway
from runner.gateway.ledger import Ledger
from runner.gateway.prices import Price, Prices
from runner.gateway.refusal import OutOfMoney, Refused
from runner.gateway.sending import Patience, Ways
from runner.gateway.upstream import Dialect, Upstream

__all__ = [
    "PORT",
    "Account",
    "Caps",
    "Dialect",
    "Gateway",
    "Ledger",
    "OutOfMoney",
    "Patience",
    "Price",
    "Prices",
    "Refused",
    "Upstream",
    "Ways",
    "base_url",
]
