"""The images of the fake sandbox: one folder each, and a symbolic link for each tag."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner.errors import SnapshotMissing
from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.trees import copy_tree, remove_tree, tree_bytes

_BASE = "oppie/fake-base:latest"


class ImageFolder:
    """``images/<digest>/`` with ``workspace/`` and ``meta.json``; ``tags/<tag>`` points there.

    An image comes into being by a rename and a tag by another, in this order, so that a reader, or
    the successor of a planner that was killed, sees whole images or none.
    """

    def __init__(self, folder: Path) -> None:
        self._images = folder / "images"
        self._tags = folder / "tags"
        for part in (self._images, self._tags):
            part.mkdir(parents=True, exist_ok=True)

    def base(self) -> str:
        """The tag of an image with an empty workspace, which is made if it isn't there."""
        with contextlib.suppress(SnapshotMissing):
            return self.find(_BASE).tag
        snapshot = Snapshot(_BASE, _digest({spec.KIND: "base"}), "", 1, 0)
        new = self._new()
        (new / "workspace").mkdir(parents=True)
        _describe(new, snapshot, 0)
        try:
            new.rename(self._folder(snapshot.digest))
        except OSError:  # another worker was faster
            remove_tree(new)
        self._tag(snapshot)
        return _BASE

    def find(self, reference: str) -> Snapshot:
        """The image behind a tag or a digest. Raises ``SnapshotMissing``."""
        return Snapshot(**{**self._meta(reference)["snapshot"], "tag": reference})

    def total_bytes(self, reference: str) -> int:
        """The size of all files of an image. Raises ``SnapshotMissing``."""
        return int(self._meta(reference)["total_bytes"])

    def workspace(self, reference: str) -> Path:
        """The files of an image; not to be written to."""
        return self._folder(reference) / "workspace"

    def made(self, tag: str, labels: Mapping[str, str]) -> Snapshot | None:
        """What ``save`` made of these labels before, or ``None``."""
        with contextlib.suppress(SnapshotMissing):
            known = self.find(tag)
            return known if known.digest == _digest(labels) else None
        return None

    def save(self, tag: str, workspace: Path, labels: Mapping[str, str], depth: int) -> Snapshot:
        """Make an image of files that nobody will write to again: they become hard links.

        The digest is that of the labels, so the same attempt from the same parent is the same
        image. An image that had the tag is there without one.
        """
        digest = _digest(labels)
        new = self._new()
        new.mkdir()
        copy_tree(workspace, new / "workspace", link=True)
        parent_digest = labels[spec.PARENT]
        total_bytes = tree_bytes(new / "workspace")
        added_bytes = total_bytes - (self.total_bytes(parent_digest) if parent_digest else 0)
        snapshot = Snapshot(tag, digest, parent_digest, depth, max(0, added_bytes))
        _describe(new, snapshot, total_bytes)
        remove_tree(self._folder(digest))  # of a commit that was cut short before its tag
        new.rename(self._folder(digest))
        self._tag(snapshot)
        return snapshot

    def discard(self, reference: str) -> None:
        """Remove an image and its tag; absent is fine."""
        folder = self._folder(reference)
        for tag in self._tags.iterdir():
            if tag.readlink() == Path(folder.name):
                tag.unlink(missing_ok=True)
        remove_tree(folder)

    def names(self) -> dict[str, str]:
        """All images: by its tag, or by the digest of one that lost it, the tag that each got."""
        found = {}
        for folder in self._images.iterdir():
            with contextlib.suppress(SnapshotMissing):
                tag = self._meta(folder.name)["snapshot"]["tag"]
                tagged = self._folder(tag) == folder
                found[tag if tagged else f"sha256:{folder.name}"] = tag
        return found

    def _folder(self, reference: str) -> Path:
        tag = self._tags / quote(reference, safe="")
        with contextlib.suppress(OSError):
            return self._images / tag.readlink()
        return self._images / quote(reference.removeprefix("sha256:"), safe="")

    def _new(self) -> Path:
        """A path for an image in the making, of this thread's own."""
        new = self._images / f"new-{threading.get_native_id()}"
        remove_tree(new)
        return new

    def _tag(self, snapshot: Snapshot) -> None:
        link = self._tags / f".{threading.get_native_id()}"
        link.unlink(missing_ok=True)
        link.symlink_to(self._folder(snapshot.digest).name)
        link.rename(self._tags / quote(snapshot.tag, safe=""))

    def _meta(self, reference: str) -> dict[str, Any]:
        try:
            meta: dict[str, Any] = json.loads((self._folder(reference) / "meta.json").read_text())
        except FileNotFoundError as error:
            raise SnapshotMissing(f"look up {reference}: no such image") from error
        return meta


def _describe(folder: Path, snapshot: Snapshot, total_bytes: int) -> None:
    meta = {"snapshot": asdict(snapshot), "total_bytes": total_bytes}
    (folder / "meta.json").write_text(json.dumps(meta))


def _digest(labels: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(labels), sort_keys=True)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
