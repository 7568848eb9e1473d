"""What was asked of models at a node, and what they answered: evidence, one JSON object a line."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from runner.errors import StateError
from runner.keeping import keeping

TEXT_LIMIT_CHARS = 256 << 10
FILE_LIMIT_BYTES = 64 << 20
_MASK = "[hidden]"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request. ``at`` is when it began, in seconds since the epoch, by the planner's clock.
    ``status`` is what the container was answered, ``why`` says what went wrong. ``tries`` is how
    often the upstream was asked. ``withheld`` are tools that were taken out of the request."""

    at: float
    seconds: float
    upstream: str
    call: str
    model: str
    status: int
    why: str
    tries: int
    streamed: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    estimated: bool
    withheld: tuple[str, ...]
    request: str
    response: str


class Redaction:
    """Secrets, and what stands in their place."""

    def __init__(self, hidden: Iterable[str]) -> None:
        longest_first = sorted(filter(None, hidden), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._bytes = re.compile(self._words.pattern.encode("utf-8"))

    def text(self, said: str) -> str:
        """A text without them."""
        return self._words.sub(_MASK, said)

    def data(self, said: bytes) -> bytes:
        """Bytes without them."""
        return self._bytes.sub(_MASK.encode("ascii"), said)


class Transcript:
    """The file of one node, which is appended to; its folder has to be there. Threads may share one.

    Texts are shortened in their middle, and left out once the file is full.
    """

    def __init__(self, path: Path, redaction: Redaction) -> None:
        self._path = path
        self._redaction = redaction
        self._lock = threading.Lock()
        self._failure: StateError | None = None

    def add(self, exchange: Exchange) -> None:
        """Write one request down. That it could not be written is raised by ``close``, in the thread
        of whoever answers for the node."""
        fields = {name: self._shown(value) for name, value in asdict(exchange).items()}
        line = json.dumps(fields).encode("ascii")
        with self._lock:
            if self._failure:
                return
            try:
                with keeping("write", self._path), self._path.open("ab") as file:
                    if file.tell() + len(line) > FILE_LIMIT_BYTES:
                        line = json.dumps(fields | {"request": "", "response": ""}).encode("ascii")
                    file.write(line + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
            except StateError as error:
                self._failure = error

    def close(self) -> None:
        """Raises ``StateError`` for what is missing."""
        if self._failure:
            raise self._failure

    def _shown(self, value: object) -> object:
        if isinstance(value, str):
            return shortened(self._redaction.text(value))
        if isinstance(value, tuple):
            return [self._shown(each) for each in value]
        return value


def shortened(text: str, limit_chars: int = TEXT_LIMIT_CHARS) -> str:
    """A text with so many characters of its two ends."""
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]}[... {len(text) - 2 * half} characters ...]{text[-half:]}"
