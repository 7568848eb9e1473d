"""What leads from one recorded tree to another leads there, whatever the two trees are."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.evidence import Evidence, Recorded
from runner.expand.rebuilding import recipe, removal_script
from runner.sandbox.trees import pack, unpack

RUN = "r1"
# Few names, so that files, folders and links of one name meet; and such as shells trip over.
NAMES = st.sampled_from(["a", "b", "-c d", "é'\"$x\\", "new\nline", "*"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.tuples(st.sampled_from(["", "x\n", "y\n"]), st.booleans())
LINKS = st.sampled_from(["a", "b/a", "../a", "/etc"]).map(lambda target: (target, None))
Entry = tuple[str, bool | None]
TREES = st.dictionaries(PATHS, st.one_of(FILES, LINKS), max_size=7)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return Evidence(tmp_path_factory.mktemp("recipe") / "evidence.git")


def write(folder: Path, tree: dict[str, Entry]) -> None:
    """Make the files; a path below one that is a file or a link already is left out."""
    folder.mkdir(parents=True)
    for path in sorted(tree, key=lambda each: each.count("/")):
        text, executable = tree[path]
        place = folder / path
        above = [folder.joinpath(*path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        if any(each.is_symlink() or each.is_file() for each in above) or place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if executable is None:
            place.symlink_to(text)
        else:
            place.write_text(text)
            place.chmod(0o755 if executable else 0o644)


def recorded(evidence: Evidence, folder: Path, label: str) -> Recorded:
    return evidence.record(RUN, label, "", pack(folder, "workspace"), label)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, TREES)
def test_a_recipe_leads_from_any_tree_to_any_other(
    evidence: Evidence, before: dict[str, Entry], after: dict[str, Entry]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home, other = Path(scratch, "home"), Path(scratch, "other")
        write(home / "workspace", before)
        write(other, after)
        base = recorded(evidence, home / "workspace", "A")
        wanted = recorded(evidence, other, "A.1")
        found = recipe(evidence, base.commit, wanted.commit)
        unpack(evidence.archive(wanted.commit, found.written.__contains__), home)
        script = removal_script(found)
        subprocess.run(["sh", "-s"], input=script, cwd=home / "workspace", check=True)
        made = recorded(evidence, home / "workspace", "A.2")
        assert made.tree_id == wanted.tree_id
        folders = {path.relative_to(home / "workspace") for path in _folders(home / "workspace")}
        assert folders == {path.relative_to(other) for path in _folders(other)}


def _folders(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if path.is_dir() and not path.is_symlink()]


def test_what_is_equal_needs_nothing(evidence: Evidence, tmp_path: Path) -> None:
    write(tmp_path / "w", {"a/b": ("x\n", False)})
    made = recorded(evidence, tmp_path / "w", "A")
    found = recipe(evidence, made.commit, made.commit)
    assert (found.written, found.removed, found.emptied) == (frozenset(), (), ())
    assert removal_script(found) == b"set -e\n"


def test_many_removals_are_several_commands(evidence: Evidence, tmp_path: Path) -> None:
    write(tmp_path / "many", {f"d/{n}": ("x\n", False) for n in range(250)} | {"k": ("", False)})
    write(tmp_path / "few", {"k": ("", False)})
    base, wanted = (recorded(evidence, tmp_path / name, name) for name in ("many", "few"))
    script = removal_script(recipe(evidence, base.commit, wanted.commit))
    assert script.count(b"rm -f") == 3
    subprocess.run(["sh", "-s"], input=script, cwd=tmp_path / "many", check=True)
    assert [path.name for path in (tmp_path / "many").iterdir()] == ["k"]
