"""How agent images are built: the files of the build, its arguments, and how to know them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.errors import EngineError, TaskError
from runner.images.sources import BASE, Sources
from runner.sandbox.images import Build

CHECKOUT = Path(__file__).resolve().parents[2]
RECIPE = "org.oppie.recipe"  # the label that says what an agent image was built from
RECIPE_FILES = (
    "Dockerfile.agent",
    "images/agents.sh",
    "images/install.sh",
    "images/packages.txt",
)
CA_IN_CONTEXT = "images/ca/handed-in.crt"


def agent_plan(
    sources: Sources,
    tag: str,
    base: str,
    target: str | None = None,
    agents: tuple[str, ...] = (),
    fetched: str = "",
) -> Build:
    """How ``Dockerfile.agent`` is built; ``target`` is one of its stages, else the last.

    ``agents`` are as ``agents_of`` gives them. Another ``fetched`` than before has them fetched
    again, even if the engine remembers such a build.
    """
    files = {name: from_checkout(name).read_bytes() for name in RECIPE_FILES}
    handed_in = (path for path in from_checkout("images/ca").iterdir() if path.is_file())
    files |= {f"images/ca/{path.name}": path.read_bytes() for path in handed_in} | _trust(sources)
    arguments = {"BASE": base, **sources.proxies}
    if agents:
        arguments |= {"AGENTS": " ".join(agents), "FETCHED": fetched}
    labels = {RECIPE: recipe(agents)}
    # BASE has all packages, so that an engine without any network can build on it.
    network = base != BASE or bool(agents)
    return Build(tag, files, "Dockerfile.agent", arguments, labels, target, network)


def recipe(agents: tuple[str, ...] = ()) -> str:
    """The content of what makes an agent image; certificates differ by machine and don't count."""
    content = [from_checkout(name).read_bytes() for name in RECIPE_FILES]
    return hashlib.sha256(b"\0".join([*content, *map(str.encode, agents)])).hexdigest()


def in_checkout() -> bool:
    """Whether the files are there; an installed package has none of them."""
    return all((CHECKOUT / name).exists() for name in RECIPE_FILES)


def from_checkout(name: str) -> Path:
    """The path of a file of the checkout. Raises ``EngineError`` if there is no checkout."""
    path = CHECKOUT / name
    if not path.exists():
        raise EngineError(
            f"{path} is missing: images are built from a checkout of the source. "
            f"Elsewhere, load an image that was saved there: oppie images load FILE"
        )
    return path


def _trust(sources: Sources) -> dict[str, bytes]:
    if sources.ca_bundle is None:
        return {}
    try:
        return {CA_IN_CONTEXT: sources.ca_bundle.read_bytes()}
    except OSError as error:
        raise TaskError(
            f"can't read the CA bundle {sources.ca_bundle}: {error.strerror}"
        ) from error
