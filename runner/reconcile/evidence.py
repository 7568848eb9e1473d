"""Which refs of the evidence the journal explains, and which rows have lost theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set

from runner.evidence import TARGET
from runner.model import ROOT
from runner.reconcile.names import is_clean_room, is_label, is_node_attempt, whole_of
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.store import KnownNode, KnownRun

_PREFIX = "refs/oppie/"
_MERGE = re.compile(r"(?P<label>A(\.[0-9]+)*)-merge-[0-9]+/(branch|merged)")
_SYNTHESIS = re.compile(r"synthesis-(?P<label>A(\.[0-9]+)*)")


def ref_of(run_id: str, label: str) -> str:
    """The full name of a ref, as ``Evidence.ref`` has it."""
    return f"{_PREFIX}{run_id}/{label}"


def run_of(ref: str) -> str:
    """The run that a ref is of; "" for one that isn't ours."""
    return ref.removeprefix(_PREFIX).partition("/")[0] if ref.startswith(_PREFIX) else ""


def rule_refs(known: KnownRun, refs: Mapping[str, str], kept: Set[str]) -> Iterator[Ruling]:
    """One ruling for each ref of a run, and one for each row whose ref is gone.

    ``refs`` are full names and their commits. ``kept`` are commits that the repository still has,
    though no ref may lead to them. Evidence is never dropped but by `oppie gc`: a ref goes only
    where no row can ever lead to it.
    """
    prefix = ref_of(known.run_id, "")
    for ref, commit in refs.items():
        fate, why, to = _fate(known, ref.removeprefix(prefix), commit, kept)
        yield Ruling(Thing.REF, ref, known.run_id, fate, why, to)
    for label, node in known.nodes.items():
        ref = ref_of(known.run_id, label)
        if ref not in refs and node.state and node.state.commit:
            yield _of_row(known.run_id, ref, node.state.commit, kept)


def _fate(
    known: KnownRun, name: str, commit: str, kept: Set[str]
) -> tuple[Fate, str, str]:
    node = known.nodes.get(name)
    if node:
        return _of_node(node, commit, kept)
    if is_label(name):
        return Fate.KILL, f"no row of the journal explains a node {name}", ""
    if is_node_attempt(name):
        return Fate.KEEP, "what an attempt had done before the engine failed it", ""
    if name == TARGET:
        return Fate.KEEP, "the target as it was found", ""
    if (found := _MERGE.fullmatch(name) or _SYNTHESIS.fullmatch(name)) and (
        found["label"] in known.nodes
    ):
        return Fate.KEEP, f"evidence of a merge of {found['label']}", ""
    if name.endswith("-rebuilt"):
        return Fate.KILL, "what a rebuilt snapshot was compared with", ""
    if whole_of(name):
        return Fate.KEEP, "what one of an agent's rounds had done", ""
    stem = name.removesuffix("-built")
    if stem != name and is_clean_room(stem):
        return Fate.KEEP, "evidence of what a clean room has judged", ""
    return Fate.FOREIGN, "not a name that this product gives", ""


def _of_node(node: KnownNode, commit: str, kept: Set[str]) -> tuple[Fate, str, str]:
    wanted = node.state.commit if node.state else ""
    if not wanted:
        what = "the root" if node.label == ROOT else "an attempt"
        return Fate.KEEP, f"evidence of {what} that isn't counted", ""
    if wanted == commit:
        return Fate.KEEP, f"the evidence of {node.label}", ""
    if wanted in kept:
        return Fate.RESET, f"node {node.label} was counted for another commit", wanted
    return Fate.MISSING, f"the commit {wanted} of {node.label} is gone from the evidence", ""


def _of_row(run_id: str, ref: str, commit: str, kept: Set[str]) -> Ruling:
    if commit in kept:
        why = "the journal has its commit, and the evidence has it still"
        return Ruling(Thing.REF, ref, run_id, Fate.RESET, why, commit)
    why = f"its commit {commit} is gone from the evidence"
    return Ruling(Thing.REF, ref, run_id, Fate.MISSING, why)
