"""Caps: that they hold to within one response, however many ask at a time, and what is said then."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import (
    ASK,
    PATIENCE,
    PRICE,
    RUN,
    Heard,
    Said,
    Stage,
    message,
    message_events,
    read_answer,
    reply,
    stream,
)

from runner.errors import StateError
from runner.gateway import Caps, Ledger, OutOfMoney, Refused

STREAM = ASK | {"stream": True}
# What each answer below costs: 100 fresh and 40 cached tokens in, 1000 out.
COST = (100 * PRICE.input + 40 * PRICE.cached + 1000 * PRICE.output) / 1e6
ANSWER = stream(message_events("x", output=1000))
# Most that is set aside for ASK with 1000 tokens of output: see `bodies`.
ASK_1000 = STREAM | {"max_tokens": 1000}


def all_at_once(stage: Stage, count: int, body: dict[str, Any]) -> list[Heard]:
    with ThreadPoolExecutor(count) as pool:
        posts = [pool.submit(stage.post, "/anthropic/v1/messages", body) for _ in range(count)]
        return [each.result(60) for each in posts]


def test_sixteen_streams_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(16)

    def play(sock: socket.socket, said: Said) -> None:
        together.wait(20)
        ANSWER(sock, said)

    with Stage(tmp_path, [play]) as stage:
        answers = all_at_once(stage, 16, STREAM)
        assert {each.body for each in answers} == {b"".join(message_events("x", output=1000))}
        stage.close()
        assert stage.server.open_at_most == 16
        assert stage.account.spending.requests == 16
        assert stage.account.spending.cost_usd == pytest.approx(16 * COST)
        assert stage.ledger.run_usd == pytest.approx(16 * COST)
    assert len(stage.lines()) == 16


@pytest.mark.parametrize("which", ["node_usd", "run_usd", "day_usd"])
@pytest.mark.parametrize("cap", [COST / 2, 2.5 * COST, 7.3 * COST, 4 * COST])
def test_no_cap_is_passed_by_more_than_one_response(tmp_path: Path, which: str, cap: float) -> None:
    with Stage(tmp_path, [ANSWER], caps=Caps(**{which: cap})) as stage:
        answers = all_at_once(stage, 16, ASK_1000)
        stage.close()
        spent = stage.account.spending.cost_usd
        assert spent is not None
        assert cap <= spent + 1e-9 < cap + COST + 1e-9
        served = [each for each in answers if each.status == 200]
        assert len(served) == len(stage.server.heard) == round(spent / COST)
        assert {each.status for each in answers} == {200, 429}
        reason = stage.account.spent
        assert reason.startswith(f"the {which.removesuffix('_usd')}'s budget is spent: ")
        refused = next(each for each in answers if each.status == 429)
        assert refused.json["error"]["message"] == f"oppie: {reason}"
        assert refused.headers["x-should-retry"] == "false"


def test_as_many_run_at_a_time_as_the_cap_has_room_for(tmp_path: Path) -> None:
    """What is set aside for one: some 4,100 bytes of input at 1.25 times its price, and all its
    output; 1.5 cents."""
    together = threading.Barrier(3)

    def play(sock: socket.socket, said: Said) -> None:
        together.wait(20)
        ANSWER(sock, said)

    with Stage(tmp_path, [play, play, play, ANSWER], caps=Caps(node_usd=0.06)) as stage:
        all_at_once(stage, 12, ASK_1000)
        assert stage.server.open_at_most == 3


def test_who_waits_too_long_for_others_may_come_again(tmp_path: Path) -> None:
    done, asked = threading.Event(), threading.Event()

    def play(sock: socket.socket, said: Said) -> None:
        asked.set()
        assert done.wait(20)
        ANSWER(sock, said)

    patience = replace(PATIENCE, money_s=0.1)
    with Stage(tmp_path, [play], caps=Caps(node_usd=0.001), patience=patience) as stage:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(stage.post, "/anthropic/v1/messages", STREAM)
            assert asked.wait(20)
            second = stage.post()
            done.set()
            assert first.result(20).status == 200
        assert second.status == 429
        assert second.headers["retry-after"] == "5"
        assert "x-should-retry" not in second.headers
        assert stage.account.spent == ""


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/anthropic/v1/messages", ASK, "rate_limit_error"),
        ("/openai/v1/chat/completions", ASK, "insufficient_quota"),
        ("/openai/v1/responses", ASK | {"input": "x"}, "insufficient_quota"),
        ("/gemini/v1beta/models/gemini-x:generateContent", {}, "RESOURCE_EXHAUSTED"),
    ],
)
def test_each_dialect_says_in_its_words_that_the_money_is_gone(
    tmp_path: Path, path: str, body: dict[str, Any], kind: str
) -> None:
    with Stage(tmp_path, caps=Caps(node_usd=1e-6)) as stage:
        assert stage.post().status == 200
        heard = stage.post(path, body)
        assert heard.status == 429
        assert kind in heard.json["error"].values()
        assert "this node may use $1e-06, and has used $0.00015" in heard.json["error"]["message"]
        with pytest.raises(OutOfMoney, match="this node may use"):
            stage.account.ask("anthropic", "/v1/messages", ASK)
        if kind == "RESOURCE_EXHAUSTED":
            assert "PerDay" in heard.json["error"]["details"][0]["violations"][0]["quotaId"]


def test_a_nodes_cap_is_of_all_its_accounts_and_of_no_other_node(tmp_path: Path) -> None:
    with Stage(tmp_path, caps=Caps(node_usd=1e-6)) as stage:
        stage.post()
        stage.close()
        with stage.gateway.open("A.1", stage.transcript) as again:
            with pytest.raises(OutOfMoney):
                again.ask("anthropic", "/v1/messages", ASK)
            assert again.spending.requests == 1  # the first account's
        with stage.gateway.open("A.2", tmp_path / "other.jsonl") as other:
            other.ask("anthropic", "/v1/messages", ASK)
            assert other.spending.requests == 1
        assert stage.gateway.spent_by("A.1") == stage.account.spending
        assert stage.gateway.spending.requests == 2


def test_counting_tokens_goes_on_without_money(tmp_path: Path) -> None:
    with Stage(tmp_path, caps=Caps(node_usd=1e-6)) as stage:
        stage.post()
        assert stage.post().status == 429
        assert stage.post("/anthropic/v1/messages/count_tokens").status == 200


def test_what_costs_nothing_waits_for_nobody(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def play(sock: socket.socket, said: Said) -> None:
        together.wait(20)
        ANSWER(sock, said)

    free = replace(PRICE, input=0.0, cached=0.0, output=0.0)
    with Stage(tmp_path, [play], caps=Caps(node_usd=1e-6), price=free) as stage:
        assert {each.status for each in all_at_once(stage, 8, STREAM)} == {200}
        stage.close()
        assert stage.account.spending.cost_usd == 0
        assert stage.account.spending.output_tokens == 8000
        assert not stage.account.spending.estimated


def test_a_request_that_is_never_answered_gives_its_money_back(tmp_path: Path) -> None:
    scripts = [reply(400, {"error": "no"}), reply(200, message())]
    with Stage(tmp_path, scripts, caps=Caps(node_usd=0.001)) as stage:
        assert stage.post().status == 400
        assert stage.post().status == 200


def full(number: int) -> Callable[..., Any]:
    def fail(*_: object) -> int:
        raise OSError(number, "No space left on device")

    return fail


def test_without_a_record_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(tmp_path) as stage:
        with monkeypatch.context() as patch:
            patch.setattr("runner.gateway.daybook.os.pwrite", full(28))
            heard = stage.post()
        assert heard.status == 503
        assert stage.server.heard == []
        with pytest.raises(
            StateError, match=r"can't keep account of what models cost in .*No space"
        ):
            stage.close()
        stage.account._failure = None  # it has been told


def test_an_answer_whose_cost_cannot_be_kept_counts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def play(sock: socket.socket, said: Said) -> None:
            patch.setattr("runner.gateway.daybook.os.pwrite", full(28))
            reply(200, message())(sock, said)

        with Stage(tmp_path, [play], caps=Caps(node_usd=1e-6)) as stage:
            assert stage.post().status == 503
            with pytest.raises(StateError):
                stage.close()
            stage.account._failure = None
            assert stage.ledger.run_usd > 1e-6
    with Ledger(tmp_path / "spending", RUN) as again:
        assert again.run_usd > stage.ledger.run_usd  # all that had been set aside


def test_an_account_tells_its_failure_only_if_nothing_else_went_wrong(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        account = stage.gateway.open("A.3", tmp_path / "gone" / "t.jsonl")
        account.ask("anthropic", "/v1/messages", ASK)
        with pytest.raises(RuntimeError), account:
            raise RuntimeError
        with pytest.raises(StateError, match="can't write"), account:
            pass


def test_what_goes_wrong_in_a_thread_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("nobody thought of this")

    with Stage(tmp_path) as stage:
        monkeypatch.setattr("runner.gateway.serving.ask", fail)
        assert stage.raw(stage.request("/anthropic/v1/messages", ASK)) == b""
        with pytest.raises(LookupError, match="nobody thought of this"):
            stage.close()
        stage.account._failure = None


def test_a_wait_for_money_ends_with_the_node(tmp_path: Path) -> None:
    done, asked = threading.Event(), threading.Event()

    def play(sock: socket.socket, said: Said) -> None:
        asked.set()
        assert done.wait(20)
        ANSWER(sock, said)

    with Stage(tmp_path, [play], caps=Caps(run_usd=0.001)) as stage:
        other = stage.gateway.open("A.2", tmp_path / "2.jsonl")
        with stage.client() as sock, ThreadPoolExecutor(1) as pool:
            sock.sendall(stage.request("/anthropic/v1/messages", ASK))
            assert asked.wait(20)
            waits = pool.submit(other.ask, "anthropic", "/v1/messages", ASK)
            other.__exit__(None, None, None)
            with pytest.raises(Refused, match="at its end"):
                waits.result(20)
            done.set()
            assert read_answer(sock).status == 200


def test_whoever_has_all_of_an_answer_finds_it_paid(tmp_path: Path) -> None:
    with Stage(tmp_path, [reply(200, message()), ANSWER]) as stage:
        stage.post()
        assert stage.account.spending.requests == 1
        stage.post("/anthropic/v1/messages", STREAM)
        assert stage.account.spending.requests == 2


def test_what_is_cut_is_settled_and_the_account_goes_on(tmp_path: Path) -> None:
    """The end of one step of a node: one request streams, one waits for an upstream's first byte,
    one for its turn to be asked again."""
    asked = threading.Semaphore(0)

    def half(sock: socket.socket, said: Said) -> None:
        stream(message_events("x" * 400)[:3], end=False)(sock, said)
        asked.release()
        sock.recv(1)

    def nothing(sock: socket.socket, said: Said) -> None:
        del said
        asked.release()
        sock.recv(1)

    def busy(sock: socket.socket, said: Said) -> None:
        reply(429, {"error": "busy"}, "retry-after: 15")(sock, said)
        asked.release()

    with Stage(tmp_path, [half, nothing, busy, ANSWER]) as stage:
        with stage.client() as one, stage.client() as two, stage.client() as three:
            one.sendall(stage.request("/anthropic/v1/messages", STREAM))
            while b"xxx" not in one.recv(1 << 16):
                pass
            for sock in (two, three):
                assert asked.acquire(timeout=20)
                sock.sendall(stage.request("/anthropic/v1/messages", STREAM))
            assert asked.acquire(timeout=20)
            spent = stage.account.cut()
        assert spent.output_tokens == 100
        assert stage.account.cut() == spent
        assert stage.post("/anthropic/v1/messages", STREAM).status == 200
        assert stage.account.cut().requests > spent.requests
    assert len(stage.lines()) == 4


def test_requests_are_told_apart_from_what_they_were_refused_for(tmp_path: Path) -> None:
    with Stage(tmp_path, caps=Caps(node_usd=1e-6)) as stage:
        stage.post()
        stage.post()
        stage.close()
        day = next((tmp_path / "spending").glob("*.jsonl"))
        opened, settled = map(json.loads, day.read_text().splitlines())
        assert opened["node"] == "A.1"
        assert settled["id"] == opened["id"]
        assert settled["nano"] < opened["most_nano"]
