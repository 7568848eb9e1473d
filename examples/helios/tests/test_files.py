"""The virtual tree: what may be written, read and deleted."""

import pytest
from helios import Engine, PathError


def test_a_file_is_what_was_written_last(engine: Engine) -> None:
    engine.write("a/b.txt", b"one")
    engine.write("a/b.txt", b"two")
    assert engine.read("a/b.txt") == b"two"
    assert engine.paths() == ["a/b.txt"]


def test_paths_are_sorted_as_whole_strings(engine: Engine) -> None:
    for path in ("b", "a/z", "a.txt", "a/b/c", "a-1"):
        engine.write(path, b"")
    assert engine.paths() == sorted(["b", "a/z", "a.txt", "a/b/c", "a-1"])


@pytest.mark.parametrize(
    "path", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\0", "a\nb"]
)
def test_a_path_that_is_not_normal_is_refused(engine: Engine, path: str) -> None:
    with pytest.raises(PathError):
        engine.write(path, b"")
    assert engine.paths() == []


def test_a_name_may_hold_anything_else(engine: Engine) -> None:
    for path in ("with space/ü.txt", "...", "a..b", "-", "quote'\"", "日本/語"):
        engine.write(path, path.encode())
    commit = engine.commit()
    engine.restore(commit)
    assert {path: engine.read(path) for path in engine.paths()} == {
        path: path.encode() for path in ("with space/ü.txt", "...", "a..b", "-", "quote'\"", "日本/語")
    }


def test_a_file_and_a_folder_cannot_share_a_path(engine: Engine) -> None:
    engine.write("a/b", b"")
    with pytest.raises(PathError):
        engine.write("a", b"")
    with pytest.raises(PathError):
        engine.write("a/b/c", b"")
    assert engine.paths() == ["a/b"]


def test_a_folder_goes_with_its_last_file(engine: Engine) -> None:
    engine.write("a/b/c", b"")
    engine.delete("a/b/c")
    engine.write("a", b"a file now")
    engine.delete("a")
    engine.write("a/b", b"a folder again")
    assert engine.paths() == ["a/b"]


@pytest.mark.parametrize("path", ["x", "a/x", "a", "a/b/c", ""])
def test_what_is_not_there_can_neither_be_read_nor_deleted(engine: Engine, path: str) -> None:
    engine.write("a/b", b"")
    with pytest.raises(PathError):
        engine.read(path)
    with pytest.raises(PathError):
        engine.delete(path)
    assert engine.paths() == ["a/b"]


def test_a_buffer_that_changes_later_does_not_change_the_file(engine: Engine) -> None:
    buffer = bytearray(b"before")
    engine.write("a", buffer)
    buffer[:] = b"after!"
    commit = engine.commit()
    engine.restore(commit)
    assert engine.read("a") == b"before"
