"""The way out of a step: a door to a proxy that knows which hosts are listed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.egress import tunnel
from runner.egress.addresses import resolve
from runner.egress.dial import Dialler, Parents
from runner.egress.proxy import Bounds, Proxy
from runner.egress.record import Record
from runner.egress.rules import Rules
from runner.sandbox.protocol import Door, Step


@dataclass(frozen=True, slots=True)
class Outlet:
    """What all doors of a worker's steps share. ``image`` has ``python3``, and no action has ever run
    in it. ``parents`` are the proxies through which this machine reaches the world."""

    image: str
    parents: Parents = field(default_factory=Parents)
    bounds: Bounds = field(default_factory=Bounds)


@contextlib.contextmanager
def way_out(outlet: Outlet, step: Step, log: Path, engine_url: str) -> Iterator[tuple[Door, ...]]:
    """The door to the hosts that ``step`` may reach, as long as the block lasts; none if there are
    none. What was reached for is written down beside ``log``; where the engine is, nobody gets."""
    if not step.limits.hosts:
        yield ()
        return
    never = _engine_addresses(engine_url)
    dial = Dialler(Rules.of(step.limits.hosts), outlet.parents, never)
    with contextlib.closing(Proxy(dial, Record(log, step.hidden), outlet.bounds)) as proxy:
        yield (Door(tunnel.PORT, proxy.take),)


def _engine_addresses(base_url: str) -> frozenset[tuple[str, int]]:
    """Where the engine itself listens on the network, if it does."""
    if not base_url.startswith(("http:", "https:", "tcp:")):
        return frozenset()
    host, _, port = base_url.partition("://")[2].partition("/")[0].rpartition(":")
    with contextlib.suppress(OSError, ValueError):
        number = int(port)
        return frozenset((each, number) for each in resolve(host.strip("[]"), number))
    return frozenset()
