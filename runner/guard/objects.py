"""Whose a container or an image is: asked of the engine, and told by what oppie labels its own with.

A container's name may be another's a moment later, so what is found is addressed by its id from then
on. Names alone don't count: the planner itself may run in a container called ``oppie-planner-1``.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.guard.order import Absent, Refused
from runner.guard.relay import dial
from runner.guard.terms import Terms
from runner.sandbox import spec
from runner.wire import Gone

OWN_REPOSITORY = re.compile(r"oppie/[a-z0-9][a-z0-9._-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
RUN_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}")
_CONTAINER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RECIPE = "org.oppie.recipe"  # on agent images, older ones included, which have lost their names
_ASK_S = 60.0
_ANSWER_LIMIT_BYTES = 8 << 20


class Objects:
    """What the engine at ``socket_path`` says of its containers and images.

    Everything raises ``Refused`` for what isn't oppie's own, ``Absent`` for what isn't there, and
    ``Gone`` or ``OSError`` if the engine doesn't answer.
    """

    def __init__(self, socket_path: Path, terms: Terms) -> None:
        self._socket_path = socket_path
        self._terms = terms

    def container(self, reference: str, kind: str = "") -> str:
        """The id of a container of ours; of one ``kind`` (``spec.KIND``), if that is named."""
        if not _CONTAINER_NAME.fullmatch(reference):
            raise Refused(f"{reference[:80]!r} is no container's name")
        found = self._ask(f"/containers/{reference}/json")
        if found is None:
            raise Absent(f"No such container: {reference}")
        labels = (found.get("Config") or {}).get("Labels") or {}
        if not RUN_ID.fullmatch(labels.get(spec.RUN) or ""):
            raise Refused(f"container {reference} is none of oppie's")
        if kind and labels.get(spec.KIND) != kind:
            raise Refused(f"container {reference} is no {kind} container")
        return str(found["Id"])

    def image(self, reference: str) -> str:
        """An image that may be read and started from: of a run, named ``oppie/...``, or granted."""
        if OWN_REPOSITORY.fullmatch(reference) or reference in self._terms.images:
            return reference
        if not _DIGEST.fullmatch(reference):
            raise Refused(f"image {reference} is none of oppie's; `--image {reference}` grants it")
        found = self._ask(f"/images/{reference}/json")
        if found is None:
            raise Absent(f"No such image: {reference}")
        labels = (found.get("Config") or {}).get("Labels") or {}
        names = [*(found.get("RepoTags") or ()), *(found.get("RepoDigests") or ())]
        ours = RUN_ID.fullmatch(labels.get(spec.RUN) or "") or labels.get(_RECIPE)
        if not ours and not any(
            OWN_REPOSITORY.fullmatch(name) or name in self._terms.images for name in names
        ):
            raise Refused(f"image {reference[:19]} is none of oppie's")
        return reference

    def snapshot(self, reference: str) -> str:
        """An image that may be removed or named anew: a snapshot that a run has made."""
        found = self._ask(f"/images/{self.image(reference)}/json")
        if found is None:
            raise Absent(f"No such image: {reference}")
        labels = (found.get("Config") or {}).get("Labels") or {}
        names = found.get("RepoTags") or ()
        if not RUN_ID.fullmatch(labels.get(spec.RUN) or "") or not all(
            OWN_REPOSITORY.fullmatch(name) for name in names
        ):
            raise Refused(f"image {reference} is no snapshot of a run")
        return reference

    def _ask(self, path: str) -> Mapping[str, Any] | None:
        """What the engine answers; ``None`` if it knows no such thing."""
        connection = _Connection(self._socket_path)
        try:
            connection.request("GET", path, headers={"Host": "engine"})
            response = connection.getresponse()
            text = response.read(_ANSWER_LIMIT_BYTES)
        except http.client.HTTPException as error:
            raise Gone(f"the engine's answer: {error}") from error
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise Refused(f"the engine doesn't say whose this is: {response.status}")
        found: Mapping[str, Any] = json.loads(text)
        return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=_ASK_S)
        self._path = path

    def connect(self) -> None:
        self.sock: socket.socket = dial(self._path)
        self.sock.settimeout(self.timeout)
