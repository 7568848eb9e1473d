"""Files of the machine that containers may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from runner.model import Mount
from runner.task.file import MountSection
from runner.task.problems import shown

# Nothing of the machine's own works: who can speak to the engine's socket is root, and a socket on
# a read-only mount can be spoken to.
_NEVER = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/var/run")))
_TAKEN = ("/proc", "/sys", "/dev", "/tmp", "/workspace")


def mounts_of(
    folder: Path, sections: Iterable[MountSection], problems: list[str]
) -> tuple[Mount, ...]:
    """The mounts that a task names, with the links on the machine's side followed."""
    mounts = tuple(
        Mount(str((folder / section.host).expanduser().resolve()), section.at) for section in sections
    )
    for number, mount in enumerate(mounts, start=1):
        problems += (f"sandbox.mounts[{number}].{why}" for why in _wrong(mount))
    places = [mount.at for mount in mounts]
    for number, place in enumerate(places, start=1):
        if place in places[: number - 1]:
            problems.append(f"sandbox.mounts[{number}].at = {shown(place)}: is taken already")
    return mounts


def _wrong(mount: Mount) -> Iterator[str]:
    host, at = Path(mount.host), PurePosixPath(mount.at)
    here = f"host = {shown(mount.host)}"
    never = [path for path in _NEVER if host.is_relative_to(path) or path.is_relative_to(host)]
    if never:
        yield f"{here}: holds, or is part of, {never[0]}, which no container may see"
    elif not host.is_file() and not host.is_dir():
        yield f"{here}: there is no such file or folder"
    if at == PurePosixPath("/") or not at.is_absolute() or ".." in at.parts:
        yield f"at = {shown(mount.at)}: must be an absolute path, such as /data"
    elif any(at.is_relative_to(taken) or PurePosixPath(taken).is_relative_to(at) for taken in _TAKEN):
        yield f"at = {shown(mount.at)}: must be outside of {', '.join(_TAKEN)}"
