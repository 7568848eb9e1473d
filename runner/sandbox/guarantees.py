"""Which of our promises an engine keeps: by its own word, or shown by containers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from runner.sandbox.dialect import Dialect, Kind


class Standing(StrEnum):
    """How a promise stands on an engine."""

    HOLDS = "holds"
    FAILS = "doesn't hold"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One promise. ``why`` says what was seen, or what becomes of it where it doesn't hold.

    ``shown`` is true if containers of ours have shown it, false if it is the engine's own word.
    """

    name: str
    standing: Standing
    why: str = ""
    shown: bool = False


MEMORY = "memory limit"
SWAP = "no swap beside it"
PIDS = "process limit"
CPU = "CPU limit"
NETWORK = "no network"
NO_NEW_PRIVILEGES = "no new privileges"
SYSTEM_CALLS = "system calls filtered"
CAPABILITIES = "no capabilities"
USER = "not root"
USER_NAMESPACE = "root in a container is nobody outside"
INIT = "an init reaps orphans"
LOG = "bounded log"
TMPFS = "sizes of /tmp and /dev/shm"
INODES = "number of files in /tmp"
OPEN_FILES = "open files"
READ_ONLY = "read-only root"
DISK = "disk watched"
SNAPSHOTS = "snapshots"
FLATTEN = "layers made one"
ADOPTION = "steps are taken over"
STDIN = "input has an end"
OOM = "lack of memory told (steps)"
OOM_REPEATED = "lack of memory told (repetitions)"
RUNTIMES = "runtimes"

NAMES = (
    MEMORY, SWAP, PIDS, CPU, OPEN_FILES, TMPFS, INODES, DISK, LOG, READ_ONLY,
    NETWORK, CAPABILITIES, NO_NEW_PRIVILEGES, SYSTEM_CALLS, USER, USER_NAMESPACE, INIT,
    STDIN, ADOPTION, SNAPSHOTS, FLATTEN, OOM, OOM_REPEATED, RUNTIMES,
)  # fmt: skip

_OF_THE_KERNEL = {
    MEMORY: "MemoryLimit",
    SWAP: "SwapLimit",
    PIDS: "PidsLimit",
    CPU: "CpuCfsQuota",
}
_NO_CONTROLLER = "the engine can't limit this: enable the controller, or delegate it to its user"
_NO_GROUPS = "this engine runs without control groups: nothing that it is told to limit is limited"
_NO_INODES = "Podman has no word for it: empty files in /tmp are bounded by the memory limit alone"
_NO_OOM_EVENT = "Podman has no event for it: a repetition without memory ends as failed, not as oom"


def by_word(info: Mapping[str, Any], dialect: Dialect) -> tuple[Guarantee, ...]:
    """What the engine says of itself, in the order of ``NAMES``; the rest is not known."""
    said = {**_limits(info), **_walls(info), **_facts(info, dialect)}
    return tuple(said.get(name) or Guarantee(name, Standing.UNKNOWN, "not tried") for name in NAMES)


def merged(said: tuple[Guarantee, ...], shown: Mapping[str, Guarantee]) -> tuple[Guarantee, ...]:
    """What was shown counts more than what was said; why something doesn't hold was said best."""
    return tuple(_better(one, shown.get(one.name)) for one in said)


def _better(said: Guarantee, shown: Guarantee | None) -> Guarantee:
    if shown is None:
        return said
    if shown.name == CPU and said.standing is Standing.FAILS:
        return said  # on a busy machine nobody gets a whole processor
    if shown.standing is said.standing is Standing.FAILS:
        return replace(shown, why=said.why)
    return shown


def _limits(info: Mapping[str, Any]) -> dict[str, Guarantee]:
    without = info.get("CgroupDriver") == "none"
    found = {}
    for name, key in _OF_THE_KERNEL.items():
        held = bool(info.get(key)) and not without
        why = "" if held else _NO_GROUPS if without else _NO_CONTROLLER
        found[name] = Guarantee(name, Standing.HOLDS if held else Standing.FAILS, why)
    return found


def _walls(info: Mapping[str, Any]) -> dict[str, Guarantee]:
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    seccomp = any("seccomp" in option and "unconfined" not in option for option in options)
    mapped = any("rootless" in option or "userns" in option for option in options)
    return {
        SYSTEM_CALLS: Guarantee(SYSTEM_CALLS, Standing.HOLDS)
        if seccomp
        else Guarantee(SYSTEM_CALLS, Standing.FAILS, "the engine has no seccomp"),
        USER_NAMESPACE: Guarantee(USER_NAMESPACE, Standing.HOLDS)
        if mapped
        else Guarantee(
            USER_NAMESPACE,
            Standing.FAILS,
            "who broke out of a container would be the user that it runs as; rootless engines, and "
            "Docker's userns-remap, have it",
        ),
    }


def _facts(info: Mapping[str, Any], dialect: Dialect) -> dict[str, Guarantee]:
    runtimes = ", ".join(sorted(str(name) for name in info.get("Runtimes") or ()))
    found = {RUNTIMES: Guarantee(RUNTIMES, Standing.HOLDS, runtimes or "the default only")}
    if not dialect.tells_oom:
        found[OOM_REPEATED] = Guarantee(OOM_REPEATED, Standing.FAILS, _NO_OOM_EVENT)
    if dialect.kind is Kind.PODMAN:
        found[INODES] = Guarantee(INODES, Standing.FAILS, _NO_INODES)
    return found
