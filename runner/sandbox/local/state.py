"""One state of a node: a commit, and what its message says about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.protocol import HeldImage

DIGEST = "sha256:"  # before a commit's id, which is one
FORMAT = "--format=%(refname) %(objectname) %(contents:body)"  # of for-each-ref: what is read here


@dataclass(frozen=True, slots=True)
class State:
    """``ref`` is one of those that lead to it; ``total_bytes`` is the size of all its files."""

    ref: str
    commit: str
    snapshot: Snapshot
    total_bytes: int
    labels: Mapping[str, str]

    @property
    def run_id(self) -> str:
        """Empty for one that belongs to no run."""
        return self.labels.get(spec.RUN, "")

    @property
    def is_snapshot(self) -> bool:
        return self.labels.get(spec.KIND) == spec.KIND_SNAPSHOT

    def held(self, names: tuple[str, ...]) -> HeldImage:
        """What a listing tells of it; ``names`` are what it is removed by."""
        labels = self.labels
        return HeldImage(
            digest=self.snapshot.digest,
            run_id=self.run_id,
            node=labels.get(spec.NODE, ""),
            attempt_id=labels.get(spec.ATTEMPT, ""),
            names=names,
            size_bytes=self.total_bytes,
            parent_digest=self.snapshot.parent_digest,
            tree_id=labels.get(spec.TREE, ""),
            commit=labels.get(spec.COMMIT, ""),
            rebuilt_from=labels.get(spec.REBUILT, ""),
        )


def about(snapshot: Snapshot, total_bytes: int, labels: Mapping[str, str]) -> str:
    """What the message of a state's commit says, in one line, after its title."""
    return json.dumps(
        {
            "tag": snapshot.tag,
            "parent": snapshot.parent_digest,
            "depth": snapshot.depth,
            "size_bytes": snapshot.size_bytes,
            "total_bytes": total_bytes,
            "labels": dict(labels),
        },
        sort_keys=True,
    )


def read_states(listing: bytes) -> Iterator[State]:
    """The states in what git says to ``FORMAT``."""
    for line in listing.decode().splitlines():
        if line:
            ref, commit, said = line.split(" ", 2)
            yield _state(ref, commit, json.loads(said))


def _state(ref: str, commit: str, said: Mapping[str, Any]) -> State:
    snapshot = Snapshot(
        said["tag"], DIGEST + commit, said["parent"], said["depth"], said["size_bytes"]
    )
    return State(ref, commit, snapshot, said["total_bytes"], said["labels"])
