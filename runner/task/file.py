"""The task file's shape: every key that ``oppie.toml`` may have, and what each may hold.

A key that other rooms have a default for is not given one here: if the file doesn't have it, it
is left to the dataclass that it is for. ``docs/task-file.md`` is the reference.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated

from pydantic import Field, model_validator

from runner.measure.calibration import FEWEST_PAIRS
from runner.measure.plan import SEARCH_CAP, VERIFICATION_CAP
from runner.model import Goal, Mode, SandboxKind, Source
from runner.task.agent_file import (
    AgentKeys,
    Dollars,
    GatewaySection,
    Installed,
    KnowledgeSection,
    McpSection,
    PromptsSection,
)
from runner.task.scalars import (
    MAX_PAIRS,
    ActionKey,
    Argv,
    Command,
    Duration,
    FilePath,
    Glob,
    GoalName,
    Host,
    ImageName,
    InnerPath,
    KindName,
    LoaderPolicyName,
    MetricName,
    ModeName,
    Name,
    NetworkName,
    Number,
    Pairs,
    PolicyName,
    ReportFormat,
    RuntimeName,
    Size,
    SourceName,
    Unit,
    VariableName,
    Wish,
)
from runner.task.section import Section

MIB = 1 << 20


class ImageSection(Section):
    """``[image]``: exactly one of the four."""

    agent: bool = False
    agents: Annotated[list[Installed], Field(min_length=1, max_length=16)] | None = None
    name: ImageName | None = None
    dockerfile: FilePath | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ImageSection:
        given = self.agents, self.name, self.dockerfile
        if [self.agent, *(each is not None for each in given)].count(True) != 1:
            raise ValueError("must have exactly one of: agent = true, agents, name, dockerfile")
        return self


class ActionSection(AgentKeys):
    """``[[actions]]``: a catalogue, a command with what is known of it, or an agent."""

    catalogue: FilePath | None = None
    name: ActionKey | None = None
    prompt: str = ""
    description: str = ""
    prior: Annotated[Number, Field(ge=-10, le=10)] = 0.0
    group: ActionKey | None = None
    tag: ActionKey | None = None
    open_ended: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> ActionSection:
        given = self.model_fields_set
        if self.catalogue is not None:
            _demand_only(given, {"catalogue"}, "a catalogue")
        elif self.agent is not None:
            _demand_only(given, _AGENT_KEYS, "an agent")
        elif self.name is None or self.command is None:
            raise ValueError("must have a catalogue, an agent, or a name and a command")
        else:
            _demand_only(given, _COMMAND_KEYS, "no agent")
        return self


_COMMAND_KEYS = frozenset(
    {"name", "command", "description", "prior", "group", "tag", "open_ended"}
)
_AGENT_KEYS = frozenset({*AgentKeys.model_fields, "name", "prompt", "description", "prior", "tag"})


def _demand_only(given: Set[str], allowed: Set[str], what: str) -> None:
    if others := sorted(given - allowed):
        raise ValueError(f"has {what}, and so can't have: {', '.join(others)}")


class CheckSection(Section):
    """``[[checks]]``: a command that must succeed."""

    name: Name
    command: Command
    timeout_s: Duration | None = None
    results: InnerPath | None = None
    format: ReportFormat | None = None


class MetricSection(Section):
    """One element of ``benchmark.metrics``."""

    name: MetricName
    unit: Unit = ""
    goal: GoalName = Goal.MIN
    source: SourceName = Source.OUTPUT


class BenchmarkSection(Section):
    """``[benchmark]``: a command whose output carries the metrics."""

    command: Command
    profile: Command | None = None
    metrics: Annotated[list[MetricSection], Field(min_length=1, max_length=100)]
    objective: str | None = None
    pairs: Pairs = SEARCH_CAP
    warmup: Annotated[int, Field(ge=0, le=100)] = 1
    timeout_s: Duration | None = None


class LimitsSection(Section):
    """``[limits]``: what one container may use."""

    memory: Annotated[Size, Field(ge=6 * MIB)] | None = None  # Docker's own minimum
    cpus: Annotated[Number, Field(gt=0, le=1024)] | None = None
    pids: Annotated[int, Field(ge=8, le=1 << 20)] | None = None
    open_files: Annotated[int, Field(ge=64, le=1 << 20)] | None = None
    time: Duration | None = None
    tmp: Annotated[Size, Field(ge=MIB)] | None = None
    shm: Annotated[Size, Field(ge=1)] | None = None
    log: Annotated[Size, Field(ge=4096)] | None = None
    disk: Annotated[Size, Field(ge=MIB)] | None = None


class MountSection(Section):
    """``[[sandbox.mounts]]``: what containers can read of the machine."""

    host: FilePath
    at: FilePath


class SandboxSection(Section):
    """``[sandbox]``: how containers are shut in."""

    network: NetworkName = "none"
    hosts: Annotated[list[Host], Field(max_length=64)] = []
    runtime: RuntimeName | None = None
    read_only: bool = False
    secrets: Annotated[list[VariableName], Field(max_length=32)] = []
    mounts: Annotated[list[MountSection], Field(max_length=32)] = []
    kind: KindName = SandboxKind.CONTAINER
    unsafe_agents: bool = False


class ThresholdsSection(Section):
    """``[search.thresholds]``: where outcomes begin, what gain matters, and the rewards."""

    min_gain: Annotated[Number, Field(ge=0, le=10)] | None = None
    rejected_below: Annotated[Number, Field(gt=-1, le=0)] | None = None
    neutral_reward: Number | None = None
    regressed_reward: Number | None = None
    rejected_reward: Number | None = None
    failed_reward: Number | None = None


class SearchSection(Section):
    """``[search]``: how to search, and what to measure again at the end."""

    mode: ModeName = Mode.AUTO
    complexity: Annotated[Number, Field(ge=0, le=10)] | None = None
    reflections: Annotated[int, Field(ge=0, le=1000)] | None = None
    policy: PolicyName | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] | None = None
    c: Annotated[Number, Field(ge=0, le=100)] | None = None
    beam_width: Annotated[int, Field(ge=1, le=1000)] | None = None
    thresholds: ThresholdsSection = ThresholdsSection()
    verify_top: Annotated[int, Field(ge=1, le=100)] = 3
    verify_pairs: Pairs = VERIFICATION_CAP


class BudgetSection(Section):
    """``[budget]``: when to stop."""

    nodes: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    wall_time: Duration | None = None
    container_time: Duration | None = None
    snapshot_bytes: Annotated[Size, Field(ge=1)] | None = None
    cost: Dollars | None = None
    target: list[Wish] = []


class HooksSection(Section):
    """``[hooks]``: programs on the host, each as a list of its arguments."""

    pre_execution: Argv | None = None
    post_execution: Argv | None = None
    backtrack: Argv | None = None
    timeout_s: Duration = 30.0


class TrialsSection(Section):
    """``[trials]``: how the untouched target is tried before a search."""

    check_runs: Annotated[int, Field(ge=1, le=100)] | None = None
    pairs: Annotated[int, Field(ge=FEWEST_PAIRS, le=MAX_PAIRS)] | None = None


class LoadersSection(Section):
    """``[loaders]``: what becomes of a node that touches files which load the judged ones."""

    policy: LoaderPolicyName | None = None
    allow: list[Glob] = []


class SealedSection(Section):
    """``[sealed]``: what exists at verification only."""

    files: FilePath | None = None
    benchmark: Command | None = None
    checks: list[CheckSection] = []


class TestsFirstSection(Section):
    """``[tests_first]``: each node must bring tests that fail without it and pass with it."""

    tests: Annotated[list[Glob], Field(min_length=1)]
    command: Command
    timeout_s: Duration | None = None


class TaskFile(Section):
    """The whole file."""

    name: Name
    target: FilePath = "."
    exclude: list[Glob] = []
    setup: list[Command] = []
    setup_timeout_s: Duration | None = None
    protected: list[Glob] = []
    image: ImageSection = ImageSection(agent=True)
    actions: list[ActionSection] = []
    checks: list[CheckSection] = []
    benchmark: BenchmarkSection
    limits: LimitsSection = LimitsSection()
    sandbox: SandboxSection = SandboxSection()
    search: SearchSection = SearchSection()
    budget: BudgetSection = BudgetSection()
    hooks: HooksSection = HooksSection()
    trials: TrialsSection = TrialsSection()
    loaders: LoadersSection = LoadersSection()
    sealed: SealedSection = SealedSection()
    tests_first: TestsFirstSection | None = None
    gateway: GatewaySection = GatewaySection()
    review: AgentKeys | None = None
    mcp: McpSection = McpSection()
    knowledge: KnowledgeSection = KnowledgeSection()
    prompts: PromptsSection | None = None
