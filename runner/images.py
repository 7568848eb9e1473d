"""Where the base image and the agent image come from.

The base, in this order: an image that is there; a tar given by hand (air gap); a registry, if one
answers within seconds; else the distribution's own packages, by ``images/base.sh``. The agent image
is built on it from ``Dockerfile.agent``. Functions that take long yield lines for a person to watch.
"""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import EngineError, TaskError
from runner.sandbox import images as engine
from runner.sandbox.connect import Client
from runner.sandbox.images import Build, Image

BASE = "oppie/base:1"  # the number goes up when images/packages.txt or images/base.sh change
AGENT = "oppie/agent:latest"
PLANNER = "oppie/planner:latest"  # compose.yaml builds it
CHECKOUT = Path(__file__).resolve().parent.parent
BASE_CHANGES = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    'LABEL org.opencontainers.image.title="oppie base"',
    'CMD ["bash"]',
)
RECIPE = "org.oppie.recipe"  # the label that says what an agent image was built from
RECIPE_FILES = ("Dockerfile.agent", "images/install.sh", "images/packages.txt")
CA_IN_CONTEXT = "images/ca/handed-in.crt"


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be used to make images.

    ``base_tar`` is a root file system, or an archive that ``docker save`` wrote. ``registry_image``
    is what to ask a registry for ("" asks none). ``ca_bundle`` is a PEM file that builds shall
    trust. ``proxies`` are build arguments such as ``http_proxy``.
    """

    base_tar: Path | None = None
    registry_image: str = "debian:12-slim"
    registry_timeout_s: float = 5.0
    ca_bundle: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)


def ensure_agent_image(client: Client, sources: Sources | None = None) -> str:
    """The id of the agent image, which is made first if it isn't there. Raises ``EngineError``."""
    for _ in prepare(client, sources or Sources()):
        pass
    return _required(client, AGENT).id


def prepare(client: Client, sources: Sources) -> Iterator[str]:
    """Make what is missing for a search; yields nothing if the agent image is there.

    An agent image of another recipe is built again, unless its base is gone (it was loaded).
    """
    agent = engine.find(client, AGENT)
    if agent and (not _in_checkout() or agent.labels.get(RECIPE) == _recipe()):
        return
    if agent and engine.find(client, BASE) is None:
        yield f"{AGENT} was built from other files than these, and is used as it is"
        return
    yield from build_base(client, sources)
    yield from build_agent(client, sources)


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
        refusal = engine.registry_refusal(client, sources.registry_image, sources.registry_timeout_s)
        if not refusal:
            try:
                yield from _base_from_registry(client, sources)
                return
            except EngineError as error:
                refusal = str(error)
        yield f"no base from a registry: {refusal}"
    yield from _base_from_packages(client)


def build_agent(client: Client, sources: Sources, base: str = BASE) -> Iterator[str]:
    """Build ``AGENT`` on ``base``, which must be there, or in a registry. Raises ``EngineError``."""
    yield f"building {AGENT} on {base}"
    yield from engine.build(client, agent_plan(sources, AGENT, base))


def load(client: Client, tar: Path) -> Iterator[str]:
    """Load what ``save`` wrote, or import a root file system (from ``images/base.sh``) as ``BASE``.

    Raises ``TaskError`` if ``tar`` is neither, ``EngineError`` if the engine can't.
    """
    yield f"loading {tar}"
    if _is_image_archive(tar):
        yield from engine.load(client, tar)
    else:
        engine.import_root(client, tar, BASE, BASE_CHANGES)
        yield f"imported as {BASE}"


def save(client: Client, tar: Path, name: str = AGENT) -> Iterator[str]:
    """Write an image to a file for ``load`` on another machine. Raises ``EngineError``."""
    image = _required(client, name)
    yield f"saving {name} ({image.size_bytes / 1e6:.0f} MB)"
    try:
        engine.save(client, name, tar)
    except OSError as error:
        raise TaskError(f"can't write {tar}: {error.strerror}") from error
    yield f"saved to {tar}"


def list_images(client: Client) -> list[Image]:
    """The product's own images that are there; snapshots of runs are not among them."""
    found = (engine.find(client, name) for name in (BASE, AGENT, PLANNER))
    return [image for image in found if image]


def _required(client: Client, name: str) -> Image:
    image = engine.find(client, name)
    if image is None:
        raise EngineError(f"no image {name} on the engine; to make it: oppie images build")
    return image


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
        ["bash", _from_checkout("images/base.sh"), tar],
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


def agent_plan(sources: Sources, tag: str, base: str, target: str | None = None) -> Build:
    """How ``Dockerfile.agent`` is built; ``target`` is one of its stages, else the last."""
    files = {name: _from_checkout(name).read_bytes() for name in RECIPE_FILES}
    handed_in = (path for path in _from_checkout("images/ca").iterdir() if path.is_file())
    files |= {f"images/ca/{path.name}": path.read_bytes() for path in handed_in} | _trust(sources)
    arguments = {"BASE": base, **sources.proxies}
    labels = {RECIPE: _recipe()}
    # BASE has all packages, so that an engine without any network can build on it.
    return Build(tag, files, "Dockerfile.agent", arguments, labels, target, network=base != BASE)


def _recipe() -> str:
    """The content of what makes the agent image; certificates differ by machine and don't count."""
    content = b"\0".join(_from_checkout(name).read_bytes() for name in RECIPE_FILES)
    return hashlib.sha256(content).hexdigest()


def _trust(sources: Sources) -> dict[str, bytes]:
    if sources.ca_bundle is None:
        return {}
    try:
        return {CA_IN_CONTEXT: sources.ca_bundle.read_bytes()}
    except OSError as error:
        raise TaskError(f"can't read the CA bundle {sources.ca_bundle}: {error.strerror}") from error


def _in_checkout() -> bool:
    return all((CHECKOUT / name).exists() for name in RECIPE_FILES)


def _from_checkout(name: str) -> Path:
    path = CHECKOUT / name
    if not path.exists():
        raise EngineError(
            f"{path} is missing: images are built from a checkout of the source. "
            f"Elsewhere, load an image that was saved there: oppie images load FILE"
        )
    return path


def _is_image_archive(tar: Path) -> bool:
    """Whether ``docker save`` or an OCI tool wrote it; a root file system has no such member."""
    try:
        with tarfile.open(tar) as archive:
            return any(
                member.name.removeprefix("./") in ("manifest.json", "oci-layout")
                for member in archive
            )
    except OSError as error:
        raise TaskError(f"can't read {tar}: {error.strerror}") from error
    except tarfile.TarError as error:
        raise TaskError(f"{tar} is no tar archive: {error}") from error
