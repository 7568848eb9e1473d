"""What an engine says of itself, and what containers show, as guarantees."""

from __future__ import annotations

from typing import Any

import pytest

from runner.sandbox.dialect import DOCKER, PODMAN, Dialect
from runner.sandbox.guarantees import (
    CPU,
    INODES,
    MEMORY,
    NAMES,
    OOM_REPEATED,
    PIDS,
    SWAP,
    SYSTEM_CALLS,
    USER_NAMESPACE,
    Guarantee,
    Standing,
    by_word,
    merged,
)
from runner.sandbox.showing import LIMITS, judged

GOOD = {
    "CgroupDriver": "systemd",
    "MemoryLimit": True,
    "SwapLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
    "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"],
}
SEEN: dict[str, Any] = {
    "capabilities": 0,
    "no_new_privileges": "1",
    "seccomp": "2",
    "uid": 1000,
    "uid_map": ["0", "100000", "65536"],
    "interfaces": ["lo"],
    "open_files": LIMITS.open_files,
    "tmp": LIMITS.tmp_bytes,
    "shm": LIMITS.shm_bytes,
    "tmp_files": 4000,
    "processes": LIMITS.pids - 2,
    "cpu": 0.5,
    "zombies": 0,
}


def standing(info: dict[str, object], name: str, dialect: Dialect = DOCKER) -> Standing:
    return {one.name: one.standing for one in by_word(info, dialect)}[name]


def test_every_guarantee_is_told_once_and_in_order() -> None:
    assert [one.name for one in by_word(GOOD, DOCKER)] == [*NAMES]
    assert [one.name for one in by_word({}, PODMAN)] == [*NAMES]
    assert len({*NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, set()),
        ({"SwapLimit": False}, {SWAP}),
        ({"CgroupDriver": "none"}, {MEMORY, SWAP, PIDS, CPU}),
        ({"SecurityOptions": ["name=seccomp,profile=unconfined"]}, {SYSTEM_CALLS, USER_NAMESPACE}),
    ],
)
def test_what_the_engine_says_fails_by_name(change: dict[str, object], failing: set[str]) -> None:
    said = by_word(GOOD | change, DOCKER)
    assert {one.name for one in said if one.standing is Standing.FAILS} == failing
    assert all(one.why for one in said if one.standing is Standing.FAILS)


def test_what_podman_has_no_word_for() -> None:
    assert standing(GOOD, INODES, PODMAN) is Standing.FAILS
    assert standing(GOOD, OOM_REPEATED, PODMAN) is Standing.FAILS
    assert standing(GOOD, OOM_REPEATED) is Standing.UNKNOWN


def test_what_is_shown_counts_more_than_what_is_said() -> None:
    said = by_word({}, PODMAN)
    shown = {
        MEMORY: Guarantee(MEMORY, Standing.HOLDS, "seen", shown=True),
        INODES: Guarantee(INODES, Standing.FAILS, "6,000 files", shown=True),
    }
    both = {one.name: one for one in merged(said, shown)}
    assert both[MEMORY] == shown[MEMORY]
    assert both[INODES].shown and "no word for it" in both[INODES].why
    assert both[PIDS].standing is Standing.FAILS and not both[PIDS].shown
    busy = merged(said, {CPU: Guarantee(CPU, Standing.HOLDS, "little", shown=True)})
    assert {one.name: one.standing for one in busy}[CPU] is Standing.FAILS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("capabilities", 1),
        ("no_new_privileges", "0"),
        ("seccomp", "0"),
        ("uid", 0),
        ("uid_map", ["0", "0", "4294967295"]),
        ("interfaces", ["eth0", "lo"]),
        ("open_files", 1 << 20),
        ("tmp", 1 << 30),
        ("shm", 64 << 20),
        ("tmp_files", 6000),
        ("processes", 200),
        ("cpu", 1.0),
        ("zombies", 5),
    ],
)
def test_each_fault_that_a_container_sees_breaks_one_promise(key: str, value: object) -> None:
    assert all(holds for _, holds, _ in judged(SEEN))
    assert sum(not holds for _, holds, _ in judged(SEEN | {key: value})) == 1
