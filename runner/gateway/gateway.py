"""The gateway of a run: models are reached through it, with keys that nobody else has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.gateway.account import Account, Means
from runner.gateway.books import Caps
from runner.gateway.ledger import Ledger
from runner.gateway.prices import Prices
from runner.gateway.sending import Patience, Ways
from runner.gateway.upstream import Dialect, Upstream
from runner.model import Spending


class Gateway:
    """One per run; accounts may be opened from any thread.

    ``hidden`` are further secrets that no transcript is to hold. Raises ``ValueError`` if two
    upstreams have one name.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        caps: Caps,
        prices: Prices,
        ledger: Ledger,
        ways: Ways | None = None,
        patience: Patience | None = None,
        hidden: Iterable[str] = (),
    ) -> None:
        named = {each.name: each for each in upstreams}
        if len(named) < len(upstreams):
            raise ValueError("upstreams: each must have a name of its own")
        keys = (each.key for each in upstreams)
        self._means = Means(
            upstreams=named,
            caps=caps,
            prices=prices,
            ledger=ledger,
            ways=ways or Ways(),
            patience=patience or Patience(),
            hidden=tuple(filter(None, (*keys, *hidden))),
        )

    def open(self, node: str, transcript: Path) -> Account:
        """An account for a node, whose cap holds for all that the node has ever spent in this run.
        ``transcript`` is appended to; its folder has to be there when the first request ends."""
        return Account(node, transcript, self._means)

    def spent_by(self, node: str) -> Spending:
        """What a node has come to, also before it was interrupted."""
        return self._means.ledger.spent_by(node)

    def upstream(self, dialect: Dialect, model: str = "") -> Upstream | None:
        """The first upstream that speaks a dialect and serves a model (any, if none is said)."""
        for each in self._means.upstreams.values():
            if each.dialect is dialect and (not model or each.serves(model)):
                return each
        return None

    @property
    def spent_run_usd(self) -> float:
        """What the run has cost, also before it was interrupted."""
        return self._means.ledger.run_usd

    @property
    def spending(self) -> Spending:
        """The same in full."""
        return self._means.ledger.spending
