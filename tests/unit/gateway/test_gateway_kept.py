"""What is kept of requests, what never is, and what upstreams and prices may be."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from gateway_stage import ASK, KEY, Stage, message, message_events, reply, stream

from runner.gateway import Dialect, Gateway, Price, Prices, Upstream, Ways
from runner.gateway import transcript as kept
from runner.gateway.usage import Usage


def test_key_and_token_are_in_no_file_and_in_no_answer(tmp_path: Path) -> None:
    scripts = [
        reply(200, message(f"{KEY} and more")),
        stream(message_events(f"it is {KEY}")),
        reply(400, {"error": {"message": f"bad key {KEY}"}}),
        reply(500, f"<b>{KEY}</b>".encode(), "Retry-After: 900"),
        reply(401, {"error": KEY}),
        reply(302, b"", f"Location: https://x/?{KEY}"),
        stream(message_events(KEY)[:3]),
    ]
    with Stage(tmp_path, scripts) as stage:
        token = stage.account.token
        said = ASK | {"system": f"I am {token}", "model": "claude-" + token[:60], "stream": True}
        answers = [stage.post("/anthropic/v1/messages", said) for _ in scripts]
        named = stage.post(f"/anthropic/v1/files?{token}", said)
        assert "opus" not in repr(stage.upstreams)
        assert KEY not in repr(stage.upstreams) + repr(stage.account._office)
        everything = b"".join(each.body + repr(each.headers).encode() for each in (*answers, named))
        assert KEY.encode() not in everything
    for path in tmp_path.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert KEY not in text
            assert token not in text
    assert len(stage.lines()) == len(scripts)


def test_a_transcript_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FILE_LIMIT_BYTES", 1_200_000)
    with Stage(tmp_path, [reply(200, message("y" * 600_000))]) as stage:
        for _ in range(5):
            stage.post("/anthropic/v1/messages", ASK | {"system": "x" * 600_000})
    first, *_, last = stage.lines()
    assert len(first["request"]) < 300_000
    assert "characters ...]" in first["request"]
    assert first["request"].endswith('"}')
    assert (last["request"], last["response"]) == ("", "")
    assert last["input_tokens"] == 100
    assert stage.transcript.stat().st_size < 1_210_000


def test_accounts_of_a_node_share_a_transcript(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.post()
        with stage.gateway.open("A.1", stage.transcript) as second:
            second.ask("anthropic", "/v1/messages", ASK)
    assert len(stage.lines()) == 2


def test_who_asks_nothing_leaves_no_file(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        pass
    assert not stage.transcript.exists()


def test_what_was_withheld_is_written_down(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.post("/anthropic/v1/messages", ASK | {"tools": [{"type": "web_search_20250305"}]})
    assert stage.lines()[0]["withheld"] == ["web_search_20250305"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "Claude"}, "name: "),
        ({"name": "a/b"}, "name: "),
        ({"name": ""}, "name: "),
        ({"url": "api.anthropic.com"}, "url: must be of the form"),
        ({"url": "ftp://host"}, "url: must be of the form"),
        ({"url": "https://"}, "url: must be of the form"),
        ({"url": "https://user:pw@host"}, "url: must have neither"),
        ({"url": "https://host?x=1"}, "url: must have neither"),
        ({"url": "https://host:0"}, "url: "),
        ({"url": "https://host:99999"}, "url: "),
        ({"url": "https://ho st"}, "url: "),
        ({"url": "https://127.1"}, "url: "),
        ({"models": ()}, "models: "),
        ({"models": ("a", "")}, "models: "),
        ({"key": "a b"}, "key: "),
        ({"key": "a\nb"}, "key: "),
        ({"key": 'a"b'}, "key: "),
        ({"key": "\u00e9"}, "key: "),
    ],
)
def test_an_upstream_that_can_be_none(fields: dict[str, object], why: str) -> None:
    right = {"name": "a", "dialect": Dialect.OPENAI, "url": "https://host", "models": ("*",)}
    with pytest.raises(ValueError, match=f"^{why}") as caught:
        Upstream(**(right | fields))  # type: ignore[arg-type]
    assert str(fields.get("key", "no key")) not in str(caught.value)


def test_a_key_is_not_shown() -> None:
    assert KEY not in repr(Upstream("a", Dialect.OPENAI, "https://host", ("*",), KEY))


def test_upstreams_have_names_of_their_own(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, pytest.raises(ValueError, match="a name of its own"):
        Gateway(stage.upstreams * 2, stage.caps, Prices.load(), stage.ledger)


def test_an_upstream_is_found_by_dialect_and_model(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        found = stage.gateway.upstream(Dialect.GEMINI)
        assert found
        assert found.name == "gemini"
        assert stage.gateway.upstream(Dialect.GEMINI, "gemini-3-flash") == found
        assert stage.gateway.upstream(Dialect.GEMINI, "other") is None


def test_proxies_that_cannot_be_used_are_told() -> None:
    with pytest.raises(ValueError, match="https_proxy: "):
        Ways({"https_proxy": "socks5://host:1"})


def test_the_list_of_prices(tmp_path: Path) -> None:
    prices = Prices.load()
    assert prices.on >= date(2026, 11, 1)
    for each in prices.listed:
        assert each.dialect in set(Dialect)
        assert each.models
        assert each.price.output > each.price.input > 0 or "-pro" in each.models[0]
        found, guessed = prices.of(
            each.dialect,
            each.models[0].replace("*", "").replace("[5-8]", "5").replace("[678]", "7"),
        )
        assert (found, guessed) == (each.price, False), each.models
        if each.price.above:
            assert each.price.above.input > each.price.input
    for dialect in Dialect:
        dearest, guessed = prices.of(dialect, "nobody-knows")
        assert guessed
        own = [each.price for each in prices.listed if each.dialect == dialect]
        assert dearest.output == max(each.output for each in own)
        assert dearest.input == max(each.input for each in own)
    text = (
        '[[prices]]\ndialect = "openai"\nmodels = ["a"]\ninput = 1.0\ncached = 2.0\noutput = 1.0\n'
    )
    (tmp_path / "prices.toml").write_text("date = 2026-01-01\n" + text)
    with pytest.raises(ValueError, match="cached: must not be more than input"):
        Prices.load(tmp_path / "prices.toml")


def test_the_price_of_a_long_prompt() -> None:
    price = Price(1.0, 0.1, 10.0, above_tokens=1000, above=Price(2.0, 0.2, 15.0))
    assert price.cost_usd(Usage(fresh=600, cached=400, output=1)) == pytest.approx(
        (600 + 40 + 10) / 1e6
    )
    assert price.cost_usd(Usage(fresh=600, cached=401, output=1)) == pytest.approx(
        (1200 + 80.2 + 15) / 1e6
    )
    assert price.most_usd(1000, 1) == pytest.approx((1250 + 10) / 1e6)
    assert price.most_usd(1000, 1, kept_1h=True) == pytest.approx((2000 + 10) / 1e6)
    assert price.most_usd(1001, 1, kept_1h=True) == pytest.approx((2 * 1001 * 2 + 15) / 1e6)


def test_a_line_of_a_transcript_says_what_came_of_it(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.post()
    line = stage.lines()[0]
    assert line.keys() == {
        "at", "seconds", "upstream", "call", "model", "status", "why", "tries", "streamed",
        "input_tokens", "cached_tokens", "output_tokens", "cost_usd", "estimated", "withheld",
        "request", "response",
    }  # fmt: skip
    assert (line["upstream"], line["call"], line["model"]) == (
        "anthropic",
        "messages",
        "claude-test-1",
    )
    assert json.loads(line["request"]) == ASK
