"""The target's files, as globs see them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.measure.protected import matches


def target_files(target: Path, exclude: Iterable[str] = ()) -> Iterator[str]:
    """The paths of the target's files, relative and with ``/``, but for the excluded ones and the
    insides of ``.git``. Links are listed, not followed."""
    exclude = tuple(exclude)
    whole = tuple(glob.removesuffix("/**") for glob in exclude if glob.endswith("/**"))
    for folder, folders, files in os.walk(target):
        prefix = Path(folder).relative_to(target).as_posix() + "/"
        prefix = "" if prefix == "./" else prefix
        links = [name for name in folders if Path(folder, name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name != ".git" and name not in links and not matches(whole, prefix + name)
        )
        for name in sorted(files + links):
            if not matches(exclude, prefix + name):
                yield prefix + name


def unmatched(target: Path, protected: Iterable[str], exclude: Iterable[str]) -> dict[str, str]:
    """The globs that match no file of the target, which would protect nothing, each with a word
    on why that may be."""
    left = set(protected)
    if not left:
        return {}
    for path in target_files(target, exclude):
        left -= {glob for glob in left if matches((glob,), path)}
        if not left:
            return {}
    return {glob: _guess(target, glob) for glob in sorted(left)}


def _guess(target: Path, glob: str) -> str:
    if (target / glob).is_dir():
        return f'; for all that is in the folder: "{glob.rstrip("/")}/**"'
    if any(matches((glob,), path) for path in target_files(target)):
        return "; all files that it would match are excluded"
    return ""
