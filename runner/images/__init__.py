"""Where the base image and the agent images come from.

The base, in this order: an image that is there; a tar given by hand (air gap); a registry, if one
answers within seconds; else the distribution's own packages, by ``images/base.sh``. Agent images are
built on it from ``Dockerfile.agent``: a plain one, and one for each set of coding agents that a task
or a person asks for. Functions that take long yield lines for a person to watch.
"""

from runner.images.agents import agents_of, name_of
from runner.images.making import build_agent, build_base, ensure_agent_image, prepare
from runner.images.moving import list_images, load, save
from runner.images.recipe import agent_plan
from runner.images.sources import AGENT, BASE, BASE_CHANGES, PLANNER, Sources

__all__ = [
    "AGENT",
    "BASE",
    "BASE_CHANGES",
    "PLANNER",
    "Sources",
    "agent_plan",
    "agents_of",
    "build_agent",
    "build_base",
    "ensure_agent_image",
    "list_images",
    "load",
    "name_of",
    "prepare",
    "save",
]
