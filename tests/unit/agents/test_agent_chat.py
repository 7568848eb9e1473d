"""Asking a model without any program around it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.agents.adapters.chat import MAX_SOURCE_BYTES, MAX_SOURCES, Answer, Chat, chosen
from runner.agents.protocol import Access, Assignment
from runner.agents.shapes import Json
from runner.errors import TaskError
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending
from runner.sandbox.protocol import Exit

SOURCES = {"a.py": b"x = 1\n", "logo.png": b"\x89PNG\0"}
CHANGE = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"


def openai(text: object, finish: str = "stop") -> Json:
    return {
        "model": "m-1-2026",
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 40},
        },
    }


def anthropic(text: str, stop: str = "end_turn") -> Json:
    return {
        "model": "m-1-2026",
        "content": [{"type": "thinking", "text": "no"}, {"type": "text", "text": text}],
        "stop_reason": stop,
        "usage": {"input_tokens": 60, "cache_read_input_tokens": 40, "output_tokens": 9},
    }


def ask(dialect: Dialect, response: object) -> tuple[Json, Answer]:
    bodies: list[Json] = []

    def call(body: Json) -> object:
        bodies.append(body)
        return response

    access = Access(dialect, "http://127.0.0.1:3129/up", "t")
    answer = Chat().ask(Assignment("Make it 2.", model="m-1", access=access), SOURCES, call)
    return bodies[0], answer


@pytest.mark.parametrize(
    ("dialect", "response"),
    [
        (Dialect.OPENAI, openai(CHANGE)),
        (Dialect.OPENAI, openai([{"type": "text", "text": CHANGE}])),
        (Dialect.ANTHROPIC, anthropic(CHANGE)),
    ],
)
def test_a_change_in_both_dialects(dialect: Dialect, response: Json, tmp_path: Path) -> None:
    body, answer = ask(dialect, response)
    assert body["model"] == "m-1"
    told = str(body["messages"])
    assert "Make it 2." in told
    assert "a.py\\n```\\nx = 1\\n```" in told
    assert "logo.png" not in told
    assert "SEARCH" in str(body)
    assert "max_tokens" in body or dialect is Dialect.OPENAI
    assert answer.reason == ""
    assert answer.said == CHANGE.strip()
    assert answer.model == "m-1-2026"
    assert answer.spending == Spending(1, 100, 40, 9, None)
    assert run(tmp_path, answer.patch) == (AgentStatus.DONE, "", b"x = 2\n")


def run(folder: Path, patch: bytes, before: bytes = b"x = 1\n") -> tuple[AgentStatus, str, bytes]:
    """What the script makes of a patch in a real repository."""
    (folder / "a.py").write_bytes(before)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    adapter = Chat()
    done = subprocess.run(
        ["sh", "-s"],
        input=adapter.script(Assignment("", patch=patch)),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=30,
    )
    reader = adapter.reader()
    list(reader.feed(done.stdout))
    ending = Exit.NONZERO if done.returncode else Exit.OK
    report = reader.report(ending, done.returncode)
    return report.status, report.reason, (folder / "a.py").read_bytes()


def test_a_patch_that_doesnt_apply_is_a_failed_round(tmp_path: Path) -> None:
    _, answer = ask(Dialect.OPENAI, openai(CHANGE))
    status, reason, _ = run(tmp_path, answer.patch, b"y = 7\n")
    assert status is AgentStatus.FAILED
    assert reason.startswith("ended with the code 1: error: ")


@pytest.mark.parametrize(
    ("dialect", "response", "reason"),
    [
        (Dialect.OPENAI, openai("Sorry."), "the answer holds no change: "),
        (Dialect.OPENAI, openai(CHANGE, "length"), "the answer is cut off"),
        (Dialect.ANTHROPIC, anthropic(CHANGE, "max_tokens"), "the answer is cut off"),
        (Dialect.OPENAI, {"error": {"message": "no"}}, "the model answers nothing: {"),
        (Dialect.OPENAI, openai(None), "the model answers nothing"),
        (
            Dialect.OPENAI,
            openai(CHANGE.replace("x = 1", "z")),
            "a.py: the lines that begin with 'z'",
        ),
        *(
            (dialect, response, "the model answers nothing")
            for dialect in (Dialect.OPENAI, Dialect.ANTHROPIC)
            for response in (None, [], "x", {}, {"choices": 1, "content": 2}, {"choices": [{}]})
        ),
        (
            Dialect.OPENAI,
            {"choices": [{"message": {"content": 7}}], "usage": []},
            "the model answers",
        ),
    ],
)
def test_what_is_no_patch_says_why(dialect: Dialect, response: object, reason: str) -> None:
    _, answer = ask(dialect, response)
    assert answer.patch == b""
    assert answer.reason.startswith(reason)


def test_a_fence_in_a_file_doesnt_end_it() -> None:
    body: list[Json] = []
    access = Access(Dialect.OPENAI, "http://127.0.0.1:3129/up", "t")
    given = {"r.md": b"```\ncode\n```\n"}
    Chat().ask(Assignment("p", model="m", access=access), given, lambda b: body.append(b))
    assert "r.md\\n````\\n```\\ncode\\n```\\n````" in str(body[0]["messages"])


def test_a_model_is_needed() -> None:
    access = Access(Dialect.OPENAI, "http://127.0.0.1:3129/up", "t")
    gemini = Access(Dialect.GEMINI, "http://127.0.0.1:3129/up", "t")
    chat = Chat()
    with pytest.raises(TaskError, match="agent chat: needs a model's name"):
        chat.ask(Assignment("p", access=access), {}, lambda _: None)
    with pytest.raises(TaskError, match="speaks openai or anthropic, not gemini"):
        chat.ask(Assignment("p", model="m", access=gemini), {}, lambda _: None)
    with pytest.raises(TaskError, match="there is no patch to apply"):
        chat.script(Assignment("p"))


def test_which_files_are_shown() -> None:
    sizes = {f"src/f{n}.py": 100 + n for n in range(100)}
    sizes |= {
        "data.bin": 10,
        "big.py": MAX_SOURCE_BYTES + 1,
        "docs/x.md": 50,
        "src/first.c": 40_000,
    }
    picked = chosen(sizes, "Look at src/f99.py, and at x.md.", ["src/first.c"])
    assert picked[:3] == ["src/first.c", "src/f99.py", "docs/x.md"]
    assert len(picked) == MAX_SOURCES
    assert not {"data.bin", "big.py"} & set(picked)
    assert chosen({"a.bin": 1}, "nothing") == []
    assert len(chosen({f"{n}.py": 50_000 for n in range(9)}, "")) == 4
