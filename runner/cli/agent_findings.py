"""What the coding agents in this machine's images say of themselves."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner import images
from runner.agents.adapters import ADAPTERS
from runner.agents.protocol import Adapter
from runner.cli.engine import open_engine_sandbox
from runner.errors import TaskError
from runner.model import Limits
from runner.sandbox.connect import Client
from runner.sandbox.images import Image
from runner.sandbox.probe import Finding, Level
from runner.sandbox.protocol import Sandbox, Step

_LIMITS = Limits(time_s=60.0)
_MOST_BYTES = 1 << 20


def agent_findings(client: Client) -> Iterator[Finding]:
    """One finding for each agent of each image that was made for agents, by its program's own words.
    Raises ``EngineError``."""
    for image in images.list_images(client):
        agents = _agents_in(image)
        if not agents:
            continue
        run_id = f"doctor-{secrets.token_hex(4)}"
        with open_engine_sandbox(run_id, image.id) as sandbox, tempfile.TemporaryDirectory() as folder:
            for adapter in agents:
                yield _finding(sandbox, image, adapter, Path(folder) / f"{adapter.name}.log")


def _agents_in(image: Image) -> list[Adapter]:
    """Those that an image's name tells of: ``oppie/agent-claude-codex:latest``."""
    repository, common = image.name.partition(":")[0], images.AGENT.partition(":")[0]
    _, found, names = repository.partition(f"{common}-")
    return [ADAPTERS[name] for name in names.split("-") if found and name in ADAPTERS]


def _finding(sandbox: Sandbox, image: Image, adapter: Adapter, log: Path) -> Finding:
    name = f"agent {adapter.name}"
    command = ("sh", "-c", adapter.probe)
    step = Step(f"probe-{adapter.name}", "doctor", image.id, command, _LIMITS)
    sandbox.remove(sandbox.run(step, log).container)
    try:
        found = adapter.read_probe(log.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace"))
    except TaskError as error:
        fix = f"oppie images build --agents {adapter.name} --again"
        return Finding(name, Level.WARN, f"{error} ({image.name})", fix)
    return Finding(name, Level.OK, f"{found.version or 'version unknown'}, in {image.name}")
