"""What ran against which engine, on record for the table in the docs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.sandbox.connect import connect
from runner.sandbox.probe import guarantees_of, probe

from .catalogue import ENGINES, Engine
from .suites import Count

RECORD = Path(__file__).with_name("record.json")
_TOLD = ("engine", "storage", "cgroups")  # findings that say what the engine is


def facts_of(url: str, image: str) -> dict[str, Any]:
    """What an engine is, and which guarantees containers have shown. Raises ``EngineError``."""
    with contextlib.closing(connect(url)) as client:
        found = {one.name: one.value for one in probe(client) if one.name in _TOLD}
        kept = guarantees_of(client, image)
    guarantees = {
        one.name: {"standing": one.standing, "shown": one.shown, "why": one.why} for one in kept
    }
    return {**found, "guarantees": guarantees}


def keep(engine: Engine, facts: Mapping[str, Any], count: Count, suite: str) -> None:
    """Put one engine on record, in place of what was known of it."""
    known = recorded()
    tests = {
        "suite": suite,
        "passed": count.passed,
        "failed": [*count.failed],
        "skipped": [*count.skipped],
    }
    known[engine.name] = {"title": engine.title, **facts, "tests": tests}
    ordered = {one.name: known[one.name] for one in ENGINES if one.name in known}
    RECORD.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def recorded() -> dict[str, Any]:
    """By the engine's name."""
    if not RECORD.is_file():
        return {}
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found
