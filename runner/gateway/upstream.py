"""Where models are, as the task configures it: what is spoken there, and which models may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from runner.egress.target import parse_host
from runner.gateway.prices import Price

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_UNQUOTED = '"\\'  # so that a key looks the same inside of JSON, where it is searched for


class Dialect(StrEnum):
    """The protocol that an upstream speaks, and the programs that ask it.

    ``anthropic`` is Anthropic's Messages, ``openai`` is OpenAI's Chat Completions and Responses
    (and what vLLM, llama.cpp, Ollama and many others serve), ``gemini`` is Google's generateContent.
    """

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Upstream:
    """One service that answers for models.

    ``name`` is the first part of the path by which containers reach it. ``key`` is the secret
    itself, "" for a server that wants none. ``models`` are globs, in which upper and lower case
    differ. ``price`` is for all of them; without one, the list of prices is asked.

    ``url`` is what comes before the dialect's own paths: ``https://api.anthropic.com``,
    ``https://generativelanguage.googleapis.com``. For ``openai`` it ends with the version
    (``https://openrouter.ai/api/v1``), and is completed by ``/v1`` if it has no path at all.

    Raises ``ValueError`` that says which field is wrong, and what is allowed.
    """

    name: str
    dialect: Dialect
    url: str
    models: tuple[str, ...]
    key: str = field(default="", repr=False)
    price: Price | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                "name: must be up to 32 of a-z, 0-9 and -, and begin with none of the -"
            )
        if why := _wrong(self.url):
            raise ValueError(f"url: {why}")
        if not self.models or not all(self.models):
            raise ValueError('models: must list at least one name or glob, such as "claude-*"')
        if any(not "!" <= each <= "~" or each in _UNQUOTED for each in self.key):
            raise ValueError("key: must be printable ASCII without spaces, quotes and backslashes")

    @property
    def host(self) -> str:
        """The host, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, by the scheme if none is said."""
        return urlsplit(self.url).port or (443 if self.encrypted else 80)

    @property
    def authority(self) -> str:
        """Host and port as an address has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def encrypted(self) -> bool:
        """Whether it is reached over TLS."""
        return self.url.startswith("https://")

    @property
    def prefix(self) -> str:
        """The path below which the dialect's own paths lie: the version is one of theirs, except
        for ``openai``, where it belongs to the prefix."""
        path = urlsplit(self.url).path.rstrip("/")
        match self.dialect:
            case Dialect.ANTHROPIC:
                return path.removesuffix("/v1")
            case Dialect.OPENAI:
                return path or "/v1"
            case Dialect.GEMINI:
                return path.removesuffix("/v1").removesuffix("/v1beta")

    def serves(self, model: str) -> bool:
        """Whether a model may be asked here."""
        return any(fnmatchcase(model, each) for each in self.models)


def _wrong(url: str) -> str:
    """Why an address can't be an upstream's; "" if it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{error}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be of the form https://host[:port][/path]"
    try:
        parse_host(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    except ValueError as error:
        return f"{parts.hostname}: {error}"
    if parts.username is not None or parts.query or parts.fragment or port == 0:
        return "must have neither credentials nor a query, and a port from 1 on"
    if not all("!" <= each <= "~" for each in url):
        return "must be printable ASCII without spaces"
    return ""
