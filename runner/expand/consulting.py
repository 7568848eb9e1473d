"""Asking a model for a change without any program around it (``adapters.chat``)."""

from __future__ import annotations

from dataclasses import dataclass

from runner.agents.adapters.chat import Chat, chosen
from runner.agents.protocol import Assignment
from runner.agents.shapes import Json
from runner.evidence import content_of, sizes_of
from runner.expand.context import RunContext
from runner.gateway import Account, Dialect, Refused, Upstream

_PATHS = {Dialect.ANTHROPIC: "/v1/messages", Dialect.OPENAI: "/v1/chat/completions"}


@dataclass(frozen=True, slots=True)
class Advice:
    """A patch, as text that may hold surrogates; or the reason why there is none."""

    patch: str
    said: str
    reason: str = ""


def consult(
    context: RunContext,
    commit: str,
    adapter: Chat,
    assignment: Assignment,
    account: Account,
    upstream: Upstream,
) -> Advice:
    """Show a model the sources of a recorded state, and read the change that it answers with.

    Raises ``EvidenceError``, ``TaskError``, and ``StateError`` if the answer can't be accounted for.
    """
    evidence = context.evidence
    paths = chosen(sizes_of(evidence, commit), assignment.prompt)
    sources = {path: content_of(evidence, commit, path) for path in paths}

    def call(body: Json) -> object:
        return account.ask(upstream.name, _PATHS[upstream.dialect], body)

    try:
        answer = adapter.ask(assignment, sources, call)
    except Refused as refused:
        return Advice("", "", str(refused))
    return Advice(answer.patch.decode("utf-8", "surrogateescape"), answer.said, answer.reason)
