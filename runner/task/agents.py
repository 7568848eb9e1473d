"""What the task file says of agents and of the models they use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.agents.adapters import ADAPTERS, by_name
from runner.errors import TaskError
from runner.gateway import Dialect
from runner.images.agents import AGENTS as INSTALLABLE
from runner.model import Action, ActionKind, AgentSpec, SandboxKind
from runner.task.agent_file import AgentKeys, GatewaySection, UpstreamSection
from runner.task.file import ActionSection, TaskFile
from runner.task.problems import shown
from runner.task.spec import Aids, ModelsSpec, PricesSpec, UpstreamSpec

RECORDING_LIMIT_BYTES = 8 << 20
NODE_USD = 5.0  # what one node may cost, if nothing is said
_USUAL = {
    Dialect.ANTHROPIC: UpstreamSpec(
        "anthropic", "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", ("claude-*",)
    ),
    Dialect.OPENAI: UpstreamSpec(
        "openai", "openai", "https://api.openai.com", "OPENAI_API_KEY", ("gpt-*", "o[0-9]*", "codex-*")
    ),
    Dialect.GEMINI: UpstreamSpec(
        "gemini",
        "gemini",
        "https://generativelanguage.googleapis.com",
        "GEMINI_API_KEY",
        ("gemini-*",),
    ),
}
_RENAMED = {"agent": "adapter", "time": "time_s", "quiet": "quiet_s"}


def agent_action(
    folder: Path, number: int, section: ActionSection, problems: list[str]
) -> Action:
    """An agent as an action: each time it is tried it gives another state."""
    return Action(
        key=section.name or section.agent or "",
        kind=ActionKind.AGENT,
        body=section.prompt.encode(),
        description=section.description,
        prior=section.prior,
        tag=section.tag or "",
        open_ended=True,
        agent=_spec(folder, f"actions[{number}]", section, problems),
    )


def _spec(folder: Path, where: str, section: AgentKeys, problems: list[str]) -> AgentSpec:
    given = section.model_dump(include=set(AgentKeys.model_fields), exclude_none=True)
    recording = given.pop("recording", None)
    try:
        adapter = by_name(section.agent or "")
    except TaskError as error:
        problems.append(f"{where}.agent = {shown(section.agent or '')}: {error}")
    else:
        if not (adapter.has_own_model or section.model or section.preset):
            problems.append(
                f'{where}.model: is missing; agent = "{adapter.name}" has none of its own (a preset '
                "chooses one, too)"
            )
    problems += (f"{where}.{problem}" for problem in _unfit(section))
    facts = {_RENAMED.get(key, key): value for key, value in given.items()}
    return AgentSpec(**facts, recording=_recording(folder, where, recording, problems))


def _unfit(section: AgentKeys) -> Iterator[str]:
    """Keys that one kind of agent must have, and the others can't."""
    for key, agent in (("command", "command"), ("recording", "scripted")):
        there = getattr(section, key) is not None
        if section.agent == agent and not there:
            yield f'{key}: is missing; agent = "{agent}" needs it'
        elif section.agent != agent and there:
            yield f'{key}: is for agent = "{agent}" alone'


def _recording(folder: Path, where: str, name: str | None, problems: list[str]) -> bytes:
    if name is None:
        return b""
    path = folder / name
    try:
        if path.stat().st_size > RECORDING_LIMIT_BYTES:
            problems.append(f"{where}.recording: {path} has over {RECORDING_LIMIT_BYTES} bytes")
            return b""
        return path.read_bytes()
    except OSError as error:
        problems.append(f"{where}.recording = {shown(name)}: {path}: {error.strerror}")
        return b""


def models_of(
    section: GatewaySection, agents: Sequence[AgentSpec], problems: list[str]
) -> ModelsSpec:
    """How models are reached: where the file says nothing, as the agents' makers have it."""
    node_usd = NODE_USD if section.node_cost is None else section.node_cost
    if not section.upstreams:
        return ModelsSpec(_usual(agents), node_usd, section.day_cost)
    names = [each.name for each in section.upstreams]
    problems += (
        f"gateway.upstreams: {shown(name)} is there twice; names must differ"
        for name in sorted({name for name in names if names.count(name) > 1})
    )
    for number, each in enumerate(section.upstreams, start=1):
        if each.dialect not in set(Dialect):
            problems.append(
                f"gateway.upstreams[{number}].dialect = {shown(each.dialect)}: must be one of: "
                + ", ".join(Dialect)
            )
    return ModelsSpec(
        tuple(_upstream(each) for each in section.upstreams), node_usd, section.day_cost
    )


def _usual(agents: Sequence[AgentSpec]) -> tuple[UpstreamSpec, ...]:
    """One service for each agent that needs one: that of its first dialect."""
    firsts = [by_name(each.adapter).dialects[:1] for each in agents if each.adapter in ADAPTERS]
    return tuple(_USUAL[dialect] for dialect in sorted({each for first in firsts for each in first}))


def _upstream(section: UpstreamSection) -> UpstreamSpec:
    prices = PricesSpec(**section.prices.model_dump()) if section.prices else None
    return UpstreamSpec(
        section.name, section.dialect, section.url, section.key or "", tuple(section.models), prices
    )


def aids_of(folder: Path, file: TaskFile, problems: list[str]) -> Aids:
    """What agents have beside the container."""
    prompts = (folder / file.prompts.folder).resolve() if file.prompts else None
    if prompts is not None and not prompts.is_dir():
        problems.append(f"prompts.folder: {prompts} is no directory")
    tools = tuple(file.mcp.tools) if file.mcp.tools is not None else None
    return Aids(
        tools=tools if file.mcp.enabled else (),
        knowledge=file.knowledge.enabled,
        carry_over=file.knowledge.carry_over,
        prompts=prompts,
        reviewer=_spec(folder, "review", file.review, problems) if file.review else None,
    )


def image_of(agents: Sequence[AgentSpec]) -> tuple[str, ...]:
    """The agents that an image has to have, where the file names no image."""
    return tuple(sorted({each.adapter for each in agents} & set(INSTALLABLE)))


def danger(file: TaskFile) -> Iterator[str]:
    """Agents where nothing shuts them in, unless the user insists."""
    kind, section = file.sandbox.kind, file.sandbox
    agents = [each.agent for each in file.actions if each.agent]
    if kind is not SandboxKind.CONTAINER and agents and not section.unsafe_agents:
        yield (
            f'sandbox.kind = "{kind}": shuts nothing in, so the agent {agents[0]} could read and '
            "change all that you can; use containers, or say unsafe_agents = true"
        )
