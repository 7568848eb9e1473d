"""Brings a node's change into a branch of the user's repository as that branch is now.

Two steps, with a clean room between them: ``prepare`` says what the branch would become, and changes
nothing of the user's; ``land`` makes it so, if the branch hasn't moved meanwhile. The merge is made
on a bench (see ``runner.evidence.bench``), from recorded commits alone. So ``land`` makes it once
more, and gets the very tree that was checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EvidenceError
from runner.evidence.bench import bench, carry, objects_of
from runner.evidence.change import Change, change_of
from runner.evidence.checked_out import holder_of
from runner.evidence.errors import BranchMoved, Conflicting, Refused
from runner.evidence.folder import FolderView
from runner.evidence.git import Git
from runner.evidence.merge import Conflict, demand_git, merge_in
from runner.evidence.move import Move, move
from runner.evidence.place import (
    HEADS,
    Place,
    branch_of,
    commit_at,
    find_place,
    identity,
    origin_in,
)
from runner.evidence.repository import Evidence
from runner.evidence.trees import changed_in, commit_tree
from runner.model import ROOT

TARGET = "target"  # the label of what was found before the set-up


@dataclass(frozen=True, slots=True)
class Merge:
    """A change and the branch it goes into. All ids are git's, both trees are of the whole
    repository.

    ``head`` is the branch's commit; ``fork`` the one that the node's own commit stands on, with the
    tree ``node_tree``; ``tree`` is the merge of that into ``head``.
    """

    head: str
    fork: str
    node_tree: str
    tree: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a branch becomes with a node's change.

    ``paths`` are those in which the merge differs from the branch, relative to ``place.top``.
    ``before`` and ``after`` are commits in the evidence: the target's folder as the branch has it,
    and as the merge has it, without the excluded files that the merge leaves alone. ``notes`` is what
    a person should know of these two.
    """

    run_id: str
    label: str
    place: Place
    branch: str
    merge: Merge
    paths: tuple[str, ...]
    before: str
    after: str
    notes: tuple[str, ...] = ()


def prepare(
    evidence: Evidence,
    repo_dir: Path,
    run_id: str,
    label: str,
    into: str | None = None,
    excluded: Callable[[str], bool] = lambda _: False,
) -> Prepared:
    """What ``into`` (else the branch that is checked out) becomes with what ``label`` changed.

    ``repo_dir`` is the target's folder; ``excluded`` is asked with each path relative to it, as
    ``pack_target`` asks. The states before and after are kept as
    ``refs/oppie/<run_id>/<label>-merge-<n>/branch`` and ``.../merged`` of the evidence.

    Raises Conflicting with the files, or Refused: for no repository, a detached HEAD, an unknown
    branch, a change that the branch has already, or one inside a submodule, and, before anyone spends
    time on checking it, for what ``land`` would refuse. Raises EvidenceError for a git that is too
    old.
    """
    demand_git()
    place = find_place(repo_dir)
    branch = branch_of(place, into)
    head = commit_at(place.git(), HEADS + branch)
    if not head:
        place.head()  # a repository without any commit says so
        raise Refused(f"branch {branch!r}: there is no such branch in {place.top}")
    change = change_of(evidence, run_id, ROOT, label)
    with bench(evidence.folder / "objects", objects_of(place)) as folder:
        try:
            forks = _forks(evidence, place, run_id, head)
            merge = _merge(folder, place, change, forks, head, branch)
            paths = changed_in(Git(f"--git-dir={folder}"), head, merge.tree)
            if not paths:
                raise Refused(f"branch {branch!r} has the change of {label} already")
            _demand_ready(place, branch, merge, folder / "objects")
            found = evidence.manifest(evidence.commit(run_id, ROOT))
            view = FolderView(evidence, place, folder, excluded, found)
            before, after, notes = view.keep(run_id, label, head, merge.tree, paths)
        except EvidenceError as error:
            raise Refused(f"{label} can't be merged into {branch!r}: {error}") from error
    return Prepared(run_id, label, place, branch, merge, paths, before, after, notes)


