"""Commits: their ids, their contents, what is between them."""

from pathlib import Path

import pytest
from helios import Change, Engine, ObjectMissing, PathError

FILES = {"readme": b"hello", "src/a": b"aaaa", "src/b": b"bbbb", "src/deep/er/c": b"\0\xff" * 50}


def fill(engine: Engine, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        engine.write(path, data)


def content(engine: Engine) -> dict[str, bytes]:
    return {path: engine.read(path) for path in engine.paths()}


def test_the_root_is_a_sha256_of_the_content_alone(tmp_path: Path) -> None:
    roots = []
    for number, order in enumerate((FILES, dict(reversed(FILES.items())))):
        with Engine(tmp_path / str(number)) as engine:
            engine.write("other", b"")
            engine.commit("only here" * number)
            engine.delete("other")
            fill(engine, order)
            roots.append(engine.show(engine.commit(f"in order {number}")).root)
    assert roots[0] == roots[1]
    assert len(roots[0]) == 64
    assert set(roots[0]) <= set("0123456789abcdef")


def test_any_difference_gives_another_root(engine: Engine) -> None:
    fill(engine, FILES)
    roots = [engine.show(engine.commit()).root]
    for path, data in (("src/a", b"aaab"), ("src/a", b"aaaa "), ("src/deep/er/c", b""), ("src/x", b"")):
        engine.write(path, data)
        roots.append(engine.show(engine.commit()).root)
    engine.delete("src/b")
    roots.append(engine.show(engine.commit()).root)
    assert len(set(roots)) == len(roots)


def test_a_name_is_not_taken_for_content_or_structure(tmp_path: Path) -> None:
    trees: list[dict[str, bytes]] = [
        {"ab": b"c"}, {"a": b"bc"}, {"a/b": b"c"}, {"a": b"", "b": b"c"}, {"a/b/c": b""},
    ]
    roots = set()
    for number, files in enumerate(trees):
        with Engine(tmp_path / str(number)) as engine:
            fill(engine, files)
            roots.add(engine.show(engine.commit()).root)
    assert len(roots) == len(trees)


def test_the_root_returns_with_the_content(engine: Engine) -> None:
    fill(engine, FILES)
    first = engine.show(engine.commit()).root
    engine.write("src/a", b"zzzz")
    engine.delete("src/deep/er/c")
    assert engine.show(engine.commit()).root != first
    fill(engine, FILES)
    assert engine.show(engine.commit()).root == first


def test_a_commit_names_its_parent_and_its_message(engine: Engine) -> None:
    first = engine.commit("nothing yet")
    engine.write("a", b"1")
    second = engine.commit("a\n\nwith a body\n")
    assert [(key, commit.parent, commit.message) for key, commit in engine.log()] == [
        (second, first, "a\n\nwith a body\n"),
        (first, "", "nothing yet"),
    ]


def test_later_writes_do_not_reach_an_earlier_commit(engine: Engine) -> None:
    fill(engine, FILES)
    first = engine.commit()
    engine.write("src/a", b"AAAA")
    engine.delete("readme")
    second = engine.commit()
    engine.restore(first)
    assert content(engine) == FILES
    engine.restore(second)
    assert content(engine) == {**{k: v for k, v in FILES.items() if k != "readme"}, "src/a": b"AAAA"}


def test_a_commit_after_a_restore_stores_what_is_there(engine: Engine) -> None:
    fill(engine, FILES)
    first = engine.commit()
    engine.write("src/deep/er/c", b"changed")
    engine.commit()
    engine.restore(first)
    again = engine.commit()
    assert engine.show(again).root == engine.show(first).root
    engine.write("src/deep/er/c", b"changed once more")
    engine.restore(engine.commit())
    assert content(engine) == {**FILES, "src/deep/er/c": b"changed once more"}


def test_the_diff_lists_each_path_that_differs(engine: Engine) -> None:
    fill(engine, FILES)
    first = engine.commit()
    engine.write("src/a", b"aaaA")
    engine.write("src/deep/new", b"")
    engine.delete("readme")
    engine.delete("src/deep/er/c")
    engine.write("src/deep/er", b"a file now")
    second = engine.commit()
    assert engine.diff(first, second) == [
        Change("readme", "removed"),
        Change("src/a", "changed"),
        Change("src/deep/er", "added"),
        Change("src/deep/er/c", "removed"),
        Change("src/deep/new", "added"),
    ]
    assert engine.diff(second, first)[0] == Change("readme", "added")
    assert engine.diff(first, first) == []


def test_a_materialised_commit_is_files(engine: Engine, tmp_path: Path) -> None:
    fill(engine, FILES)
    commit = engine.commit()
    engine.write("readme", b"not this")
    target = tmp_path / "out"
    assert engine.materialise(commit, target) == len(FILES)
    assert {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    } == FILES
    with pytest.raises(PathError):
        engine.materialise(commit, target)


def test_an_unknown_commit_is_an_error(engine: Engine) -> None:
    engine.write("a", b"kept")
    engine.commit()
    with pytest.raises(ObjectMissing):
        engine.restore("0" * 64)
    with pytest.raises(ObjectMissing):
        engine.diff(engine.commit(), "0" * 64)
    assert content(engine) == {"a": b"kept"}
