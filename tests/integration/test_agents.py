"""Claude Code, Codex, Aider and mini-swe-agent themselves, each in a container without a network.

The model is scripted, on this host's loopback; between it and them are the adapter, a door, and the
gateway. What the model says of tokens is what the gateway has to have counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import docker
import pytest

from runner.agents.adapters import by_name
from runner.agents.protocol import EventKind, Flags
from runner.gateway import Caps
from runner.model import AgentStatus
from runner.sandbox.protocol import Exit, Leftovers
from tests.agents.desk import KEY, Desk
from tests.agents.image import agents_image
from tests.models.script import DONE, Run, Script, Trouble, Turn, Write, in_order, with_asides
from tests.worlds import Bench, World

pytestmark = pytest.mark.engine

AGENTS = ("claude", "codex", "aider", "mini")
WITH_A_SHELL = ("claude", "codex", "mini")
IN_SESSIONS = ("claude", "codex")
HELLO = Turn("I greet.", Write("hello.txt", "hello\nworld\n"), input_tokens=1200, output_tokens=70)
# It also prints each word in which the key's beginning is, wherever a program in there can read.
EDIT = Turn(
    "I edit.",
    Run(
        "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -o 'sk-the-real[^ ]*';"
        " grep -rhos 'sk-the-real[-0-9]*' ~ /tmp /workspace; printf 'more\\n' >>README.md"
    ),
)
GOODBYE = Turn("And one more.", Write("goodbye.txt", "goodbye\n"))
PROJECT = """
git init -q -b main . && printf 'a project\\n' >README.md && git add -A
git -c user.name=oppie -c user.email=oppie@localhost commit -q -m project
"""
QUIET_S = 15.0
A_FRACTION_USD = 0.001  # the first request is let through, and none after that
OVERLOADED = Turn(status=529, retry_after_s=0.1)


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    return agents_image(client)


@pytest.fixture(scope="session")
def found() -> dict[str, Flags]:
    """What the programs say of themselves: each is asked once."""
    return {}


Sit: TypeAlias = Callable[..., Desk]


@pytest.fixture
def sit(image: str, run_id: str, found: dict[str, Flags], tmp_path: Path) -> Iterator[Sit]:
    """Gives an agent a desk in a project of its own."""
    world = World("engine", tmp_path, image, run_id)
    sandbox = world.open()
    bench = Bench(world, sandbox, tmp_path, "agent")

    def sit(agent: str, caps: Caps | None = None) -> Desk:
        desk = Desk(bench, by_name(agent), bench.child(PROJECT, "A").digest, caps or Caps())
        if agent not in found:
            found[agent] = desk.ask_for_flags()
        desk.found = found[agent]
        return desk

    yield sit
    try:
        assert bench.clean() == Leftovers()
    finally:
        sandbox.close()


def files_of(desk: Desk, container: str) -> set[str]:
    """The workspace's files, but git's."""
    paths = (name.removeprefix("workspace").strip("/") for name in desk.bench.files(container))
    return {path for path in paths if path and path.split("/")[0] != ".git"}


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


def script_of(agent: str, *turns: Turn) -> Script:
    """Aider offers no tools in what it asks."""
    return in_order(*turns) if agent == "aider" else with_asides(in_order(*turns))


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_edits_files_and_its_tokens_are_counted(agent: str, sit: Sit) -> None:
    desk = sit(agent)
    has_shell = agent in WITH_A_SHELL
    turns = (OVERLOADED, HELLO, EDIT) if has_shell else (OVERLOADED, HELLO)
    with desk.model(script_of(agent, *turns)) as (server, account):
        played = desk.play(account)
        state = desk.bench.commit(played.step.container, "A.1")
        assert secrets_in(desk, state.digest, KEY, account.token) == ""
    log = played.log.decode(errors="replace")
    assert (played.report.status, played.step.exit) == (AgentStatus.DONE, Exit.OK), log
    assert desk.bench.read(played.step.container, "hello.txt") == b"hello\nworld\n"
    edited = b"a project\nmore\n" if has_shell else b"a project\n"
    assert desk.bench.read(played.step.container, "README.md") == edited
    assert files_of(desk, played.step.container) == {"README.md", "hello.txt"}

    assert "I greet." in "\n".join(e.text for e in played.events if e.kind is EventKind.SAID)
    used = [event.text for event in played.events if event.kind is EventKind.TOOL]
    assert len(used) == {"claude": 2, "codex": 2, "aider": 1, "mini": 0}[agent]
    assert bool(played.report.session) == desk.adapter.resumes
    assert played.report.version in ("", desk.found.version)
    assert desk.found.version

    told, spending = server.told, account.spending
    assert spending.requests == len(told) == (3 if has_shell else 1)
    assert spending.input_tokens == sum(each.input_tokens for each in told)
    assert spending.output_tokens == sum(each.output_tokens for each in told)
    assert spending.cost_usd
    assert spending.cost_usd > 0
    if played.report.tokens:
        assert played.report.tokens.input_tokens == spending.input_tokens

    assert all(KEY in str(asked.headers) for asked in server.asked)
    assert not any(KEY in asked.text for asked in server.asked)
    for secret in (KEY, account.token):
        assert secret not in log
        assert secret not in desk.transcript.read_text()


@pytest.mark.parametrize("agent", IN_SESSIONS)
def test_a_later_round_goes_on_with_the_session(agent: str, sit: Sit) -> None:
    """From a snapshot of the first round's container, as rounds at a node are made."""
    desk = sit(agent)
    with desk.model(script_of(agent, HELLO, DONE, GOODBYE)) as (server, account):
        first = desk.play(account)
        state = desk.bench.commit(first.step.container, "A.1")
        asked = len(server.asked)
        later = desk.play(account, state.digest, first.report.session, "Say goodbye as well.")
    assert later.report.status is AgentStatus.DONE, later.log.decode(errors="replace")
    assert later.report.session == first.report.session != ""
    assert files_of(desk, later.step.container) == {"README.md", "hello.txt", "goodbye.txt"}
    text = server.asked[asked].text
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
