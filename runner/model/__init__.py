"""The domain's types: frozen, without behaviour that touches the world.

Labels are paths in the tree: ``A`` is the root (the untouched target after ``setup``), ``A.2`` its
second child. Gains are natural log-ratios in the better direction: ``delta = exp(gain) - 1``.
Times are seconds, sizes are bytes.
"""

from runner.model.agent import (
    NOTHING_SPENT,
    AgentSpec,
    AgentStatus,
    Briefing,
    Round,
    Spending,
    Tried,
)
from runner.model.events import (
    Closed,
    Event,
    Expand,
    Journey,
    Phase,
    Retried,
    Selected,
    Stopped,
)
from runner.model.metrics import (
    Measurement,
    Metric,
    MetricSpec,
    Target,
)
from runner.model.views import (
    NodeView,
    RunView,
    Verified,
)
from runner.model.words import (
    ROOT,
    ActionKind,
    Decision,
    Goal,
    JobKind,
    Mode,
    Outcome,
    SandboxKind,
    Source,
    StopReason,
    Verdict,
)
from runner.model.work import (
    Action,
    Expansion,
    Job,
    Limits,
    Mount,
    Snapshot,
    State,
)

__all__ = [
    "NOTHING_SPENT",
    "ROOT",
    "Action",
    "ActionKind",
    "AgentSpec",
    "AgentStatus",
    "Briefing",
    "Closed",
    "Decision",
    "Event",
    "Expand",
    "Expansion",
    "Goal",
    "Job",
    "JobKind",
    "Journey",
    "Limits",
    "Measurement",
    "Metric",
    "MetricSpec",
    "Mode",
    "Mount",
    "NodeView",
    "Outcome",
    "Phase",
    "Retried",
    "Round",
    "RunView",
    "SandboxKind",
    "Selected",
    "Snapshot",
    "Source",
    "Spending",
    "State",
    "StopReason",
    "Stopped",
    "Target",
    "Tried",
    "Verdict",
    "Verified",
]