def land(
    evidence: Evidence, prepared: Prepared, message: str, change: str = "", sign: bool = False
) -> str:
    """Make the prepared merge, as two commits: the node's own, and the merge of it into the branch
    (its id is returned). A work tree that has the branch checked out is brought along.

    ``message`` is the merge's, ``change`` the own commit's (the same, if left out). Both are by the
    user, whose key signs them if ``sign`` says so. Until the branch has moved, the merge is kept as
    ``refs/oppie/<run_id>/<label>-landing`` of the user's repository.

    Raises BranchMoved if the branch isn't where it was, Refused for a user without a name, a branch
    in the middle of a rebase, or a work tree with changes where the merge would write.
    """
    place, merge = prepared.place, prepared.merge
    git = place.git()
    who = identity(place)
    now = commit_at(git, HEADS + prepared.branch)
    if now != merge.head:
        raise BranchMoved(prepared.branch, merge.head, now)
    made = change_of(evidence, prepared.run_id, ROOT, prepared.label)
    with bench(evidence.folder / "objects", objects_of(place)) as folder:
        again = _merge(folder, place, made, (merge.fork,), merge.head, prepared.branch)
        if again != merge:
            raise EvidenceError(f"the merge of {prepared.label} came out as another tree")
        mine = Git(f"--git-dir={folder}", env=who)
        own = commit_tree(mine, merge.node_tree, (merge.fork,), change or message)
        commit = commit_tree(mine, merge.tree, (merge.head, own), message)
        carry(folder, git, [commit], [merge.head, merge.fork])
    if sign:
        commit = _signed(place, merge, change or message, message)
    keep = f"{evidence.ref(prepared.run_id, prepared.label)}-landing"
    move(place, Move(prepared.branch, merge.head, commit, keep, prepared.label), who)
    return commit


def _demand_ready(place: Place, branch: str, merge: Merge, objects: Path) -> None:
    """Raises Refused if the merge, which only the bench has, could not be made now."""
    identity(place)
    holder = holder_of(place, branch, objects)
    if holder:
        holder.demand_clean(merge.head, merge.tree)


def _forks(evidence: Evidence, place: Place, run_id: str, head: str) -> tuple[str, ...]:
    """Where the node's own commit may stand: where the branch and what the run began with part, if
    the repository knows that; else the branch itself."""
    ref = evidence.ref(run_id, TARGET)
    told = Git(f"--git-dir={evidence.folder}").attempt("log", "-1", "--format=%B", ref, "--")
    git, origin = place.git(), origin_in(told.stdout.decode("utf-8", "replace"))
    if not origin or not commit_at(git, origin):
        return (head,)
    done = git.attempt("merge-base", origin, head)
    fork = done.stdout.decode("ascii").strip()
    return tuple(dict.fromkeys((fork, head))) if done.returncode == 0 else (head,)


def _merge(
    folder: Path, place: Place, change: Change, forks: tuple[str, ...], head: str, branch: str
) -> Merge:
    """Merge on a bench: the change onto the first of ``forks`` with which all goes well, and that
    into ``head``. Raises Conflicting, of the last fork, and Refused for nothing to merge."""
    names = (branch, change.label)
    for fork in forks:
        tree = change.onto(folder, fork, place.prefix, names)
        if isinstance(tree, Conflict):
            conflict = tree
            continue
        both = merge_in(folder, fork, (head, tree), names)
        if isinstance(both, Conflict):
            conflict = both
            continue
        return Merge(head, fork, tree, both.tree_id)
    said = "; ".join(conflict.words) or ", ".join(conflict.paths)
    raise Conflicting(f"{change.label} conflicts with branch {branch!r}: {said}", conflict.paths)


def _signed(place: Place, merge: Merge, change: str, message: str) -> str:
    """Both commits once more, signed as the user's own git does it."""
    git = Git.of_user("-C", str(place.top))
    try:
        own = commit_tree(git, merge.node_tree, (merge.fork,), change, "-S")
        return commit_tree(git, merge.tree, (merge.head, own), message, "-S")
    except EvidenceError as error:
        raise Refused(f"the merge can't be signed: {error}") from error
