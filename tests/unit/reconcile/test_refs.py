"""Which refs of the evidence the journal explains."""

from __future__ import annotations

import pytest

from runner.reconcile import Fate
from runner.reconcile.evidence import ref_of, rule_refs, run_of

from .world import RUN, node, run

ALL = {ref_of(RUN, label): f"c-{label}" for label in ("A", "A.1", "A.2")}
EVERYTHING = frozenset({"c-A", "c-A.1", "c-A.2"})


@pytest.mark.parametrize(
    ("name", "fate", "why"),
    [
        ("target", Fate.KEEP, "as it was found"),
        ("A.3", Fate.KEEP, "an attempt that isn't counted"),
        ("A.4", Fate.KEEP, "an attempt that isn't counted"),
        ("A.9", Fate.KILL, "no row"),
        ("A.3.1", Fate.KILL, "no row"),
        ("A.1-verify-1-built", Fate.KEEP, "a clean room has judged"),
        ("A-room-2-built", Fate.KEEP, "a clean room has judged"),
        ("A.1.1-built-1-built", Fate.KEEP, "a clean room has judged"),
        ("A.1-merge-1/branch", Fate.KEEP, "evidence of a merge of A.1"),
        ("A.1-merge-12/merged", Fate.KEEP, "evidence of a merge of A.1"),
        ("A.9-merge-1/merged", Fate.FOREIGN, "not a name"),
        ("synthesis-A.1", Fate.KEEP, "evidence of a merge of A.1"),
        ("synthesis-A.9", Fate.FOREIGN, "not a name"),
        ("A.3-2-rebuilt", Fate.KILL, "rebuilt snapshot"),
        ("A.3-1-r2", Fate.KEEP, "one of an agent's rounds"),
        ("notes", Fate.FOREIGN, "not a name"),
        ("x-built", Fate.FOREIGN, "not a name"),
        ("B.1", Fate.FOREIGN, "not a name"),
    ],
)
def test_a_ref_is_explained_by_its_name_and_a_row(name: str, fate: Fate, why: str) -> None:
    ref = ref_of(RUN, name)
    rulings = {each.name: each for each in rule_refs(run(), {**ALL, ref: "c"}, frozenset())}
    assert rulings[ref].fate is fate
    assert why in rulings[ref].why
    assert {each.fate for name, each in rulings.items() if name != ref} == {Fate.KEEP}


@pytest.mark.parametrize("over", [True, False])
def test_refs_that_have_their_rows_commits_are_kept(over: bool) -> None:
    assert {each.fate for each in rule_refs(run(over=over), ALL, frozenset())} == {Fate.KEEP}


@pytest.mark.parametrize("label", ["A", "A.1", "A.2"])
def test_a_row_whose_ref_is_gone_gets_it_again_if_its_commit_is_there(label: str) -> None:
    refs = {ref: commit for ref, commit in ALL.items() if ref != ref_of(RUN, label)}
    for kept, fate in ((EVERYTHING, Fate.RESET), (frozenset[str](), Fate.MISSING)):
        (ruling,) = [e for e in rule_refs(run(), refs, kept) if e.fate is not Fate.KEEP]
        assert (ruling.name, ruling.fate) == (ref_of(RUN, label), fate)
        assert ruling.to == (f"c-{label}" if fate is Fate.RESET else "")


@pytest.mark.parametrize("label", ["A", "A.1", "A.2"])
def test_a_ref_that_leads_elsewhere_is_set_to_what_was_counted(label: str) -> None:
    refs = {**ALL, ref_of(RUN, label): "elsewhere"}
    for kept, fate in ((EVERYTHING, Fate.RESET), (frozenset[str](), Fate.MISSING)):
        (ruling,) = [e for e in rule_refs(run(), refs, kept) if e.fate is not Fate.KEEP]
        assert (ruling.name, ruling.fate) == (ref_of(RUN, label), fate)


def test_a_root_that_is_being_made_keeps_its_evidence() -> None:
    known = run(node("A", open_=1))
    refs = {ref_of(RUN, "A"): "c", ref_of(RUN, "target"): "d"}
    assert [each.fate for each in rule_refs(known, refs, frozenset())] == [Fate.KEEP] * 2


@pytest.mark.parametrize(
    ("ref", "of"),
    [
        ("refs/oppie/r1/A.1", "r1"),
        ("refs/oppie/r1/A.1-merge-1/branch", "r1"),
        ("refs/heads/main", ""),
        ("refs/oppie/", ""),
    ],
)
def test_the_run_of_a_ref(ref: str, of: str) -> None:
    assert run_of(ref) == of
