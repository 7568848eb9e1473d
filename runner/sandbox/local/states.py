"""The states of nodes as commits, with a ref for each state and one for each tag.

A state that is discarded loses its tags and its place in the listing, but keeps a ref: what it held is
gone only once a sweep drops it (``holdings``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path

from runner.errors import EngineError, EvidenceError, SnapshotMissing
from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.inventory import children_first
from runner.sandbox.local.ground import forget
from runner.sandbox.local.names import DISCARDED, LEFT, STATES, TAGS, tag_of_ref, tag_ref
from runner.sandbox.local.repository import FACTS, Draft, open_repository, write_commit
from runner.sandbox.local.state import DIGEST, FORMAT, State, about, read_states
from runner.sandbox.local.tree import Entry, decoded, encoded, entries_of, restore
from runner.sandbox.protocol import HeldImage
from runner.sandbox.room import Room, room_of

BASE = "oppie/empty:latest"
TREE = "tree"  # in a container's folder
PARTS = ("workspace", "home")  # of a tree, which make a state
_FOLDER = 0o40755
_NO_ID = 129  # what git exits with when it is asked for what can be no object's id


@contextlib.contextmanager
def git_errors(doing: str) -> Iterator[None]:
    """What git fails at in the block is trouble of the engine's, whose place it takes."""
    try:
        yield
    except EvidenceError as error:
        raise EngineError(f"{doing}: {error}") from error


