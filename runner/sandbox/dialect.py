"""Engines that speak Docker's API with an accent: what differs, and nothing anywhere else.

``connect`` hands out a client that has been told which engine it talks to. Podman's answers are
put into Docker's words here, so that no other file has to know of it; what can't be put into
words is a fact of the ``Dialect``, which ``dialect_of`` tells. Found on Podman 5.4.
"""

from __future__ import annotations

import re
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import docker
import docker.errors

_PODMAN = "Podman Engine"
# Short names get the one on commit and the other on load; both are found by the short name.
_REGISTRIES = ("docker.io/library/", "docker.io/", "localhost/")
_TIDY_S = 10.0
_ESCAPED = re.compile(r"\\(.)")
# POSIX.1-1988 ustar: two blocks of zeros end an archive; these types have no content.
_BLOCK = 512
_HEADER_ONLY = (b"1", b"2", b"3", b"4", b"5", b"6")


class Kind(StrEnum):
    """Whose engine it is."""

    DOCKER = "Docker"
    PODMAN = "Podman"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Facts that code above the client has to know.

    ``shares_networks``: a container can go before those that have joined its network namespace.
    ``tells_oom``: an event says when a container, running still, loses a process to the limit of
    memory. ``has_daemon``: containers are children of something that may be restarted.
    """

    kind: Kind
    shares_networks: bool
    tells_oom: bool
    has_daemon: bool


DOCKER = Dialect(Kind.DOCKER, shares_networks=True, tells_oom=True, has_daemon=True)
PODMAN = Dialect(Kind.PODMAN, shares_networks=False, tells_oom=False, has_daemon=False)


def dialect_of(api: docker.APIClient) -> Dialect:
    """The dialect of the engine that a client of ``connect`` talks to."""
    return PODMAN if isinstance(api, PodmanApi) else DOCKER


def is_podman(version: dict[str, Any]) -> bool:
    """Whether an engine's ``/version`` is Podman's."""
    return any(part.get("Name") == _PODMAN for part in version.get("Components") or ())


class PodmanApi(docker.APIClient):  # type: ignore[misc]  # docker has no types
    """Podman's service socket, in Docker's words."""

    def images(self, *args: Any, **options: Any) -> list[dict[str, Any]]:
        """Names without the registry that Podman made up, and parents as digests."""
        return [_image_in_dockers_words(entry) for entry in super().images(*args, **options)]

    def inspect_image(self, image: str) -> dict[str, Any]:
        """See ``images``."""
        return _image_in_dockers_words(super().inspect_image(image))

    def create_container_from_config(
        self, config: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        """Without the number of files that a tmpfs may hold, for which Podman has no word, and with
        a log that may be as long as Docker's two files: when it is full, Podman empties it."""
        host = dict(config.get("HostConfig") or {})
        host["Tmpfs"] = {
            path: _without_inodes(how) for path, how in (host.get("Tmpfs") or {}).items()
        }
        log = host.get("LogConfig") or {}
        if size := (log.get("Config") or {}).get("max-size"):
            host["LogConfig"] = {**log, "Config": {"max-size": str(2 * int(size))}}
        return super().create_container_from_config(
            {**config, "HostConfig": host}, *args, **options
        )

    def put_archive(self, container: str, path: str, data: bytes | Iterable[bytes]) -> bool:
        """Without the padding after the archive's end: Podman stops reading at the end, and fails
        with "broken pipe" if there is more."""
        pieces = [data] if isinstance(data, bytes) else data
        return bool(super().put_archive(container, path, unpadded(pieces)))

    def import_image_from_stream(
        self, stream: Any, *args: Any, changes: Iterable[str] = (), **options: Any
    ) -> Any:
        """Values between quotes as they are: Podman takes the quotes off, and nothing else."""
        plain = [_ESCAPED.sub(r"\1", line) for line in changes]
        return super().import_image_from_stream(stream, *args, changes=plain, **options)

    def wait(self, container: str, *args: Any, **options: Any) -> Any:
        """Until Podman has tidied up, too: while it does, it tells "stopped", and takes away the
        files that a reader has begun to read."""
        answer = super().wait(container, *args, **options)
        deadline = time.monotonic() + _TIDY_S
        while self.inspect_container(container)["State"]["Status"] == "stopped":
            if time.monotonic() >= deadline:
                break
            time.sleep(0.01)
        return answer

    def _raise_for_status(self, response: Any) -> None:
        """Podman has other words for an image that isn't there."""
        try:
            super()._raise_for_status(response)
        except docker.errors.NotFound as error:
            if "image not known" in str(error.explanation):
                raise docker.errors.ImageNotFound(
                    str(error), response=error.response, explanation=error.explanation
                ) from error
            raise


def unpadded(archive: Iterable[bytes]) -> Iterator[bytes]:
    """A tar stream that ends where its end is marked; what comes after is read, and dropped."""
    header, left, ended = bytearray(), 0, False
    for piece in archive:
        view = memoryview(piece)
        while view and not ended:
            take = min(left or _BLOCK - len(header), len(view))
            if left:
                yield bytes(view[:take])
                left -= take
            else:
                header += view[:take]
            view = view[take:]
            if len(header) == _BLOCK:
                ended = not any(header)
                yield bytes(_BLOCK * 2) if ended else bytes(header)
                left = _content_bytes(bytes(header))
                header.clear()
    yield bytes(header)  # of an archive that broke off: the engine says so


def _content_bytes(header: bytes) -> int:
    """How much follows a member's header, up to the next one."""
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return 0
    size = 0 if member.type in _HEADER_ONLY else member.size
    return -(-size // _BLOCK) * _BLOCK


def _image_in_dockers_words(image: dict[str, Any]) -> dict[str, Any]:
    parents = {key: _digest(image[key]) for key in ("Parent", "ParentId") if image.get(key)}
    tags = [_short(tag) for tag in image.get("RepoTags") or ()]
    return {**image, **parents, "RepoTags": tags}


def _without_inodes(options: str) -> str:
    return ",".join(word for word in options.split(",") if not word.startswith("nr_inodes="))


def _short(tag: str) -> str:
    for registry in _REGISTRIES:
        if tag.startswith(registry):
            return tag.removeprefix(registry)
    return tag


def _digest(text: str) -> str:
    return text if text.startswith("sha256:") else f"sha256:{text}"
