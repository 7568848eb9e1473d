"""Which model does a piece of work, and why."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from runner.errors import TaskError
from runner.gateway.prices import Prices
from runner.knowledge import Choice, Offer, attempt_price, choose, preset_of, presets
from runner.store import Standing

CLAUDE = (Offer("anthropic", ("claude-*",)),)
HAIKU, SONNET, OPUS = "claude-haiku-4-5", "claude-sonnet-5", "claude-opus-5"
COSTS = {HAIKU: 0.1, SONNET: 0.4, OPUS: 1.0}


def chosen(preset: str, *standings: Standing, seed: int = 0, category: str = "python") -> Choice:
    return choose(
        category,
        preset_of(preset),
        CLAUDE,
        standings,
        lambda _, model: COSTS.get(model, 1.0),
        str(seed),
    )


def shares(preset: str, *standings: Standing, category: str = "python") -> Counter[str]:
    choices = (chosen(preset, *standings, seed=seed, category=category) for seed in range(200))
    return Counter(choice.model for choice in choices)


def test_the_five_presets_are_there_and_sound() -> None:
    assert [p.name for p in presets()] == [
        "quality", "balanced", "economy", "cheap", "experimental"
    ]  # fmt: skip
    for preset in presets():
        assert preset.about
        assert preset.worth_usd > 0
        assert preset.boldness >= 1
        assert set(preset.models) == {"anthropic", "openai", "gemini"}
        assert all(
            0 < chance < 1 for models in preset.models.values() for chance in models.values()
        )


def test_every_models_price_is_listed() -> None:
    prices = Prices.load()
    for preset in presets():
        for dialect, models in preset.models.items():
            assert [model for model in models if prices.of(dialect, model)[1]] == []


def test_a_preset_that_is_not_there() -> None:
    with pytest.raises(
        TaskError, match=r"preset: 'best'; allowed: quality, balanced, economy, cheap"
    ):
        preset_of("best")


def test_the_same_seed_chooses_the_same() -> None:
    assert chosen("balanced", seed=5) == chosen("balanced", seed=5)
    assert len(shares("balanced")) > 1


def test_success_is_learned() -> None:
    standings = (
        Standing("python", SONNET, 30, 24, 30, 12.0),
        Standing("python", OPUS, 30, 6, 30, 30.0),
        Standing("python", HAIKU, 30, 3, 30, 3.0),
    )
    assert shares("balanced", *standings)[SONNET] > 190


def test_cost_decides_between_equals() -> None:
    equal = [Standing("python", model, 40, 20, 40, 40 * COSTS[model]) for model in (HAIKU, SONNET)]
    assert shares("economy", *equal)[HAIKU] > 170


def test_what_a_success_is_worth_decides_whether_a_dear_model_pays() -> None:
    dear = Standing("python", OPUS, 50, 40, 50, 250.0)  # 5 dollars an attempt
    cheap = Standing("python", HAIKU, 50, 20, 50, 1.0)
    middling = Standing("python", SONNET, 50, 2, 50, 20.0)
    assert shares("balanced", dear, cheap, middling)[OPUS] > 150  # 16 - 5 over 8 - 0
    assert shares("economy", dear, cheap, middling)[HAIKU] > 190  # opus isn't of it


def test_another_categorys_record_counts_a_little() -> None:
    elsewhere = (
        Standing("docs", SONNET, 6, 5, 6, 2.4),
        Standing("docs", OPUS, 6, 2, 6, 6.0),
        Standing("docs", HAIKU, 6, 2, 6, 0.6),
    )
    here = shares("balanced", *elsewhere, category="python")[SONNET]
    there = shares("balanced", *elsewhere, category="docs")[SONNET]
    assert shares("balanced")[SONNET] < here < there


def test_the_experimental_preset_goes_on_trying() -> None:
    records = [
        Standing("python", SONNET, 20, 13, 20, 8.0),
        Standing("python", OPUS, 20, 7, 20, 20.0),
        Standing("python", HAIKU, 20, 7, 20, 2.0),
    ]
    assert shares("experimental", *records)[SONNET] < shares("balanced", *records)[SONNET]


def test_only_what_is_allowed() -> None:
    choice = choose("x", preset_of("quality"), (Offer("openai", ("gpt-5.5",)),), (), _free, "1")
    assert choice.model == "gpt-5.5"
    assert re.fullmatch(
        r"gpt-5\.5 for x work by preset quality: \d+% drawn, no record here, \$0\.00 an attempt; "
        "no other of it may be used",
        choice.why,
    )


def test_a_model_that_no_preset_knows_is_taken_by_its_name() -> None:
    offers = (Offer("openai", ("qwen3-coder", "local-*")),)
    assert choose("x", preset_of("cheap"), offers, (), _free, "1").model == "qwen3-coder"


def test_nothing_to_choose_from() -> None:
    choice = choose("x", preset_of("cheap"), (Offer("openai", ("local-*",)),), (), _free, "1")
    assert choice.model == ""
    assert "preset cheap has no model among those allowed (local-*)" in choice.why


def test_why_names_record_and_rival() -> None:
    record = Standing("python", SONNET, 30, 24, 30, 12.0)
    poor = [Standing("python", model, 30, 0, 30, 30.0) for model in (OPUS, HAIKU)]
    why = chosen("balanced", record, *poor).why
    assert why.startswith(f"{SONNET} for python work by preset balanced: ")
    assert "24 of 30 improved, $0.40 an attempt; next " in why
    assert "0 of 30 improved" in why
    assert "\n" not in why


def test_an_ordinary_attempts_price_is_from_the_list() -> None:
    price = attempt_price(Prices.load())
    assert Prices.load().on >= date(2026, 1, 1)
    assert 0.0 < price("anthropic", HAIKU) < price("anthropic", OPUS)


def _free(dialect: str, model: str) -> float:  # noqa: ARG001
    return 0.0
