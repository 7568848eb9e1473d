from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import EvidenceError, TaskError
from runner.evidence import (
    Conflict,
    Evidence,
    Merged,
    merge,
    merge_trees,
    overlay,
    record_tree,
)

from .repos import RUN, git, lines, make_repo, record_node, record_root
from .tars import file, symlink

ROOT_FILES = {"a.py": lines(), "b.py": lines(), "lib/c.py": "c\n", "old.py": lines(n0="first")}


@pytest.fixture
def root(tmp_path: Path, evidence: Evidence) -> str:
    return record_root(evidence, make_repo(tmp_path / "repo", ROOT_FILES)).commit


def text(evidence: Evidence, tree: str, path: str) -> str:
    return git(evidence.folder, "show", f"{tree}:{path}")


def test_two_nodes_that_touch_different_things(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    other = record_node(evidence, "A.2", {"b.py": lines(n9="smaller"), "lib/c.py": None})
    merged = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(merged, Merged)
    assert text(evidence, merged.tree_id, "a.py") == lines(n7="faster").strip()
    assert text(evidence, merged.tree_id, "b.py") == lines(n9="smaller").strip()
    assert sorted(evidence.manifest(merged.tree_id)) == ["a.py", "b.py", "old.py"]
    turned = merge_trees(evidence, root, other.commit, one.commit)
    assert turned == merged


def test_two_places_of_one_file(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    other = record_node(evidence, "A.2", {"a.py": lines(n30="smaller")})
    merged = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(merged, Merged)
    assert text(evidence, merged.tree_id, "a.py") == lines(n7="faster", n30="smaller").strip()


def test_a_conflict_names_the_files_and_the_sides(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"a.py": lines(n7="mine"), "b.py": None, "lib/c.py": "1\n"})
    other = record_node(
        evidence, "A.2", {"a.py": lines(n7="theirs"), "b.py": lines(n3="kept"), "lib/c.py": "1\n"}
    )
    found = merge_trees(evidence, root, one.commit, other.commit, ("A.1", "A.2"))
    assert isinstance(found, Conflict)
    assert found.paths == ("a.py", "b.py")
    assert "Merge conflict in a.py" in found.words[0]
    assert "b.py deleted in A.1 and modified in A.2" in found.words[1]


def test_a_renamed_file_takes_the_other_sides_change(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"old.py": None, "new.py": lines(n0="first")})
    other = record_node(evidence, "A.2", {"old.py": lines(n0="first", n20="better")})
    merged = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(merged, Merged)
    assert text(evidence, merged.tree_id, "new.py") == lines(n0="first", n20="better").strip()


def test_links_modes_and_binary_files(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {}, symlink("link", "a.py"), file("bin", b"\0\1"))
    other = record_node(evidence, "A.2", {"a.py": None}, file("a.py", lines(), mode=0o755))
    merged = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(merged, Merged)
    files = evidence.manifest(merged.tree_id)
    assert (files["link"][:6], files["bin"][:6], files["a.py"][:6]) == (
        "120000",
        "100644",
        "100755",
    )
    third = record_node(evidence, "A.3", {}, symlink("link", "b.py"), file("bin", b"\0\2"))
    found = merge_trees(evidence, root, one.commit, third.commit)
    assert isinstance(found, Conflict)
    assert found.paths == ("bin", "link")


def test_a_file_where_the_other_made_a_folder(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"x": "a file\n"})
    other = record_node(evidence, "A.2", {"x/y": "in a folder\n"})
    found = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(found, Conflict)


def test_the_base_is_the_one_that_was_named(root: str, evidence: Evidence) -> None:
    """A.1.1 and A.1.2 both hold A.1's change: over their parent they conflict with nobody."""
    parent = record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    one = record_node(evidence, "A.1.1", {"b.py": lines(n1="one")})
    other = record_node(evidence, "A.1.2", {"a.py": lines(n7="faster still")})
    merged = merge_trees(evidence, parent.commit, one.commit, other.commit)
    assert isinstance(merged, Merged)
    assert text(evidence, merged.tree_id, "a.py") == lines(n7="faster still").strip()
    assert isinstance(merge_trees(evidence, root, one.commit, other.commit), Conflict)


@pytest.mark.usefixtures("root")
def test_attributes_in_the_tree_have_no_say(evidence: Evidence) -> None:
    """`merge=union` would take both lines."""
    base = record_node(evidence, "A.1", {".gitattributes": "* merge=union\n"})
    one = record_node(evidence, "A.1.1", {"a.py": lines(n7="mine")})
    other = record_node(evidence, "A.1.2", {"a.py": lines(n7="theirs")})
    assert isinstance(merge_trees(evidence, base.commit, one.commit, other.commit), Conflict)


def test_odd_names(root: str, evidence: Evidence) -> None:
    odd = 'a\nb "c" \\d\tü\udcff'
    one = record_node(evidence, "A.1", {}, file(odd, "1\n"))
    other = record_node(evidence, "A.2", {}, file(odd, "2\n"))
    found = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(found, Conflict)
    assert found.paths == (odd,)
    back = overlay(evidence, one.commit, other.commit, [odd])
    assert evidence.manifest(back)[odd] == evidence.manifest(other.commit)[odd]


def test_record_tree_has_all_parents_and_is_the_same_again(root: str, evidence: Evidence) -> None:
    one = record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    other = record_node(evidence, "A.2", {"b.py": lines(n9="smaller")})
    merged = merge_trees(evidence, root, one.commit, other.commit)
    assert isinstance(merged, Merged)
    parents = (one.commit, other.commit)
    made = record_tree(evidence, RUN, "A.1.1", merged.tree_id, parents, "both\n")
    assert evidence.commit(RUN, "A.1.1") == made.commit
    assert git(evidence.folder, "log", "-1", "--format=%P", made.commit) == " ".join(parents)
    assert (made.tree_id, made.parent_tree_id) == (merged.tree_id, one.tree_id)
    assert made.files_changed == 1
    assert record_tree(evidence, RUN, "A.1.1", merged.tree_id, parents, "both\n") == made
    alone = record_tree(evidence, RUN, "A.9", merged.tree_id, (), "alone\n")
    assert (alone.parent_tree_id, alone.files_changed) == ("", len(ROOT_FILES))
    with pytest.raises(EvidenceError):
        record_tree(evidence, RUN, "A.8", "0" * 40, parents, "nothing\n")
    with pytest.raises(TaskError):
        evidence.commit(RUN, "A.8")


def test_overlay_restores_removes_and_brings_back(root: str, evidence: Evidence) -> None:
    node = record_node(
        evidence,
        "A.1",
        {"a.py": "cheat\n", "b.py": None, "conftest.py": "cheat\n", "lib/c.py": "x\n"},
    )
    tree = overlay(evidence, node.commit, root, ["a.py", "b.py", "conftest.py", "never/was"])
    assert evidence.changed(root, tree) == ("lib/c.py",)
    packed = b"".join(evidence.archive(tree))
    assert b"workspace/lib/c.py" in packed
    assert b"conftest.py" not in packed
    folder = record_node(evidence, "A.2", {"a.py": None, "a.py/deep": "a folder now\n"})
    assert evidence.changed(root, overlay(evidence, folder.commit, root, ["a.py"])) == ()



def test_an_older_git_is_told_what_is_missing(
    root: str, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "git_version", lambda: (2, 37, 9))
    with pytest.raises(EvidenceError, match=r"git 2\.38 or newer; this is git 2\.37\.9"):
        merge_trees(evidence, root, root, root)
