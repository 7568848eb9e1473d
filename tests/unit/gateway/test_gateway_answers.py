"""Requests that are let through: what the upstream is told, what the container, what is counted."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import ASK, KEY, Stage, event, message, message_events, reply, stream

from runner.gateway import Ledger, Refused
from runner.model import Spending


def test_a_whole_answer(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        heard = stage.post(
            "/anthropic/v1/messages?beta=true", None, f"x-api-key: {stage.account.token}",
            "anthropic-beta: some-2026", "x-secret: 1", "cookie: a=b",
        )  # fmt: skip
        assert heard.status == 200
        assert heard.json == message()
        [said] = stage.server.heard
        assert said.line == "POST /v1/messages?beta=true HTTP/1.1"
        assert said.json == ASK
        assert said.headers["x-api-key"] == KEY
        assert said.headers["anthropic-beta"] == "some-2026"
        assert said.headers["anthropic-version"] == "2023-06-01"
        assert said.headers["accept-encoding"] == "identity"
        assert not {"x-secret", "cookie", "authorization"} & set(said.headers)
        cost = (100 * 1.0 + 5 * 10.0) / 1e6
        assert stage.account.spending == Spending(1, 100, 0, 5, pytest.approx(cost), False)
        assert stage.gateway.spent_run_usd == pytest.approx(cost)
    [line] = stage.lines()
    assert line["status"] == 200
    assert line["response"] == "hello"
    assert json.loads(line["request"]) == ASK
    assert line["cost_usd"] == pytest.approx(cost)
