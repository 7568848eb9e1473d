"""What leaves a sandbox: a proxy on the planner's side, which alone decides what is reached."""

from runner.egress.rules import parse_rule
from runner.egress.variables import exports

__all__ = ["exports", "parse_rule"]
