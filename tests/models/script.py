"""What the model of a test says, turn by turn, and what it is asked.

A turn is about what shall be done ("write this file"), not about how the program on the other side
calls its tools: ``tools`` finds that out from what each request offers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]


class Dialect(StrEnum):
    """A wire protocol: Anthropic's Messages, OpenAI's Chat Completions, its Responses, or Google's
    generateContent."""

    MESSAGES = "messages"
    CHAT = "chat"
    RESPONSES = "responses"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Write:
    """The wish that a file has this text and no other."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """The wish that a shell runs this command."""

    command: str


@dataclass(frozen=True, slots=True)
class Call:
    """The wish that this very tool is called, whether it was offered or not."""

    tool: str
    arguments: Json


Wish: TypeAlias = Write | Run | Call


class Trouble(StrEnum):
    """What goes wrong with an answer, once its first half is through where there is a half."""

    NONE = "none"
    STALL = "stall"  # before the first byte: nothing comes until the server is closed
    STALL_HALFWAY = "stall halfway"
    CUT = "cut"  # the connection ends in the middle
    MALFORMED = "malformed"  # events that are no JSON, or not what they say, among the good ones


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer: words, or the call of a tool, or both. ``status`` other than 200 is an error,
    with ``retry_after_s`` in its head if that is given. The numbers are tokens, and what the answer
    says they are; ``input_tokens`` includes ``cached_tokens``.
    """

    say: str = ""
    wish: Wish | None = None
    trouble: Trouble = Trouble.NONE
    status: int = 200
    retry_after_s: float | None = None
    input_tokens: int = 1000
    cached_tokens: int = 0
    output_tokens: int = 50


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers. ``kind`` is its ``type`` on the wire, ``fields`` the JSON types
    of its arguments."""

    name: str
    kind: str = "function"
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: ``headers`` in lower case, ``body`` parsed, ``text`` as it was."""

    path: str
    headers: Mapping[str, str]
    body: Json
    text: str
    dialect: Dialect | None = None  # None: of no dialect, such as the list of models
    tools: tuple[Tool, ...] = ()

    @property
    def model(self) -> str:
        if self.dialect is Dialect.GEMINI:
            return self.path.rpartition("/models/")[2].partition(":")[0]
        return str(self.body.get("model", ""))

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream")) or self.path.endswith(":streamGenerateContent")


Script: TypeAlias = Callable[[Asked], Turn]

DONE = Turn(say="Done.")


def in_order(*turns: Turn) -> Script:
    """The turns one after the other, whoever asks; ``DONE`` for ever when they are over."""
    return _Turns(iter(turns))


def with_asides(script: Script) -> Script:
    """The script for those who offer tools; the others get a word. Claude Code asks a second model
    for titles and the like, which is no turn of the conversation."""
    return lambda asked: script(asked) if asked.tools else replace(DONE, say="fine")


class _Turns:
    def __init__(self, turns: Iterator[Turn]) -> None:
        self._turns = turns
        self._lock = threading.Lock()

    def __call__(self, _: Asked) -> Turn:
        with self._lock:
            return next(self._turns, DONE)
