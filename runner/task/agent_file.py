"""The part of the task file's shape that is about agents and the models they use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runner.task.scalars import (
    Command,
    Duration,
    FilePath,
    ModelGlob,
    ModelName,
    Number,
    Url,
    VariableName,
)
from runner.task.section import Section

AgentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Installed = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}(@[A-Za-z0-9][A-Za-z0-9._-]{0,31})?$")]
Dollars = Annotated[Number, Field(gt=0, le=1e6)]
PerMillion = Annotated[Number, Field(ge=0, le=1e6)]


class AgentKeys(Section):
    """What an agent may be told, as an action or as the reviewer."""

    agent: AgentName | None = None
    model: ModelName | None = None
    preset: AgentName | None = None
    rounds: Annotated[int, Field(ge=1, le=20)] | None = None
    turns: Annotated[int, Field(ge=1, le=10_000)] | None = None
    time: Duration | None = None
    quiet: Duration | None = None
    command: Command | None = None
    recording: FilePath | None = None


class PricesSection(Section):
    """Prices of a model that no list has, in US dollars per million tokens."""

    input: PerMillion
    output: PerMillion
    cached: PerMillion | None = None


class UpstreamSection(Section):
    """``[[gateway.upstreams]]``: a service that has models."""

    name: AgentName
    dialect: AgentName
    url: Url
    key: VariableName | None = None
    models: Annotated[list[ModelGlob], Field(min_length=1, max_length=100)]
    prices: PricesSection | None = None


class GatewaySection(Section):
    """``[gateway]``: how agents reach models, and what that may cost."""

    upstreams: Annotated[list[UpstreamSection], Field(max_length=16)] = []
    node_cost: Dollars | None = None
    day_cost: Dollars | None = None


class McpSection(Section):
    """``[mcp]``: the tools that agents are given."""

    enabled: bool = True
    tools: list[AgentName] | None = None


class KnowledgeSection(Section):
    """``[knowledge]``: what is learned from earlier runs."""

    enabled: bool = True
    carry_over: Annotated[Number, Field(ge=0, le=1)] = 0.0


class PromptsSection(Section):
    """``[prompts]``: templates that replace those of the package."""

    folder: FilePath
