"""The agents' own programs, each in a container without a network.

The model is scripted, on this host's loopback; between it and them are the adapter, a door, and the
gateway. What the model says of tokens is what the gateway has to have counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import docker
import pytest

from runner.agents.adapters import by_name
from runner.agents.protocol import EventKind, Flags
from runner.gateway import Caps
from runner.model import AgentStatus, Spending
from runner.sandbox.protocol import Exit, Leftovers
from tests.agents.desk import KEY, Desk, Played
from tests.agents.image import agents_image
from tests.models.script import DONE, Run, Script, Trouble, Turn, Write, in_order, with_asides
from tests.models.server import ModelServer
from tests.worlds import Bench, World

pytestmark = pytest.mark.engine

AGENTS = ("aider", "claude", "codex", "gemini", "mini", "opencode")
HELLO = Turn("I greet.", Write("hello.txt", "hello\nworld\n"), input_tokens=1200, output_tokens=70)
# It also prints each word that begins as the key does, wherever a program in there can read.
EDIT = Turn(
    "I edit.",
    Run(
        "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -o 'sk-the-real[^ ]*';"
        " grep -rhos 'sk-the-real[-0-9]*' ~ /tmp /workspace; printf 'more\\n' >>README.md"
    ),
)
GOODBYE = Turn("And one more.", Write("goodbye.txt", "goodbye\n"))
OVERLOADED = Turn(status=503, retry_after_s=0.1)
PROJECT = """
git init -q -b main . && printf 'a project\\n' >README.md && git add -A
git -c user.name=oppie -c user.email=oppie@localhost commit -q -m project
"""
QUIET_S = 15.0
A_FRACTION_USD = 0.001  # the first request is let through, and none after that

Sit: TypeAlias = Callable[..., Desk]


@dataclass(frozen=True)
class Work:
    """What an agent did in two rounds, the later one from a snapshot of the first; ``later`` is
    ``None`` if it can't go on with a session. ``exposed`` is where secrets are in the snapshot."""

    desk: Desk
    server: ModelServer
    token: str
    first: Played
    asked_first: int
    exposed: str
    later: Played | None
    spending: Spending


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    return agents_image(client)


@contextmanager
def bench_of(image: str, folder: Path) -> Iterator[Bench]:
    """A bench whose containers have the agents; fails if anything is left behind."""
    world = World("engine", folder, image, f"test-{secrets.token_hex(6)}")
    sandbox = world.open()
    bench = Bench(world, sandbox, folder, "agent")
    try:
        yield bench
        assert bench.clean() == Leftovers()
    finally:
        sandbox.close()


@pytest.fixture(scope="session")
def found() -> dict[str, Flags]:
    """What the programs say of themselves: each is asked once."""
    return {}


def seated(bench: Bench, agent: str, caps: Caps, found: dict[str, Flags]) -> Desk:
    desk = Desk(bench, by_name(agent), bench.child(PROJECT, "A").digest, caps)
    desk.found = found[agent] if agent in found else desk.ask_for_flags()
    found[agent] = desk.found
    return desk


@pytest.fixture
def sit(image: str, found: dict[str, Flags], tmp_path: Path) -> Iterator[Sit]:
    """Gives an agent a desk in a project of its own."""
    with bench_of(image, tmp_path) as bench:
        yield lambda agent, caps=Caps(): seated(bench, agent, caps, found)  # noqa: B008


@pytest.fixture(scope="module", params=AGENTS)
def work(
    request: pytest.FixtureRequest,
    image: str,
    found: dict[str, Flags],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Work]:
    """The two rounds of each agent in turn."""
    agent: str = request.param
    with bench_of(image, tmp_path_factory.mktemp(agent)) as bench:
        yield work_of(seated(bench, agent, Caps(), found))


def work_of(desk: Desk) -> Work:
    agent = desk.adapter.name
    turns = (OVERLOADED, HELLO, GOODBYE) if agent == "aider" else (OVERLOADED, HELLO, EDIT, DONE)
    with desk.model(script_of(agent, *turns, GOODBYE)) as (server, account):
        first = desk.play(account)
        asked = len(server.asked)
        state = desk.bench.commit(first.step.container, "A.1")
        exposed = secrets_in(desk, state.digest, KEY, account.token)
        later = None
        if desk.adapter.resumes:
            session = first.report.session
            later = desk.play(account, state.digest, session, "Say goodbye as well.")
    return Work(desk, server, account.token, first, asked, exposed, later, account.spending)


def script_of(agent: str, *turns: Turn) -> Script:
    """Aider offers no tools in what it asks."""
    return in_order(*turns) if agent == "aider" else with_asides(in_order(*turns))


