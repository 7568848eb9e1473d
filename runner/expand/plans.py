"""The plans of comparisons, as the task asks for them."""

from __future__ import annotations

import math

from runner.expand.context import RunContext
from runner.measure.plan import Plan, search_plan, verification_plan


def search_of(context: RunContext) -> Plan:
    """How a node is compared with its parent."""
    thresholds = context.task.search.thresholds
    return search_plan(
        context.task.benchmark.pairs,
        min_gain=math.log1p(thresholds.min_gain),
        rejected_gain=math.log1p(thresholds.rejected_below),
    )


def verification_of(context: RunContext, candidates: int) -> Plan:
    """How each of several candidates is compared with the root."""
    min_gain = math.log1p(context.task.search.thresholds.min_gain)
    return verification_plan(context.task.verify_pairs, candidates, min_gain=min_gain)
