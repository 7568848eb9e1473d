"""What a step reached for, as its node's phases."""

from __future__ import annotations

from pathlib import Path

from runner.egress.record import Connection, Record
from runner.expand.reaching import reaching
from runner.model import Phase
from runner.report.phases import happened


def recorded(log: Path, *connections: Connection) -> None:
    record = Record(log)
    for each in connections:
        record.add(each)
    record.close()


def test_each_target_is_told_once_and_what_was_reached_first(tmp_path: Path) -> None:
    log = tmp_path / "act.log"
    recorded(
        log,
        Connection("CONNECT", "evil.example:443", False, "not listed"),
        Connection("CONNECT", "pypi.org:443", True, "", 10, 200),
        Connection("GET", "pypi.org:443", True, "", 5, 100),
        Connection("CONNECT", "pypi.org:443", False, "TLS asks for 'evil'"),
    )
    told = list(reaching("A.1", log))
    assert told == [
        Phase("A.1", "network.reached", {"target": "pypi.org:443", "connections": 2, "sent_bytes": 15, "received_bytes": 300}),
        Phase("A.1", "network.refused", {"target": "evil.example:443", "connections": 1, "why": "not listed"}),
        Phase("A.1", "network.refused", {"target": "pypi.org:443", "connections": 1, "why": "TLS asks for 'evil'"}),
    ]  # fmt: skip
    assert [happened(each.name, each.facts) for each in told[:2]] == [
        "reached pypi.org:443: 2 connections, 300 bytes received",
        "was not let through to evil.example:443: not listed",
    ]


def test_a_flood_is_told_in_few_words(tmp_path: Path) -> None:
    log = tmp_path / "act.log"
    recorded(log, *(Connection("CONNECT", f"a{number}.example:443", False, "no") for number in range(500)))
    told = list(reaching("A.1", log))
    assert len(told) == 33
    assert told[-1].facts["target"] == "468 others"
    assert told[-1].facts["connections"] == 468


def test_nothing_reached_for_is_nothing_told(tmp_path: Path) -> None:
    assert list(reaching("A.1", tmp_path / "act.log")) == []
