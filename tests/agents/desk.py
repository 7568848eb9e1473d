"""A desk for an agent: a workspace to edit, a model that follows a script, and the gateway between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.agents.protocol import (
    GATEWAY_PORT,
    Access,
    Adapter,
    AgentEvent,
    Assignment,
    Flags,
    Report,
)
from runner.agents.script import FIRST_WORDS
from runner.gateway import Account, Caps, Dialect, Gateway, Ledger, Prices, Upstream, base_url
from runner.model import Limits
from runner.sandbox.protocol import Door, StepResult
from tests.models.script import Script
from tests.models.server import ModelServer
from tests.worlds import Bench

KEY = "sk-the-real-key-0123456789"
_MODELS = {
    Dialect.ANTHROPIC: "claude-test",
    Dialect.OPENAI: "gpt-test",
    Dialect.GEMINI: "gemini-test",
}
LIMITS = Limits(time_s=90.0, memory_bytes=2 << 30, cpus=2.0, log_bytes=8 << 20)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one round: the stopped container is in ``step``."""

    step: StepResult
    report: Report
    events: list[AgentEvent]
    log: bytes


@dataclass
class Desk:
    """One agent's place. ``image`` is the state that it starts from; ``caps`` what it may spend."""

    bench: Bench
    adapter: Adapter
    image: str
    caps: Caps
    found: Flags = field(default_factory=Flags)

    @property
    def transcript(self) -> Path:
        """What the gateway wrote down."""
        return self.bench.folder / "transcript.jsonl"

    def ask_for_flags(self) -> Flags:
        """What the program says of itself."""
        step = replace(self.bench.step(self.adapter.probe, self.image), limits=LIMITS)
        result = self.bench.run(step)
        self.bench.sandbox.remove(result.container)
        return self.adapter.read_probe(self.bench.log(step).read_text(errors="replace"))

    @contextmanager
    def model(self, script: Script) -> Iterator[tuple[ModelServer, Account]]:
        """A model, and an account with the gateway through which it is asked."""
        money = self.bench.folder / "money"
        with ModelServer(script, KEY) as server, Ledger(money, "test") as ledger:
            upstream = self._upstream(server.url)
            gateway = Gateway([upstream], self.caps, Prices.load(), ledger)
            with gateway.open("A.1", self.transcript) as account:
                yield server, account

    def play(
        self,
        account: Account,
        image: str = "",
        session: str = "",
        prompt: str = "Greet the world in hello.txt.",
        quiet_s: float = 0.0,
    ) -> Played:
        """One round: the step of a node's agent, as ``expand`` makes it."""
        reader, events = self.adapter.reader(), list[AgentEvent]()

        def watch(data: bytes) -> bool:
            events.extend(reader.feed(data))
            return reader.done

        step = replace(
            self.bench.step(self._script(account, session, prompt), image or self.image),
            command=("sh", "-c", "exec sh -s 2>&1"),
            limits=LIMITS,
            hidden=(account.token.encode(),),
            first_words=FIRST_WORDS,
            doors=(Door(GATEWAY_PORT, account.take),),
            quiet_s=quiet_s,
            watch=watch,
        )
        result = self.bench.run(step)
        report = reader.report(result.exit, result.code)
        return Played(result, report, events, self.bench.log(step).read_bytes())

    def spend_some(self, account: Account) -> None:
        """Ask the model once, from here."""
        path = "/v1/messages" if self._dialect is Dialect.ANTHROPIC else "/v1/chat/completions"
        asked = {"model": _MODELS[self._dialect], "max_tokens": 100, "messages": []}
        account.ask("scripted", path, asked)

    @property
    def _dialect(self) -> Dialect:
        return self.adapter.dialects[0]

    def _script(self, account: Account, session: str, prompt: str) -> bytes:
        url = f"http://127.0.0.1:{GATEWAY_PORT}{base_url(self._upstream('http://localhost'))}"
        assignment = Assignment(
            prompt,
            model=_MODELS[self._dialect],
            session=session,
            turns=8,
            access=Access(self._dialect, url, account.token),
            found=self.found,
        )
        return self.adapter.script(assignment)

    def _upstream(self, url: str) -> Upstream:
        return Upstream("scripted", self._dialect, url, ("*-test",), KEY)
