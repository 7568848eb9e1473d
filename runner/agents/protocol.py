"""What an agent is to the rest of the house: how one is started, read, and reported on.

An adapter turns an assignment into a shell script that runs the agent's own program in a node's
container, and its reader turns what that program prints into events and, at the end, a report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from runner.gateway import PORT, Dialect
from runner.model import AgentStatus, Spending
from runner.sandbox.protocol import Exit

# The gateway's and the tools' ports on a container's loopback, unless the environment says
# otherwise in OPPIE_PORT_<port>, as it does where nodes share one loopback.
GATEWAY_PORT = PORT
MCP_PORT = 3130
# How long programs wait for one of our tools, which may run tests or a benchmark; the tools have
# limits of their own.
TOOL_TIME_S = 1800


class EventKind(StrEnum):
    """What one event of an agent's session is about, and what its text then is."""

    SESSION = "session"  # it begins, or goes on; the session's name
    SAID = "said"  # a message of the agent
    TOOL = "tool"  # a tool is used; its name and what it was given
    PHASE = "phase"  # a phase of the work begins; one of PHASES
    USAGE = "usage"  # tokens, as the agent itself counts them
    RESULT = "result"  # the session is over; in the agent's own words, why


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event of a session. ``text`` is one line of at most 400 printable characters,
    except for ``SAID``, which may have several lines."""

    kind: EventKind
    text: str


@dataclass(frozen=True, slots=True)
class Flags:
    """What an agent's program says of itself: its version, and those of the adapter's flags that its
    help lists."""

    version: str = ""
    present: frozenset[str] = frozenset()

    def __contains__(self, flag: str) -> bool:
        return flag in self.present


@dataclass(frozen=True, slots=True)
class Access:
    """How programs in the container reach models: over the gateway, with the node's own token.

    ``base_url`` is what the gateway gives for ``dialect``; its port is replaced in the script
    where the environment says so. The token is worth nothing once the node is over.
    """

    dialect: Dialect
    base_url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One round of one agent at one node.

    ``number`` counts the rounds from 1. ``session`` is what the round before reported; "" begins a
    new one. ``model`` is passed on as it is; "" leaves it to the agent. ``cost_usd`` is what the
    agent is told that it may spend (the gateway's caps hold whatever it makes of that). ``access``
    is ``None`` for agents that ask no model. ``bridge`` is the program (Python, standard library)
    that agents start as their MCP server; b"" for none. ``found`` is what ``read_probe`` gave.
    ``command`` and ``recording`` are the spec's; ``patch`` is what ``chat`` was answered.
    """

    prompt: str
    model: str = ""
    session: str = ""
    number: int = 1
    turns: int = 50
    cost_usd: float | None = None
    access: Access | None = None
    bridge: bytes = b""
    found: Flags = Flags()
    command: str = ""
    recording: bytes = b""
    patch: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one round, by what the agent's program printed and how it ended.

    ``reason`` is one line, "" for ``DONE``. ``said`` is the last message. ``turns``, ``cost_usd``
    and ``tokens`` are the agent's own figures, ``None`` where it gives none; what the gateway
    counted is better. All of it is the word of a program in the container.
    """

    status: AgentStatus
    reason: str = ""
    said: str = ""
    session: str = ""
    version: str = ""
    model: str = ""
    turns: int | None = None
    cost_usd: float | None = None
    tokens: Spending | None = None


class Reader(Protocol):
    """Reads one round's output, as it comes. Never raises, whatever it is given."""

    @property
    def done(self) -> bool:
        """Whether the result is in: whatever the program still does changes nothing."""

    def feed(self, data: bytes) -> Iterable[AgentEvent]:
        """The events that ``data``, the next part of stdout and stderr, completes."""

    def report(self, ending: Exit, code: int) -> Report:
        """What came of it, once the step has ended so, with the program's exit code."""


class Adapter(Protocol):
    """One kind of agent.

    ``dialects`` are those that it can ask models in, the best first; none for agents that need no
    model. ``resumes``: a later round can go on with the session of the one before. Where not, the
    later round's prompt has to say everything again. ``tools``: it can be given an MCP server.
    ``has_own_model``: it knows which model to ask, or needs none, where none is named.
    """

    @property
    def name(self) -> str: ...

    @property
    def dialects(self) -> tuple[Dialect, ...]: ...

    @property
    def resumes(self) -> bool: ...

    @property
    def tools(self) -> bool: ...

    @property
    def has_own_model(self) -> bool: ...

    @property
    def probe(self) -> str:
        """A shell script that prints the version and the help of the agent's program; "" if there
        is none to ask."""

    def read_probe(self, text: str) -> Flags:
        """What the probe's output says.

        Raises ``TaskError`` if the program isn't there, or lacks a flag that the adapter needs.
        """

    def script(self, assignment: Assignment) -> bytes:
        """What to feed to ``sh -s`` in the workspace, as the image's user, for this round.

        Its exit code is the agent's. Raises ``TaskError`` if the assignment lacks something.
        """

    def reader(self) -> Reader:
        """A reader for one round's output."""
