"""Named images on the engine: look, import, load, save, pull, build. Knows no recipe.

What takes long is a generator of lines for a person to watch. Everything raises ``EngineError``
(see ``classify_error``).
"""

from __future__ import annotations

import io
import re
import tarfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker.errors
import requests.exceptions
from docker.utils.build import exclude_paths

from runner.errors import EngineError
from runner.sandbox.classify import classify_error
from runner.sandbox.connect import Client

# The engine may be silent for long while it unpacks or compresses a large image.
PATIENCE_S = 900.0
_MTIME_S = 946684800  # 2000-01-01: wheels can't be made of files from before 1980
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = (" --->", "Removing intermediate container")


@dataclass(frozen=True, slots=True)
class Image:
    """An image with a name. ``id`` is the engine's digest, ``created`` as the engine writes it."""

    name: str
    id: str
    size_bytes: int
    layers: int
    created: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """A build: ``files`` (path in the context -> content), one of which is ``dockerfile``.

    Without ``network`` its commands see none, and need none of the engine's to work.
    """

    tag: str
    files: Mapping[str, bytes]
    dockerfile: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    network: bool = True


def find(client: Client, name: str) -> Image | None:
    """The image called ``name``, or ``None`` if the engine has none."""
    try:
        with _engine(client, f"look for image {name}"):
            found = client.api.inspect_image(name)
    except EngineError as error:
        if isinstance(error.__cause__, docker.errors.NotFound):
            return None
        raise
    layers = len(found["RootFS"].get("Layers") or ())
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Image(name, found["Id"], found["Size"], layers, found.get("Created", ""), labels)


def matching(client: Client, pattern: str) -> list[Image]:
    """The images with a name that fits the pattern, such as ``oppie/agent-*``, in order."""
    with _engine(client, f"look for images {pattern}"):
        found = client.api.images(filters={"reference": pattern})
    names = sorted(name for image in found for name in image["RepoTags"] or ())
    return [image for name in names if (image := find(client, name))]


def import_root(client: Client, tar: Path, name: str, changes: Iterable[str]) -> None:
    """Make a one-layer image of a root file system. ``changes`` are Dockerfile lines."""
    repository, _, tag = name.rpartition(":")
    with _engine(client, f"import {tar} as {name}"):
        answer = client.api.import_image(str(tar), repository, tag, changes=list(changes))
    if '"error"' in answer:
        raise EngineError(f"import {tar} as {name}: {answer.strip()}")


def load(client: Client, archive: Path) -> Iterator[str]:
    """Load an archive that ``save`` or ``docker save`` wrote."""
    with _engine(client, f"load {archive}"), archive.open("rb") as source:
        yield from _lines(client.api.load_image(source))


def save(client: Client, name: str, archive: Path) -> None:
    """Write an image as an archive; ``archive`` appears only once it is whole."""
    part = archive.with_name(archive.name + ".part")
    try:
        with _engine(client, f"save {name}"), part.open("wb") as out:
            for chunk in client.api.get_image(name):
                out.write(chunk)
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)


def registry_refusal(client: Client, name: str, timeout_s: float) -> str:
    """Why no registry gives ``name`` within ``timeout_s``; empty if one does.

    The engine asks, not this process: it is the engine's network, proxy and trust that count.
    """
    try:
        with _engine(client, f"ask the registry for {name}", timeout_s):
            client.api.inspect_distribution(name)
    except EngineError as error:
        if isinstance(error.__cause__, requests.exceptions.Timeout):
            return f"no answer within {timeout_s:g} s"
        return str(error)
    return ""


def pull(client: Client, name: str) -> Iterator[str]:
    """Pull an image. Progress bars are left out, state changes are told."""
    with _engine(client, f"pull {name}"):
        yield from _lines(client.api.pull(name, stream=True, decode=True))


def build(client: Client, plan: Build) -> Iterator[str]:
    """Build with the classic builder, which every engine has; intermediate containers are removed."""
    with _engine(client, f"build {plan.tag}"):
        yield from _lines(
            client.api.build(
                fileobj=_context(plan.files),
                custom_context=True,
                dockerfile=plan.dockerfile,
                buildargs=dict(plan.arguments),
                labels=dict(plan.labels),
                target=plan.target,
                network_mode=None if plan.network else "none",
                tag=plan.tag,
                rm=True,
                forcerm=True,
                decode=True,
            )
        )


def context_of(folder: Path) -> dict[str, bytes]:
    """The files of a build's folder, but those of ``.git`` and what its ``.dockerignore`` names."""
    rules = folder / ".dockerignore"
    patterns = rules.read_text(encoding="utf-8").splitlines() if rules.is_file() else []
    ignored = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    paths = exclude_paths(str(folder), [*ignored, ".git", "**/.git"])
    return {
        path: (folder / path).read_bytes() for path in sorted(paths) if (folder / path).is_file()
    }


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    """A tar of the files, always the same for the same content, so that the build cache holds."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if content[:2] == b"#!" else 0o644
            member.mtime = _MTIME_S
            tar.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


def _lines(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The engine's progress objects as lines. Raises ``EngineError`` for an ``error`` among them."""
    said: deque[str] = deque(maxlen=10)
    for event in events:
        if "error" in event:
            context = "\n".join(said)
            raise EngineError(f"{event['error']}\n{context}".strip())
        if event.get("progressDetail"):
            continue
        text = _COLOURS.sub("", str(event.get("stream") or event.get("status") or ""))
        for line in text.splitlines():
            if line.strip() and not line.startswith(_NOISE):
                said.append(line.rstrip())
                yield said[-1]


@contextmanager
def _engine(client: Client, doing: str, timeout_s: float = PATIENCE_S) -> Iterator[None]:
    """Translate errors, and wait as long as this kind of work may take."""
    usual_s, client.api.timeout = client.api.timeout, timeout_s
    try:
        yield
    except EngineError as error:
        raise type(error)(f"{doing}: {error}") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise classify_error(error, doing) from error
    finally:
        client.api.timeout = usual_s
