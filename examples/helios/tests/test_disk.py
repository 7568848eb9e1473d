"""What is on disk: it outlives the process, and damage never goes unnoticed."""

import contextlib
import shutil
from pathlib import Path
from random import Random

import pytest
from helios import Engine, HeliosError

FILES = {
    "notes.txt": b"some text " * 40,
    "src/a.py": b"print(1)\n" * 20,
    "src/b.bin": bytes(range(256)) * 4,
    "src/copy.bin": bytes(range(256)) * 4,
    "empty": b"",
}


def content(engine: Engine) -> dict[str, bytes]:
    return {path: engine.read(path) for path in engine.paths()}


def two_commits(folder: Path) -> tuple[str, str]:
    with Engine(folder) as engine:
        for path, data in FILES.items():
            engine.write(path, data)
        first = engine.commit("first")
        engine.write("src/a.py", b"print(2)\n")
        return first, engine.commit("second")


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_new_process_finds_everything(folder: Path) -> None:
    first, second = two_commits(folder)
    with Engine(folder) as engine:
        assert [key for key, _ in engine.log()] == [second, first]
        assert content(engine) == {**FILES, "src/a.py": b"print(2)\n"}
        engine.restore(first)
        assert content(engine) == FILES
        engine.write("more", b"")
        third = engine.commit("third")
    with Engine(folder) as engine:
        assert [key for key, _ in engine.log()] == [third, second, first]


def test_a_commit_is_on_disk_when_it_returns(engine: Engine, folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        engine.write("src/a.py", b"%d" % number)
        commit = engine.commit()
        copied = tmp_path / f"copy{number}"
        shutil.copytree(folder, copied)  # what a crash would leave
        with Engine(copied) as reopened:
            assert next(reopened.log())[0] == commit
            assert reopened.read("src/a.py") == b"%d" % number


def test_what_was_not_committed_is_not_kept(engine: Engine, folder: Path) -> None:
    engine.write("a", b"1")
    engine.commit()
    engine.write("a", b"2")
    with Engine(folder) as reopened:
        assert reopened.read("a") == b"1"


def test_equal_files_and_folders_are_stored_once(folder: Path) -> None:
    data = Random(5).randbytes(20_000)
    with Engine(folder) as engine:
        for number in range(10):
            engine.write(f"same/{number}", data)
            engine.commit()
    assert sum(path.stat().st_size for path in stored(folder)) < 3 * len(data)


def everything(folder: Path, commits: tuple[str, str]) -> object:
    """All that a store tells, through every way of reading it."""
    with Engine(folder) as engine:
        trees = []
        for commit in commits:
            engine.restore(commit)
            trees.append(content(engine))
        return trees, list(engine.log()), engine.diff(*commits)


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_is_noticed(folder: Path, seed: int) -> None:
    commits = two_commits(folder)
    expected = everything(folder, commits)
    random = Random(seed)
    for path in stored(folder):
        intact = path.read_bytes()
        if intact:
            damaged = bytearray(intact)
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
            path.write_bytes(damaged)
            with contextlib.suppress(HeliosError):
                assert everything(folder, commits) == expected
            path.write_bytes(intact)
    assert everything(folder, commits) == expected


def test_a_torn_write_is_noticed(folder: Path) -> None:
    commits = two_commits(folder)
    expected = everything(folder, commits)
    for path in stored(folder):
        intact = path.read_bytes()
        for missing in (1, 7, 20):
            path.write_bytes(intact[:-missing])
            with contextlib.suppress(HeliosError):
                assert everything(folder, commits) == expected
        path.write_bytes(intact)
