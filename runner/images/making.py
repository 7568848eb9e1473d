"""Making the images that are missing."""

from __future__ import annotations

import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from runner.errors import EngineError, TaskError
from runner.images.agents import name_of
from runner.images.moving import load, required
from runner.images.recipe import RECIPE, agent_plan, from_checkout, in_checkout, recipe
from runner.images.sources import AGENT, BASE, Sources
from runner.sandbox import images as engine
from runner.sandbox.connect import Client

_NOT_INSTALLED = "The agent "  # how the sentence of images/agents.sh begins that says why


def ensure_agent_image(client: Client, sources: Sources | None = None) -> str:
    """The id of the agent image, which is made first if it isn't there. Raises ``EngineError``."""
    for _ in prepare(client, sources or Sources()):
        pass
    return required(client, AGENT).id


def prepare(client: Client, sources: Sources, agents: tuple[str, ...] = ()) -> Iterator[str]:
    """Make what is missing for a search; yields nothing if ``name_of(agents)`` is there.

    ``agents`` are as ``agents_of`` gives them. An agent image of another recipe is built again,
    unless its base is gone (it was loaded). Raises ``EngineError``.
    """
    name = name_of(agents)
    found = engine.find(client, name)
    if found and (not in_checkout() or found.labels.get(RECIPE) == recipe(agents)):
        return
    if found and engine.find(client, BASE) is None:
        yield f"{name} was built from other files than these, and is used as it is"
        return
    yield from build_base(client, sources)
    yield from build_agent(client, sources, agents=agents)


def build_base(client: Client, sources: Sources) -> Iterator[str]:
    """Make ``BASE`` unless it is there. Raises ``EngineError``, with the fix if no way is left."""
    if engine.find(client, BASE):
        yield f"{BASE} is there"
        return
    if sources.base_tar:
        yield from load(client, sources.base_tar)
        if engine.find(client, BASE) is None:
            raise TaskError(
                f"{sources.base_tar} holds no {BASE} (what `oppie images save` wrote is loaded "
                "with `oppie images load`)"
            )
        return
    if sources.registry_image:
        refusal = engine.registry_refusal(
            client, sources.registry_image, sources.registry_timeout_s
        )
        if not refusal:
            try:
                yield from _base_from_registry(client, sources)
                return
            except EngineError as error:
                refusal = str(error)
        yield f"no base from a registry: {refusal}"
    yield from _base_from_packages(client)


def build_agent(
    client: Client,
    sources: Sources,
    base: str = BASE,
    agents: tuple[str, ...] = (),
    fetched: str = "",
) -> Iterator[str]:
    """Build ``name_of(agents)`` on ``base``, which must be there, or in a registry.

    For ``agents`` and ``fetched`` see ``agent_plan``; it takes the network to fetch them. Raises
    ``EngineError``: one sentence, if an agent can't be installed.
    """
    name = name_of(agents)
    yield f"building {name} on {base}"
    if agents:
        yield f"fetching {', '.join(agents)} from where their makers publish them (some minutes)"
    try:
        yield from engine.build(
            client, agent_plan(sources, name, base, agents=agents, fetched=fetched)
        )
    except EngineError as error:
        why = [line for line in str(error).splitlines() if line.startswith(_NOT_INSTALLED)]
        if not why:
            raise
        raise EngineError(f"build {name}: {why[-1]}") from error


def _base_from_registry(client: Client, sources: Sources) -> Iterator[str]:
    yield f"pulling {sources.registry_image}"
    yield from engine.pull(client, sources.registry_image)
    plan = agent_plan(sources, BASE, sources.registry_image, target="packages")
    yield from engine.build(client, plan)


def _base_from_packages(client: Client) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="oppie-base-", dir="/var/tmp") as folder:
        tar = Path(folder) / "base.tar"
        yield "making a base from the distribution's packages (about half a minute)"
        yield from _run_base_script(tar)
        yield from load(client, tar)


def _run_base_script(tar: Path) -> Iterator[str]:
    said: deque[str] = deque(maxlen=10)
    with subprocess.Popen(
        ["bash", from_checkout("images/base.sh"), tar],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said.append(line.rstrip())
                yield said[-1]
        except BaseException:  # whoever watches has gone
            process.terminate()
            raise
    if process.returncode != 0:
        reason = "\n".join(said)
        raise EngineError(
            f"No base image could be made:\n{reason}\n"
            "A base made elsewhere with images/base.sh will do: oppie images load base.tar"
        )
