"""Long random histories, against a dict."""

from pathlib import Path
from random import Random

import pytest
from helios import Engine, PathError

NAMES = ("a", "b", "c", "d.txt")


def clashes(files: dict[str, bytes], path: str) -> bool:
    return any(o.startswith(f"{path}/") or path.startswith(f"{o}/") for o in files)


def step(random: Random, engine: Engine, files: dict[str, bytes]) -> None:
    """One random write or delete, on the engine and on the dict."""
    path = "/".join(random.choice(NAMES) for _ in range(random.randint(1, 4)))
    if files and random.random() < 0.3:
        path = random.choice(sorted(files))
        engine.delete(path)
        del files[path]
    elif clashes(files, path):
        with pytest.raises(PathError):
            engine.write(path, b"")
    else:
        # Mostly of one size, so that a change can't be told by its size.
        files[path] = random.randbytes(random.choice((4, 4, 4, 0, 9)))
        engine.write(path, files[path])


@pytest.mark.parametrize("seed", range(6))
def test_every_commit_of_a_random_history_is_right(folder: Path, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    files: dict[str, bytes] = {}
    history: dict[str, dict[str, bytes]] = {}
    engine = Engine(folder)
    for number in range(25):
        for _ in range(random.randint(0, 4)):
            step(random, engine, files)
        commit = engine.commit(str(number))
        history[commit] = dict(files)
        assert engine.show(commit).root == fresh_root(tmp_path / f"fresh{number}", files)
        if random.random() < 0.2:
            back = random.choice(list(history))
            engine.restore(back)
            files = dict(history[back])
        if random.random() < 0.2:
            engine.restore(commit)
            files = dict(history[commit])
            engine.close()
            engine = Engine(folder)
    for commit, expected in history.items():
        engine.restore(commit)
        assert {path: engine.read(path) for path in engine.paths()} == expected
    engine.close()


def fresh_root(folder: Path, files: dict[str, bytes]) -> str:
    """The Merkle root that an engine without a past gives to these files."""
    with Engine(folder) as engine:
        for path, data in files.items():
            engine.write(path, data)
        return engine.show(engine.commit()).root
