"""Files that git keeps elsewhere: a commit holds a pointer (git LFS), the work tree the content.

The target was found with the contents, and so is measured with them. Where a commit of the user's
has the pointer to a content that the evidence holds, that content takes its place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.evidence.git import Git
from runner.evidence.trees import REGULAR

POINTER_BYTES = 1024  # the format's own limit, see docs/spec.md of git-lfs
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*"
    rb"oid sha256:(?P<sha256>[0-9a-f]{64})\nsize (?P<size>[0-9]{1,18})\n"
)


def contents(
    repository: Path, entries: Mapping[str, str], found: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The pointers among ``entries`` as the contents that ``found`` has at the same paths, and the
    paths of those whose content isn't there.

    All entries are ``<mode> <object id>``, of objects that ``repository`` sees.
    """
    other = {
        path: entry
        for path, entry in entries.items()
        if entry.startswith(REGULAR) and found.get(path, "")[7:] != entry[7:]
    }
    small = _small(repository, {entry[7:] for entry in other.values()})
    resolved, missing = {}, []
    for path, entry in other.items():
        pointer = _POINTER.fullmatch(small.get(entry[7:], b""))
        if pointer is None:
            continue
        there = found.get(path, "")
        if there.startswith(REGULAR) and _is(repository, there[7:], pointer):
            resolved[path] = entry[:7] + there[7:]
        else:
            missing.append(path)
    return resolved, tuple(missing)


def _small(repository: Path, ids: set[str]) -> dict[str, bytes]:
    """The contents of those that are small enough for a pointer."""
    git = Git(f"--git-dir={repository}")
    asked = "\n".join(sorted(ids)).encode("ascii")
    told = git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)
    sizes = (line.split() for line in told.decode("ascii").splitlines())
    wanted = [name for name, size in sizes if size.isdigit() and int(size) <= POINTER_BYTES]
    return dict(_read(git, wanted))


def _read(git: Git, ids: list[str]) -> Iterator[tuple[str, bytes]]:
    said = git.run("cat-file", "--batch", stdin="\n".join(ids).encode("ascii"))
    at = 0
    for name in ids:
        end = said.index(b"\n", at)
        size_bytes = int(said[at:end].rpartition(b" ")[2])
        yield name, said[end + 1 : end + 1 + size_bytes]
        at = end + 2 + size_bytes


def _is(repository: Path, object_id: str, pointer: re.Match[bytes]) -> bool:
    """Whether an object's content is the one that is pointed to."""
    git = Git(f"--git-dir={repository}")
    if git.run("cat-file", "-s", object_id).strip() != pointer["size"]:
        return False
    digest = hashlib.sha256()
    with git.talk("cat-file", "blob", object_id) as process:
        assert process.stdout is not None
        while part := process.stdout.read(1 << 20):
            digest.update(part)
    return digest.hexdigest().encode("ascii") == pointer["sha256"]