class States:
    """See ``hosted.Images``. ``lay(folder, commit, tree)`` makes the folder ``tree`` with a commit's
    files. Any number of processes may share the repository in ``folder``.

    Raises ``EngineError``, ``StateError``.
    """

    def __init__(self, folder: Path, lay: Callable[[Path, str, Path], None]) -> None:
        self._folder = folder
        self._lay = lay
        with git_errors("open the states"):
            self._git = open_repository(folder)

    def base(self) -> str:
        """The tag of a state with an empty workspace and an empty home, made if it isn't there."""
        with contextlib.suppress(SnapshotMissing):
            return self.find(BASE).tag
        empty = [Entry(part, _FOLDER, 0) for part in PARTS]
        said = about(Snapshot(BASE, "", "", 1, 0), 0, {spec.KIND: "base"})
        draft = Draft("an empty workspace", said, "", encoded(empty))
        with git_errors(f"make {BASE}"):
            commit = write_commit(self._git, draft, self._folder, ())
        self._keep(commit, BASE, "-")
        return BASE

    def find(self, reference: str) -> Snapshot:
        """See ``hosted.Images.find``."""
        return replace(self._state(reference).snapshot, tag=reference)

    def total_bytes(self, reference: str) -> int:
        """See ``hosted.Images.total_bytes``."""
        return self._state(reference).total_bytes

    def fill(self, reference: str, home: Path) -> None:
        """See ``hosted.Images.fill``."""
        commit, tree = self._state(reference).commit, home / TREE
        with git_errors(f"write the files of {reference}"):
            self._lay(self._folder, commit, tree)
        restore(tree, decoded((tree / FACTS).read_bytes()))
        (tree / "tmp").mkdir()

    def made(self, tag: str, labels: Mapping[str, str]) -> Snapshot | None:
        """See ``hosted.Images.made``."""
        with contextlib.suppress(SnapshotMissing):
            state = self._state(tag)
            return replace(state.snapshot, tag=tag) if state.labels == labels else None
        return None

    def save(self, tag: str, home: Path, labels: Mapping[str, str], depth: int) -> Snapshot:
        """See ``hosted.Images.save``. The same files with the same labels are the same state."""
        parent = labels[spec.PARENT]
        before_bytes = self._total_bytes(parent.removeprefix(DIGEST)) if parent else 0
        snapshot = Snapshot(tag, "", parent, depth, before_bytes)
        title = f"{labels[spec.NODE]} of run {labels[spec.RUN]}"
        made = self._write(title, home, snapshot, labels)
        self._keep(made.digest.removeprefix(DIGEST), tag, labels[spec.RUN])
        return made

    def keep_left(self, home: Path, image: str, labels: Mapping[str, str]) -> None:
        """Keep what is in a container's folder, and in no state, as a commit on its image's."""
        ref = f"{LEFT}/{labels[spec.RUN]}/{home.name}"
        snapshot = Snapshot("", "", image, 1, 0)
        made = self._write(f"{home.name}: what a planner left", home, snapshot, labels)
        self._update(f"update {ref} {made.digest.removeprefix(DIGEST)}")

    def _write(
        self, title: str, home: Path, snapshot: Snapshot, labels: Mapping[str, str]
    ) -> Snapshot:
        """Make a commit of a container's tree. ``snapshot.size_bytes`` is the size of its parent's
        files, and what is added to them in what comes back."""
        tree = home / TREE
        with git_errors(f"keep the files of {home.name}"), entries_of(tree, PARTS) as entries:
            total = sum(each.size_bytes for each in entries if not each.is_folder)
            sized = replace(snapshot, size_bytes=max(0, total - snapshot.size_bytes))
            parent = snapshot.parent_digest.removeprefix(DIGEST)
            draft = Draft(title, about(sized, total, labels), parent, encoded(entries))
            commit = write_commit(self._git, draft, tree, entries)
        return replace(sized, digest=DIGEST + commit)

    def discard(self, reference: str) -> None:
        """See ``hosted.Images.discard``. A ref to it is kept, elsewhere."""
        with contextlib.suppress(SnapshotMissing):
            state = self._state(reference)
            place = f"{state.run_id or '-'}/{state.commit}"
            if self._untagged(reference, state.commit):
                return
            tags = self._refs(f"--points-at={state.commit}", TAGS)
            doomed = [*(each.ref for each in tags), f"{STATES}/{place}"]
            self._update(
                f"update {DISCARDED}/{place} {state.commit}", *(f"delete {ref}" for ref in doomed)
            )

    def retag(self, digest: str, tag: str) -> None:
        """See ``hosted.Images.retag``."""
        self._update(f"update {tag_ref(tag)} {self._state(digest).commit}")

    def held_as(self, reference: str) -> HeldImage | None:
        """See ``hosted.Images.held_as``."""
        with contextlib.suppress(SnapshotMissing):
            state = self._state(reference)
            if state.is_snapshot:
                return state.held(_names(state, self._tags()))
        return None

    def held(self, run_id: str) -> tuple[HeldImage, ...]:
        """See ``hosted.Images.held``."""
        tags = self._tags()
        states = self._refs(f"{STATES}/{run_id}/")
        return children_first([state.held(_names(state, tags)) for state in states])

    def everything(self, *, with_kept: bool) -> tuple[HeldImage, ...]:
        """The states of all runs, children before their parents; ``with_kept``: those that were
        discarded, and what was left, as well."""
        tags, where = self._tags(), (STATES, DISCARDED, LEFT) if with_kept else (STATES,)
        ours = (each for each in self._refs(*where) if each.run_id)
        return children_first([state.held(_names(state, tags)) for state in ours])

    def drop(self, reference: str) -> None:
        """Let go of a state, discarded or not, or of what was left; absent is fine. Its files go with
        the next ``sweep``."""
        wanted = f"--points-at={reference.removeprefix(DIGEST)}"
        if not reference.startswith(DIGEST):
            wanted = tag_ref(reference)
        commits = {each.commit for each in self._refs(wanted)}
        if any(self._untagged(reference, commit) for commit in commits):
            return
        refs = {each.ref for commit in commits for each in self._refs(f"--points-at={commit}")}
        self._update(*(f"delete {ref}" for ref in sorted(refs)))

    def _untagged(self, reference: str, commit: str) -> bool:
        """Whether ``reference`` is one of several tags that a state has; then it has it no more."""
        tags = {each.ref for each in self._refs(f"--points-at={commit}", TAGS)}
        if len(tags) < 2 or reference.startswith(DIGEST) or tag_ref(reference) not in tags:
            return False
        self._update(f"delete {tag_ref(reference)}")
        return True

    def sweep(self, *, alone: bool) -> None:
        """Remove what no ref leads to. ``alone``: nobody is making a state meanwhile, so that what
        is new can go, too."""
        with git_errors("sweep the states"):
            self._git.run("worktree", "prune", "--expire=now")
            self._git.run("gc", "--quiet", "--prune=now" if alone else "--prune=1.hour.ago")

    def forget(self, container: str) -> None:
        """Let go of what git knows of a container's folder, which is gone."""
        forget(self._folder, container)

    def room(self) -> Room | None:
        """See ``hosted.Images.room``."""
        return room_of(self._folder)

    def _state(self, reference: str) -> State:
        if reference.startswith(DIGEST):
            found = self._refs(f"--points-at={reference.removeprefix(DIGEST)}", STATES)
        else:
            found = self._refs(tag_ref(reference))
        for state in found:
            return state
        raise SnapshotMissing(f"look up {reference}: no such state")

    def _total_bytes(self, commit: str) -> int:
        """Of a state that may have been discarded meanwhile."""
        return next((each.total_bytes for each in self._refs(f"--points-at={commit}")), 0)

    def _refs(self, *wanted: str) -> tuple[State, ...]:
        """The states that refs lead to; of an id that can be none there are none."""
        with git_errors("read the states"):
            said = self._git.run("for-each-ref", FORMAT, *wanted, allowed=(0, _NO_ID))
        return tuple(read_states(said))

    def _tags(self) -> frozenset[tuple[str, str]]:
        """The ref of each tag, and the commit that has it."""
        return frozenset((each.ref, each.commit) for each in self._refs(TAGS))

    def _keep(self, commit: str, tag: str, run_id: str) -> None:
        self._update(
            f"update {STATES}/{run_id}/{commit} {commit}",
            f"update {tag_ref(tag)} {commit}",
            f"delete {DISCARDED}/{run_id}/{commit}",
        )

    def _update(self, *commands: str) -> None:
        told = "".join(f"{command}\n" for command in commands)
        with git_errors("change the refs of the states"):
            self._git.run("update-ref", "--stdin", stdin=told.encode())


def _names(state: State, tags: Set[tuple[str, str]]) -> tuple[str, ...]:
    """Its tags, or the digest of one that lost them."""
    own = sorted(tag_of_ref(ref) for ref, commit in tags if commit == state.commit)
    return tuple(own) or (state.snapshot.digest,)
