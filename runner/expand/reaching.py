"""What a step reached for outside, told as phases of its node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.egress.record import Reached, reached
from runner.model import Phase

_MOST_TOLD = 32


def reaching(label: str, log: Path) -> Iterator[Phase]:
    """A phase for each host and port that the step with this log reached, or was refused; the
    record beside the log has each connection."""
    found = reached(log)
    for each in found[:_MOST_TOLD]:
        yield _phase(label, each)
    if left := found[_MOST_TOLD:]:
        facts = {"target": f"{len(left)} others", "connections": sum(each.connections for each in left)}
        yield Phase(label, "network.refused", facts | {"why": "see the record beside the log"})


def _phase(label: str, each: Reached) -> Phase:
    facts: dict[str, object] = {"target": each.target, "connections": each.connections}
    if not each.allowed:
        return Phase(label, "network.refused", facts | {"why": each.why})
    moved = {"sent_bytes": each.sent_bytes, "received_bytes": each.received_bytes}
    return Phase(label, "network.reached", facts | moved)