def secrets_in(desk: Desk, image: str, *secrets: str) -> str:
    """Where secrets are in what an image holds, the distribution's and the agents' own files
    excepted."""
    wanted = " ".join(f"-e {secret}" for secret in secrets)
    _, said = desk.bench.sh(
        f"env | grep -F {wanted}; grep -rlsF {wanted} / --exclude-dir=proc --exclude-dir=sys"
        " --exclude-dir=dev --exclude-dir=usr --exclude-dir=opt",
        image,
    )
    return said.decode(errors="replace")


def files_of(desk: Desk, container: str) -> set[str]:
    """The workspace's files, but git's."""
    paths = (name.removeprefix("workspace").strip("/") for name in desk.bench.files(container))
    return {path for path in paths if path and path.split("/")[0] != ".git"}


def test_an_agent_edits_files_and_says_so(work: Work) -> None:
    desk, first = work.desk, work.first
    log = first.log.decode(errors="replace")
    assert (first.report.status, first.step.exit) == (AgentStatus.DONE, Exit.OK), log
    assert desk.bench.read(first.step.container, "hello.txt") == b"hello\nworld\n"
    assert files_of(desk, first.step.container) == {"README.md", "hello.txt"}
    edited = b"a project\n" if desk.adapter.name == "aider" else b"a project\nmore\n"
    assert desk.bench.read(first.step.container, "README.md") == edited
    assert "I greet." in "\n".join(e.text for e in first.events if e.kind is EventKind.SAID)
    used = [event.text for event in first.events if event.kind is EventKind.TOOL]
    assert len(used) == {"aider": 1, "mini": 0}.get(desk.adapter.name, 2)
    assert bool(first.report.session) == desk.adapter.resumes
    assert desk.found.version
    assert first.report.version in ("", desk.found.version)


def test_what_an_agent_uses_is_counted(work: Work) -> None:
    told, spending = work.server.told, work.spending
    assert spending.requests == len(told) == len(work.server.asked) - 1  # one was refused
    assert spending.input_tokens == sum(each.input_tokens for each in told)
    assert spending.output_tokens == sum(each.output_tokens for each in told)
    assert spending.cost_usd
    assert spending.cost_usd > 0


def test_neither_key_nor_token_is_kept(work: Work) -> None:
    assert work.exposed == ""
    for secret in (KEY, work.token):
        assert secret.encode() not in work.first.log
        assert secret not in work.desk.transcript.read_text()
    assert all(KEY in str(asked.headers) for asked in work.server.asked)
    assert not any(KEY in asked.text for asked in work.server.asked)  # nor did a command find it


def test_a_later_round_goes_on_with_the_session(work: Work) -> None:
    if work.later is None:
        assert work.desk.adapter.name == "mini"
        return
    log = work.later.log.decode(errors="replace")
    assert work.later.report.status is AgentStatus.DONE, log
    assert work.later.report.session == work.first.report.session
    container = work.later.step.container
    assert files_of(work.desk, container) == {"README.md", "hello.txt", "goodbye.txt"}
    text = work.server.asked[work.asked_first].text
    assert "I greet." in text
    assert text.index("Greet the world") < text.rindex("Say goodbye as well.")


def test_an_agent_that_hangs_is_a_timeout_and_its_work_is_kept(sit: Sit) -> None:
    desk = sit("claude")
    with desk.model(script_of("claude", HELLO, Turn(trouble=Trouble.STALL))) as (_, account):
        played = desk.play(account, quiet_s=QUIET_S)
    assert (played.step.exit, played.report.status) == (Exit.SILENT, AgentStatus.TIMEOUT)
    assert desk.bench.read(played.step.container, "hello.txt") == b"hello\nworld\n"


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_an_agent_without_money_gives_up(agent: str, sit: Sit) -> None:
    """At once; those that use LiteLLM ask again for a minute."""
    desk = sit(agent, Caps(node_usd=A_FRACTION_USD))
    with desk.model(script_of(agent, HELLO)) as (server, account):
        desk.spend_some(account)
        played = desk.play(account)
    assert played.step.exit is Exit.NONZERO
    assert played.report.status is AgentStatus.FAILED
    assert "the node's budget is spent" in account.spent
    assert files_of(desk, played.step.container) == {"README.md"}
    assert len(server.asked) == account.spending.requests == 1


def test_half_an_answer_is_asked_for_again_and_paid(sit: Sit) -> None:
    desk = sit("claude")
    half = Turn("I think about it. " * 20, trouble=Trouble.CUT, input_tokens=3000)
    with desk.model(script_of("claude", half, HELLO)) as (server, account):
        played = desk.play(account)
    assert played.report.status is AgentStatus.DONE, played.log.decode(errors="replace")
    assert desk.bench.read(played.step.container, "hello.txt") == b"hello\nworld\n"
    assert account.spending.requests == len(server.asked) == len(server.told) + 1
    told = sum(each.input_tokens for each in server.told)
    assert account.spending.input_tokens == told + half.input_tokens
    assert account.spending.output_tokens > sum(each.output_tokens for each in server.told)
    assert account.spending.estimated
