"""The knowledge base, as tools tell it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.knowledge import NAME, Knowledge, Offer
from runner.mcp.desk import DeskError
from runner.mcp.knowing import KnownLessons, KnownModels


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    with Knowledge.open(tmp_path / NAME, "helios-1") as opened:
        yield opened


def test_what_one_agent_stores_another_is_told(knowledge: Knowledge) -> None:
    one = KnownLessons(knowledge, "r1", "A.1")
    assert one.store("caching", "group commits before the fsync", ("wal",)).kept
    assert one.store("caching", "group commits before the fsync", ()).words == "it is known already"
    other = KnownLessons(knowledge, "r1", "A.2")
    assert other.similar("fsync", 5).lessons == ("an agent's note: group commits before the fsync",)
    assert "group commits" in other.prompt("caching").text


def test_knowledge_that_is_off_says_so(tmp_path: Path) -> None:
    off = Knowledge.open(tmp_path / NAME, "helios-1", enabled=False)
    for call in (
        lambda part: part.similar("x", 1),
        lambda part: part.prompt("x"),
        lambda part: part.store("x", "y", ()),
    ):
        with pytest.raises(DeskError, match="knowledge is switched off"):
            call(KnownLessons(off, "r1", "A.1"))


def test_only_models_that_may_be_used_are_named(knowledge: Knowledge) -> None:
    offers = (Offer("anthropic", ("claude-sonnet-*",)),)
    models = KnownModels(knowledge, offers, lambda _dialect, _model: 1.0, "A.1")
    listed = {each.name: each.models for each in models.presets().presets}
    assert set(listed) == {"quality", "balanced", "economy", "cheap", "experimental"}
    assert listed["balanced"] == ("claude-sonnet-5",)
    choice = models.best("caching", "")
    assert choice.model == "claude-sonnet-5"
    assert "by preset balanced" in choice.why
    with pytest.raises(DeskError, match=r"preset: 'best'; allowed: quality"):
        models.best("caching", "best")


def test_without_models_the_agents_own_is_as_good(knowledge: Knowledge) -> None:
    choice = KnownModels(knowledge, (), lambda _dialect, _model: 1.0, "A.1").best(
        "caching", "cheap"
    )
    assert choice.model == ""
    assert choice.why.startswith("the agent's own default")
