"""Streams that an engine answers with, read under the client's time-out and closed in any case.

The client's own readers switch the time-out off, so that an engine that falls silent in the middle
would be waited for without end, and leave the connection open when nobody reads to the end.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Generator, Mapping
from typing import TypeAlias

import docker
import requests

from runner.errors import EngineUnavailable
from runner.sandbox.frames import Demux

Body: TypeAlias = Generator[bytes, None, None]  # to be closed by whoever leaves it early

_EMPTY_TAR = bytes(1024)  # two blocks of zeros, POSIX.1-1988 ustar
_GO_MODE_SYMLINK = 1 << 27  # os.ModeSymlink, io/fs of Go
_CHUNK_BYTES = 1 << 18


def download(
    api: docker.APIClient,
    url: str,
    params: Mapping[str, object] | None = None,
    instead: Callable[[requests.Response], bytes] = lambda _: b"",
) -> Body:
    """The body of the answer to a GET, or what ``instead`` makes of its head, if that is anything.
    Raises what the client raises."""
    headers = {"Accept-Encoding": "identity"}
    answer = api._get(url, params=params, stream=True, headers=headers)
    with contextlib.closing(answer):
        api._raise_for_status(answer)
        other = instead(answer)
        yield from [other] if other else answer.iter_content(_CHUNK_BYTES)


def archive_of(api: docker.APIClient, container: str, path: str) -> Body:
    """A path of a container as a tar stream."""
    yield from download(api, api._url("/containers/{0}/archive", container), {"path": path})


def archive_of_file(api: docker.APIClient, container: str, path: str) -> Body:
    """The same, but an empty archive for a symbolic link. Podman sends what it leads to, by the
    name of the link, so the archive doesn't tell."""
    url = api._url("/containers/{0}/archive", container)
    yield from download(api, url, {"path": path}, instead=_empty_for_a_link)


def _empty_for_a_link(answer: requests.Response) -> bytes:
    stat = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
    return _EMPTY_TAR if stat["mode"] & _GO_MODE_SYMLINK else b""


def export_of(api: docker.APIClient, container: str) -> Body:
    """A container's whole file system as a tar stream."""
    yield from download(api, api._url("/containers/{0}/export", container))


def log_of(api: docker.APIClient, container: str) -> Body:
    """The engine's own copy of a container's output, both streams.

    Raises ``EngineUnavailable`` for one that breaks off in the middle of a frame.
    """
    demux = Demux()
    url = api._url("/containers/{0}/logs", container)
    for data in download(api, url, {"stdout": 1, "stderr": 1, "follow": 0, "tail": "all"}):
        yield from demux.feed(data)
    if demux.is_midway:
        raise EngineUnavailable(f"the log of {container} broke off")
