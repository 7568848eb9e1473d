"""What the tools answer: small frozen values, which become the schemas that clients are shown.

Gains are natural log-ratios in the better direction, times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.model import Metric


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """A check that judges every state, and how long it may take. ``reported`` if it tells its tests
    by name."""

    name: str
    command: str
    time_s: float
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """A way to run tests that the files of the target speak of; ``folder`` is "" at the top."""

    framework: str
    command: str
    folder: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """What judges a change. What matches ``protected`` can't be changed by an action, or counts as
    tampering; new tests go into files of their own."""

    checks: tuple[CheckInfo, ...]
    suites: tuple[Suite, ...] = ()
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A test file to begin with. Nobody has written it anywhere: that is the agent's to do. It fails
    until its one test says what is wanted."""

    framework: str
    path: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test that failed, by the name that its framework has for it."""

    name: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One run of a check. ``why`` says why it didn't pass. ``said`` is the end of its output."""

    name: str
    passed: bool
    why: str = ""
    seconds: float = 0.0
    tests_run: int | None = None
    failed: tuple[FailedTest, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class ChecksResult:
    """A run of several checks. ``note`` says what was different from the gate's own."""

    passed: bool
    checks: tuple[CheckResult, ...]
    not_run: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Benchmarked:
    """The benchmark's metrics: the medians of ``repetitions``, without a comparison."""

    objective: str
    metrics: tuple[Metric, ...]
    repetitions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A paired comparison with ``against``: the gain in per cent, with its 95 % interval.

    ``verdict`` is one of improved, worse, no difference shown.
    """

    against: str
    verdict: str
    gain_percent: float
    low_percent: float
    high_percent: float
    pairs: int
    metrics: tuple[Metric, ...] = ()
    baseline: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was learned from earlier work of this kind, the most similar first."""

    lessons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferencePrompt:
    """A prompt that has led to something before; ``text`` is empty if there is none."""

    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of something that was to be kept."""

    kept: bool
    words: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of models."""

    name: str
    words: str
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presets:
    """All presets."""

    presets: tuple[Preset, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The model for a category of work, and why it is this one."""

    category: str
    model: str
    why: str


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node of the tree: what was tried there, and what came of it. ``outcome`` is empty while it
    is under way; ``gain_percent`` is over its parent."""

    label: str
    what: str
    outcome: str = ""
    reason: str = ""
    gain_percent: float | None = None


@dataclass(frozen=True, slots=True)
class MyNode:
    """Where the agent is: the state that it began from, the way there from the root, the metrics of
    both, and what is wanted."""

    label: str
    parent: str
    objective: str
    goal: str
    unit: str
    path: tuple[NodeInfo, ...] = ()
    parent_metrics: tuple[Metric, ...] = ()
    root_metrics: tuple[Metric, ...] = ()
    targets: tuple[str, ...] = ()
    expected_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Nodes:
    """Some nodes, the latest last; ``left_out`` counts those that are not shown."""

    nodes: tuple[NodeInfo, ...]
    left_out: int = 0


class FeatureStatus(StrEnum):
    """How far a feature is."""

    CLAIMED = "claimed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that somebody works on. ``owner`` is a node, or a person's session."""

    name: str
    owner: str
    status: FeatureStatus = FeatureStatus.CLAIMED
    note: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """The board: all features of the run. ``words`` say what the call has changed."""

    words: str
    features: tuple[Feature, ...]
