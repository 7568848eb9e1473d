"""A run in all its states, for rulings: what the journal knows of it, and objects that may be there."""

from __future__ import annotations

from runner.model import Snapshot, State
from runner.sandbox import spec
from runner.sandbox.protocol import HeldContainer, HeldImage
from runner.store import KnownNode, KnownRun

RUN = "20261121-024017-ab12"


def tag(label: str) -> str:
    return f"oppie/{RUN}:{label}"


def state(label: str, *, committed: bool = True) -> State:
    snapshot = Snapshot(tag(label), f"sha256:{label}", "sha256:base", 3, 9) if committed else None
    return State(label, snapshot, f"c-{label}", f"t-{label}")


def node(label: str, *, attempts: int = 1, open_: int = 0, made: State | None = None) -> KnownNode:
    """A node with attempts 1, 2, ..., of which the number ``open_`` is open (0: none)."""
    ids = frozenset(f"{label}-{number}" for number in range(1, attempts + 1))
    opened = frozenset({f"{label}-{open_}"}) if open_ else frozenset()
    return KnownNode(label, ids, opened, made)


ROOT_NODE = node("A", made=state("A"))
# A.1 was committed at its second attempt, A.2 discarded; A.3 is open at its second attempt, and
# A.4 was abandoned.
NODES = (
    ROOT_NODE,
    node("A.1", attempts=2, made=state("A.1")),
    node("A.2", made=state("A.2", committed=False)),
    node("A.3", attempts=2, open_=2),
    node("A.4"),
)


def run(*nodes: KnownNode, over: bool = False) -> KnownRun:
    return KnownRun(RUN, over, {each.label: each for each in nodes or NODES})


def container(
    attempt_id: str, kind: str = spec.KIND_STEP, *, running: bool = False, image: str = "sha256:A"
) -> HeldContainer:
    return HeldContainer(f"oppie-{RUN}-{attempt_id}-x", RUN, kind, attempt_id, running, image)


def image(
    label: str,
    attempt_id: str = "",
    *,
    digest: str = "",
    names: tuple[str, ...] | None = None,
    tree_id: str = "",
    inner: bool = False,
    other_tags: tuple[str, ...] = (),
) -> HeldImage:
    """The image of a node; the one that it was counted for, unless a digest says otherwise."""
    return HeldImage(
        digest=digest or f"sha256:{label}",
        run_id=RUN,
        node=label,
        attempt_id=attempt_id or f"{label}-1",
        names=(tag(label),) if names is None else names,
        other_tags=other_tags,
        inner=inner,
        tree_id=tree_id,
    )
