"""A throw-away repository in which merges with the user's commits are made.

It borrows the objects of the evidence and of the user's repository, and has a configuration of its
own. So nothing that a user's repository says of itself (merge drivers, attributes, filters, hooks,
a partial clone's remote) has a say, and nothing half-made is left in either.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.evidence.create import ATTRIBUTES
from runner.evidence.errors import Refused
from runner.evidence.git import FellSilent, Git
from runner.evidence.place import Place, quoted


@contextmanager
def bench(*lenders: Path) -> Iterator[Path]:
    """A bare repository that sees the objects of ``lenders`` (folders of objects)."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bench.git"
        Git().run("init", "--quiet", "--bare", "--template=", str(folder))
        for name in ("info", "objects/info"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_text(ATTRIBUTES)
        for lender in lenders:
            borrow(folder, lender)
        yield folder


def borrow(folder: Path, lender: Path) -> None:
    """Let a bench see the objects of one more folder."""
    with (folder / "objects" / "info" / "alternates").open("ab") as file:
        file.write(f"{quoted(lender)}\n".encode("utf-8", "surrogateescape"))


def objects_of(place: Place) -> Path:
    """The user's folder of objects. Raises Refused for ids of another kind than the evidence's."""
    asked = ("--show-object-format", "--path-format=absolute", "--git-path", "objects")
    lines = place.git().run("rev-parse", *asked).decode("utf-8", "surrogateescape").split("\n", 1)
    if lines[0] != "sha1":
        raise Refused(f"{place.top} keeps {lines[0]} ids; only a repository with sha1 ids will do")
    return Path(lines[1].removesuffix("\n"))


def carry(source: Path, target: Git, wanted: Iterable[str], known: Iterable[str]) -> None:
    """Bring all objects of the commits ``wanted``, less those of ``known``, to another repository.

    Raises EvidenceError, and brings nothing, where the source lacks one.
    """
    packing = Git(f"--git-dir={source}").talk("pack-objects", "--stdout", "--revs", "--quiet")
    with target.talk("index-pack", "--stdin") as receiver, packing as sender:
        assert sender.stdin and sender.stdout and receiver.stdin and receiver.stdout
        told = "\n".join([*wanted, "--not", *known])
        sender.stdin.write(f"{told}\n".encode("ascii"))
        sender.stdin.close()
        shutil.copyfileobj(sender.stdout, receiver.stdin)
        _finish(sender)
        receiver.stdin.close()
        if not receiver.stdout.read():
            raise FellSilent(receiver)


def _finish(sender: subprocess.Popen[bytes]) -> None:
    """A pack that broke off in the middle must be known for it before its reader is blamed."""
    if sender.wait() != 0:
        raise FellSilent(sender)
