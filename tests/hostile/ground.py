"""Runs attacks through the product, beside a neighbour, and looks at the host before and after."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cheats.arena import arena

from hostile.attack import HERE, Attack
from hostile.neighbour import neighbour
from runner.cli.conduct import conduct
from runner.model import Limits, NodeView, RunView
from runner.planner.budget import BudgetLimits
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Exit, Step
from runner.task import Task, load_task

HONEST = "honest"
_WATCHED = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/ld.so.preload", "/etc/crontab")


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the attacks came to.

    ``nodes`` are their nodes by action, ``folder`` the state folder, ``lasted_s`` the seconds that
    all took. ``pause_s`` is the longest that the neighbour's heart stood still. ``survivors`` are
    processes of theirs that still run, ``host_changes`` what is different on the host.
    """

    view: RunView
    nodes: dict[str, NodeView]
    folder: Path
    lasted_s: float
    pause_s: float
    survivors: tuple[str, ...]
    host_changes: tuple[str, ...]
    trivial_node: Exit

    def log(self, key: str, step: str = "act") -> bytes:
        """What a step of an action's node printed, as it was kept."""
        attempt = f"attempts/{self.nodes[key].label}-1/{step}.log"
        return (self.folder / "runs" / self.view.run_id / attempt).read_bytes()


def task_with(attacks: Sequence[Attack], token: str, limits: Limits | None = None) -> Task:
    """The task, with each attack to be tried once at the root."""
    task = load_task(HERE / "hostile.toml")
    every = (*task.actions, *(attack.action(token) for attack in attacks))
    budget = BudgetLimits(nodes=len(every))
    return replace(task, actions=every, budget=budget, limits=limits or task.limits)


def carried_out(
    attacks: Sequence[Attack], image: str, folder: Path, limits: Limits | None = None
) -> Aftermath:
    """Carry out all attacks in one run, two at a time, among them one honest change."""
    token = f"hostile-{secrets.token_hex(8)}"
    before, started = _host_facts(), time.monotonic()
    with (
        neighbour(image, f"neighbour-{token[-8:]}", folder) as beside,
        arena(task_with(attacks, token, limits), image, folder) as parts,
    ):
        for _ in conduct(parts):
            pass
        view = parts.store.run(parts.context.run_id)
        lasted_s, pause_s = time.monotonic() - started, beside.longest_pause_s()
        trivial_node = _trivial(image, f"after-{token[-8:]}", folder)
    changes = tuple(f"{name}: {was}" for name, was in before.items() if _host_facts()[name] != was)
    nodes = {node.actions[0]: node for node in view.nodes[1:]}
    alive = survivors(token)
    return Aftermath(view, nodes, folder, lasted_s, pause_s, alive, changes, trivial_node)


def survivors(token: str) -> tuple[str, ...]:
    """The command lines of this host's processes that have the token in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return tuple(found)


def _trivial(image: str, run_id: str, folder: Path) -> Exit:
    """The engine still makes, runs and removes a container."""
    step = Step("trivial", "trivial", image, ("true",), Limits())
    with closing(EngineSandbox(connect(), run_id, image, 0, threading.Event().is_set)) as sandbox:
        result = sandbox.run(step, folder / "trivial.log")
        sandbox.remove(result.container)
    return result.exit


def _host_facts() -> dict[str, str]:
    """What attacks might change of this host. Others work here: what they change isn't looked at."""
    facts = {}
    for path in map(Path, _WATCHED):
        facts[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
    for switch in ("kernel/core_pattern", "kernel/hostname", "net/ipv4/ip_forward"):
        facts[switch] = Path("/proc/sys", switch).read_text()
    facts["root"] = " ".join(sorted(map(str, Path("/").iterdir())))
    return facts
