"""The images of the fake sandbox: one folder each, and a symbolic link for each tag."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from runner.errors import EngineOutOfSpace, SnapshotMissing
from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.inventory import children_first
from runner.sandbox.protocol import HeldImage
from runner.sandbox.room import Room, room_of
from runner.sandbox.trees import copy_tree, remove_tree, tree_bytes

_BASE = "oppie/fake-base:latest"


class ImageFolder:
    """``images/<digest>/`` with ``workspace/`` and ``meta.json``; ``tags/<tag>`` points there.

    An image comes into being by a rename and a tag by another, in this order, so that a reader, or
    the successor of a planner that was killed, sees whole images or none.
    """

    def __init__(self, folder: Path, disk_bytes: int | None = None) -> None:
        self._disk_bytes = disk_bytes
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
        _describe(new, snapshot, 0, {})
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

    def fill(self, reference: str, home: Path) -> None:
        """Copy an image's workspace into a container's folder, beside an empty home."""
        (home / "home").mkdir()
        copy_tree(self._folder(reference) / "workspace", home / "workspace")

    def made(self, tag: str, labels: Mapping[str, str]) -> Snapshot | None:
        """What ``save`` made of these labels before, or ``None``."""
        with contextlib.suppress(SnapshotMissing):
            known = self.find(tag)
            return known if known.digest == _digest(labels) else None
        return None

    def save(self, tag: str, home: Path, labels: Mapping[str, str], depth: int) -> Snapshot:
        """Make an image of a copy of a container's workspace.

        The digest is that of the labels, so the same attempt from the same parent is the same
        image. An image that had the tag is there without one. Raises ``EngineOutOfSpace`` where the
        disk is too small for it.
        """
        digest = _digest(labels)
        new = self._new()
        new.mkdir()
        copy_tree(home / "workspace", new / "workspace")
        parent_digest = labels[spec.PARENT]
        total_bytes = tree_bytes(new / "workspace")
        added_bytes = total_bytes - (self.total_bytes(parent_digest) if parent_digest else 0)
        snapshot = Snapshot(tag, digest, parent_digest, depth, max(0, added_bytes))
        if self._disk_bytes is not None and snapshot.size_bytes > self._disk_bytes - self._used():
            remove_tree(new)
            raise EngineOutOfSpace(f"commit {tag}: no space left on device")
        _describe(new, snapshot, total_bytes, labels)
        self._remove(self._folder(digest))  # of a commit that was cut short before its tag
        new.rename(self._folder(digest))
        self._tag(snapshot)
        return snapshot

    def discard(self, reference: str) -> None:
        """Take a tag from an image, which goes with its last one, or the image with all it has;
        absent is fine."""
        folder = self._folder(reference)
        tags = self._tags_of(folder)
        doomed = [tag for tag in tags if tag.name == quote(reference, safe="")] or tags
        for tag in doomed:
            tag.unlink(missing_ok=True)
        if len(doomed) == len(tags):
            self._remove(folder)

    def retag(self, digest: str, tag: str) -> None:
        """Give an image a tag, whoever has it. Raises ``SnapshotMissing``."""
        self._tag(replace(self.find(digest), tag=tag))

    def room(self) -> Room | None:
        """The room on the disk that the images share."""
        if self._disk_bytes is None:
            return room_of(self._images)
        return Room(str(self._images), self._disk_bytes - self._used(), self._disk_bytes)

    def _used(self) -> int:
        """What all images add to their parents, in bytes."""
        used = 0
        for folder in self._images.iterdir():
            with contextlib.suppress(SnapshotMissing):
                used += int(self._meta(folder.name)["snapshot"]["size_bytes"])
        return used

    def held_as(self, reference: str) -> HeldImage | None:
        """One image with our labels, or ``None``."""
        with contextlib.suppress(SnapshotMissing):
            meta = self._meta(reference)
            if meta["labels"].get(spec.KIND) == spec.KIND_SNAPSHOT:
                return self._held(self._folder(reference), meta)
        return None

    def held(self, run_id: str) -> tuple[HeldImage, ...]:
        """A run's images, children before their parents."""
        found = []
        for folder in self._images.iterdir():
            with contextlib.suppress(SnapshotMissing):
                meta = self._meta(folder.name)
                if meta["labels"].get(spec.RUN) == run_id:
                    found.append(self._held(folder, meta))
        return children_first(found)

    def _held(self, folder: Path, meta: Mapping[str, Any]) -> HeldImage:
        """By its tags, or by the digest of one that lost them (or never came to one)."""
        labels, digest = meta["labels"], f"sha256:{folder.name}"
        tags = sorted(unquote(tag.name) for tag in self._tags_of(folder))
        return HeldImage(
            digest=digest,
            run_id=labels[spec.RUN],
            node=labels[spec.NODE],
            attempt_id=labels[spec.ATTEMPT],
            names=tuple(tags) or (digest,),
            size_bytes=int(meta["total_bytes"]),
            parent_digest="" if labels[spec.DEPTH] == "1" else labels[spec.PARENT],
            tree_id=labels[spec.TREE],
            commit=labels[spec.COMMIT],
            rebuilt_from=labels[spec.REBUILT],
        )

    def _folder(self, reference: str) -> Path:
        tag = self._tags / quote(reference, safe="")
        with contextlib.suppress(OSError):
            return self._images / tag.readlink()
        return self._images / quote(reference.removeprefix("sha256:"), safe="")

    def _tags_of(self, folder: Path) -> list[Path]:
        """The links of an image's tags; those in the making are none yet."""
        found = []
        for tag in self._tags.glob("[!.]*"):
            with contextlib.suppress(OSError):  # somebody has removed it
                if tag.readlink() == Path(folder.name):
                    found.append(tag)
        return found

    def _new(self) -> Path:
        """A path for an image in the making, of this thread's own."""
        new = self._images / f"new-{threading.get_native_id()}"
        remove_tree(new)
        return new

    def _remove(self, folder: Path) -> None:
        """All of an image or, for who looks after a kill, nothing of it; absent is fine."""
        with contextlib.suppress(FileNotFoundError):
            old = folder.with_name(f"old-{threading.get_native_id()}")
            remove_tree(old)
            folder.rename(old)
            remove_tree(old)

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


def _describe(
    folder: Path, snapshot: Snapshot, total_bytes: int, labels: Mapping[str, str]
) -> None:
    facts = {"snapshot": asdict(snapshot), "total_bytes": total_bytes, "labels": dict(labels)}
    (folder / "meta.json").write_text(json.dumps(facts))


def _digest(labels: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(labels), sort_keys=True)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
