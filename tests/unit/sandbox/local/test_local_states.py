"""States as commits: what is in them, and what becomes of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from worlds import LOCAL_KINDS

from runner.errors import EngineError, SnapshotMissing
from runner.evidence.git import Git
from runner.model import SandboxKind, Snapshot
from runner.sandbox import spec
from runner.sandbox.local.ground import lay
from runner.sandbox.local.states import BASE, States

RUN = "r1"


class House:
    """A repository of states, and folders of containers beside it."""

    def __init__(self, folder: Path, kind: SandboxKind = SandboxKind.TEMPDIR) -> None:
        self.folder = folder
        self.states = States(folder / "states.git", partial(lay, kind))
        self.git = Git(f"--git-dir={folder / 'states.git'}")

    def home(self, name: str, of: str = BASE) -> Path:
        home = self.folder / name
        home.mkdir()
        self.states.base()
        self.states.fill(of, home)
        return home

    def save(self, home: Path, node: str, parent: Snapshot | None = None) -> Snapshot:
        labels = self.labels(node, parent)
        return self.states.save(f"oppie/{RUN}:{node}", home, labels, 2)

    def labels(self, node: str, parent: Snapshot | None = None) -> Mapping[str, str]:
        digest = parent.digest if parent else ""
        return spec.snapshot_labels(RUN, node, digest, 0, {"attempt": f"{node}-1"})

    def refs(self, prefix: str) -> list[str]:
        said = self.git.run("for-each-ref", "--format=%(refname)", prefix).decode()
        return said.splitlines()


@pytest.fixture(params=LOCAL_KINDS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(tmp_path, request.param)


def test_a_state_is_all_of_the_files(house: House) -> None:
    """What git ignores, converts, refuses to hold or has no word for comes out as it went in."""
    home = house.home("one")
    work = home / "tree" / "workspace"
    (work / ".gitignore").write_text("*.o\nbuild/\n")
    (work / ".gitattributes").write_text("* text eol=crlf ident\nsecret export-ignore\n")
    (work / "main.o").write_bytes(b"\0\1\r\n$Id$\n")
    (work / "text").write_bytes(b"one\ntwo\r\n$Id$\n")
    (work / "secret").write_text("kept")
    (work / "build" / "empty").mkdir(parents=True)
    (work / "build").chmod(0o2750)
    Git("-C", str(work)).run("init", "--quiet")
    inner = work / "sub"
    inner.mkdir()
    Git("-C", str(inner)).run("init", "--quiet")
    (inner / "file").write_text("not a submodule")
    (work / ".gitmodules").symlink_to("text")
    (Path(os.fsdecode(os.fsencode(work) + b'/odd \xff\n"name\\'))).write_text("odd")
    (home / "tree" / "home" / ".agent").mkdir()
    (home / "tree" / "home" / ".agent" / "session").write_text("42")
    (home / "tree" / "tmp" / "scratch").write_text("not kept")
    snapshot = house.save(home, "A")
    again = house.home("two", snapshot.digest)
    assert contents(again) == contents(home)
    assert not (again / "tree" / "tmp" / "scratch").exists()


def contents(home: Path) -> dict[str, tuple[int, int, bytes]]:
    """All of ``workspace`` and ``home``: mode, time, content."""
    found = {}
    for part in ("workspace", "home"):
        for path in (home / "tree" / part, *(home / "tree" / part).rglob("*")):
            facts = path.lstat()
            content = b""
            if path.is_symlink():
                content = os.fsencode(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            name = str(path.relative_to(home))
            found[name] = (facts.st_mode, facts.st_mtime_ns, content)
    return found


def test_a_digest_is_a_commit_with_its_parent(house: House) -> None:
    root = house.save(house.home("one"), "A")
    home = house.home("two", root.digest)
    (home / "tree" / "workspace" / "new").write_text("x" * 100)
    child = house.save(home, "A.1", root)
    ids = house.git.run("rev-list", child.digest.removeprefix("sha256:")).decode().split()
    assert [f"sha256:{each}" for each in ids] == [child.digest, root.digest]
    assert (child.size_bytes, child.parent_digest) == (100, root.digest)


def test_the_same_state_is_the_same_commit(house: House) -> None:
    home = house.home("one")
    first = house.save(home, "A")
    house.states.discard(first.tag)
    assert house.save(home, "A") == first
    assert house.refs("refs/oppie-discarded") == []


def test_what_is_discarded_keeps_a_ref(house: House) -> None:
    snapshot = house.save(house.home("one"), "A")
    house.states.discard(snapshot.tag)
    with pytest.raises(SnapshotMissing):
        house.states.find(snapshot.digest)
    assert house.states.held(RUN) == ()
    assert house.refs("refs/oppie-tags/oppie%2Fr1%3AA") == []
    commit = snapshot.digest.removeprefix("sha256:")
    assert house.refs("refs/oppie-discarded") == [f"refs/oppie-discarded/{RUN}/{commit}"]
    (held,) = house.states.everything(with_kept=True)
    assert (held.digest, held.node, held.names) == (snapshot.digest, "A", (snapshot.digest,))


def test_what_is_dropped_is_gone_after_a_sweep(house: House) -> None:
    kept = house.save(house.home("one"), "A")
    home = house.home("two")
    (home / "tree" / "workspace" / "big").write_bytes(os.urandom(5000))
    dropped = house.save(home, "B")
    house.states.discard(dropped.tag)
    house.states.drop(dropped.digest)
    house.states.drop(dropped.digest)
    for name in ("one", "two"):
        (house.folder / name).rename(house.folder / f"gone-{name}")
    house.states.sweep(alone=True)
    assert house.git.attempt("cat-file", "-e", dropped.digest.removeprefix("sha256:")).returncode
    assert house.states.find(kept.tag) == kept
    assert [held.digest for held in house.states.everything(with_kept=True)] == [kept.digest]


def test_a_repository_that_is_damaged_is_trouble_of_the_engines(house: House) -> None:
    house.states.base()
    (house.folder / "states.git" / "HEAD").write_text("nonsense")
    for reference in (BASE, "sha256:nonsense"):
        with pytest.raises(EngineError) as raised:
            house.states.find(reference)
        assert not isinstance(raised.value, SnapshotMissing)


def test_a_file_that_is_closed_to_its_owner_is_in_the_state(house: House) -> None:
    home = house.home("one")
    file = home / "tree" / "workspace" / "file"
    file.write_text("x")
    file.chmod(0o000)
    snapshot = house.save(home, "A")
    assert stat.S_IMODE(file.stat().st_mode) == 0o000
    again = house.home("two", snapshot.digest) / "tree" / "workspace" / "file"
    assert stat.S_IMODE(again.stat().st_mode) == 0o000
