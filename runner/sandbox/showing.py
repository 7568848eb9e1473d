"""Containers of ours that show which promises an engine keeps."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker

from runner.errors import EngineError, OppieError
from runner.model import Limits, Snapshot
from runner.sandbox import guarantees as g
from runner.sandbox import inside
from runner.sandbox.downloads import log_of
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.guarantees import Guarantee, Standing
from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.snapshots import MAX_DEPTH

_MB = 1 << 20
LIMITS = Limits(
    time_s=60.0,
    memory_bytes=96 * _MB,
    cpus=0.5,
    pids=48,
    open_files=321,
    log_bytes=_MB,
    tmp_bytes=4 * _MB,
    shm_bytes=2 * _MB,
    disk_bytes=8 * _MB,
)
_FLOOD_LIMIT_BYTES = 100_000
_PROGRAM = Path(inside.__file__).read_text(encoding="utf-8")
_EAT = "x = bytearray(400_000_000)"
_MOST_CPU = 0.8  # of a processor, where 0.5 are allowed; a second is ten of the scheduler's periods


class Showing:
    """A run of its own, with a handful of containers, of which nothing is left.

    ``image`` has ``python3`` and ``sh``. Raises what ``EngineSandbox`` raises.
    """

    def __init__(self, client: docker.DockerClient, image: str) -> None:
        self._api = client.api
        self._image = image
        self._sandbox = EngineSandbox(client, f"probe-{secrets.token_hex(4)}", image)
        self._found: dict[str, Guarantee] = {}

    def show(self) -> Mapping[str, Guarantee]:
        """What was shown, by its name. A part that the engine refuses is a promise that it doesn't
        keep."""
        parts: tuple[tuple[str, Callable[[Path], None]], ...] = (
            (g.STDIN, self._look_inside),
            (g.MEMORY, self._run_out_of_memory),
            (g.LOG, self._flood),
            (g.DISK, self._fill_the_disk),
            (g.READ_ONLY, self._write_to_the_root),
        )
        try:
            with tempfile.TemporaryDirectory() as folder:
                for name, part in parts:
                    try:
                        part(Path(folder))
                    except OppieError as error:
                        self._tell(name, False, str(error))
        finally:
            self._tidy()
        return self._found

    def _look_inside(self, folder: Path) -> None:
        step = self._step("inside", ("python3", "-"), _PROGRAM.encode())
        result, said = self._run(step, folder)
        if result.exit is not Exit.OK:
            raise EngineError(
                f"the program ended as {result.exit} ({result.code}): {said[-300:]!r}"
            )
        self._tell(g.STDIN, True, "a program was read up to its end")
        for name, holds, why in judged(json.loads(said)):
            self._tell(name, holds, why)
        again, _ = self._run(step, folder)
        ran = b"".join(self._sandbox.read(again.container, "runs"))
        self._tell(
            g.ADOPTION,
            ran == b"x",
            f"a finished step that was asked for again ran {len(ran)} times",
        )
        self._keep(result.container)

    def _keep(self, container: str) -> None:
        """Snapshots: one as it comes, and one whose layers are made one."""
        first = self._sandbox.commit(container, "A", None, {"attempt": "A-1"})
        self._tell(g.SNAPSHOTS, self._has_runs(first), "a container of a snapshot has its files")
        child, _ = self._run(self._step("child", ("true",), image=first.digest))
        deep = replace(first, depth=MAX_DEPTH)
        flat = self._sandbox.commit(child.container, "A.1", deep, {"attempt": "A.1-1"})
        held = flat.depth < first.depth and self._has_runs(flat)
        self._tell(g.FLATTEN, held, f"{first.depth + 1} layers became {flat.depth}")

    def _has_runs(self, snapshot: Snapshot) -> bool:
        command = ("sh", "-c", 'test "$(cat runs)" = x')
        result, _ = self._run(self._step(f"of-{snapshot.depth}", command, image=snapshot.digest))
        return result.exit is Exit.OK

    def _run_out_of_memory(self, _: Path) -> None:
        result, _said = self._run(self._step("memory", ("python3", "-c", _EAT)))
        self._tell(g.MEMORY, result.exit is not Exit.OK, f"400 MB in 96 MiB ended as {result.exit}")
        self._tell(g.OOM, result.exit is Exit.OOM, f"it ended as {result.exit}")
        with self._session(("python3", "-c", _EAT)) as exit_:
            self._tell(g.OOM_REPEATED, exit_ is Exit.OOM, f"it ended as {exit_}")

    @contextlib.contextmanager
    def _session(self, command: tuple[str, ...]) -> Iterator[Exit]:
        with (
            tempfile.TemporaryDirectory() as folder,
            self._sandbox.session(self._step("session", command), Path(folder) / "log") as session,
        ):
            yield session.repeat().exit

    def _flood(self, folder: Path) -> None:
        limits = replace(LIMITS, log_bytes=_FLOOD_LIMIT_BYTES)
        command = ("sh", "-c", "yes $(printf %099d 0) | head -c 3000000")
        result, _ = self._run(replace(self._step("flood", command), limits=limits), folder)
        kept = sum(map(len, log_of(self._api, result.container)))
        bounded = kept <= 2 * _FLOOD_LIMIT_BYTES and not result.log_complete
        self._tell(
            g.LOG, bounded, f"of 3 MB the engine keeps {kept:,} bytes, of {_FLOOD_LIMIT_BYTES:,}"
        )

    def _fill_the_disk(self, _: Path) -> None:
        command = ("sh", "-c", "head -c 12000000 /dev/zero >big; sleep 30")
        result, _said = self._run(self._step("disk", command))
        self._tell(
            g.DISK, result.exit is Exit.DISK, f"12 MB where 8 MiB are allowed: {result.exit}"
        )

    def _write_to_the_root(self, _: Path) -> None:
        limits = replace(LIMITS, read_only=True)
        command = ("sh", "-c", "touch here && ! touch /var/tmp/there 2>/dev/null")
        result, said = self._run(replace(self._step("root", command), limits=limits))
        why = said.decode(errors="replace").strip() or f"it ended as {result.exit} ({result.code})"
        self._tell(g.READ_ONLY, result.exit is Exit.OK, why)

    def _step(
        self, name: str, command: tuple[str, ...], stdin: bytes = b"", image: str = ""
    ) -> Step:
        return Step(name, "A-1", image or self._image, command, LIMITS, stdin=stdin)

    def _run(self, step: Step, folder: Path | None = None) -> tuple[StepResult, bytes]:
        with tempfile.TemporaryDirectory() as temporary:
            log = (folder or Path(temporary)) / step.name
            result = self._sandbox.run(step, log)
            return result, log.read_bytes()

    def _tell(self, name: str, holds: bool, why: str) -> None:
        standing = Standing.HOLDS if holds else Standing.FAILS
        self._found[name] = Guarantee(name, standing, why, shown=True)

    def _tidy(self) -> None:
        with contextlib.suppress(EngineError):
            for container in self._sandbox.leftovers().containers:
                self._sandbox.remove(container)
            for image in self._sandbox.leftovers().images:
                self._sandbox.discard(image)
        self._sandbox.close()


def judged(seen: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """What the program saw, as promises: name, whether it holds, and what was seen."""
    yield g.CAPABILITIES, seen["capabilities"] == 0, f"{seen['capabilities']:#x}"
    yield g.NO_NEW_PRIVILEGES, seen["no_new_privileges"] == "1", ""
    yield g.SYSTEM_CALLS, seen["seccomp"] == "2", ""
    yield g.USER, seen["uid"] != 0, f"user {seen['uid']}"
    mapped = seen["uid_map"] != ["0", "0", "4294967295"]
    yield g.USER_NAMESPACE, mapped, f"user numbers: {' '.join(seen['uid_map'])}"
    yield g.NETWORK, seen["interfaces"] == ["lo"], f"interfaces: {', '.join(seen['interfaces'])}"
    yield g.OPEN_FILES, seen["open_files"] == LIMITS.open_files, f"{seen['open_files']}"
    sizes = (seen["tmp"], seen["shm"]) == (LIMITS.tmp_bytes, LIMITS.shm_bytes)
    yield g.TMPFS, sizes, f"{seen['tmp']:,} and {seen['shm']:,} bytes"
    yield g.INODES, seen["tmp_files"] < LIMITS.tmp_bytes // 1024, f"{seen['tmp_files']:,} files"
    yield g.PIDS, seen["processes"] < LIMITS.pids, f"{seen['processes']} of {LIMITS.pids}"
    yield g.CPU, seen["cpu"] < _MOST_CPU, f"{seen['cpu']:.2f} of a processor, of {LIMITS.cpus}"
    yield g.INIT, seen["zombies"] == 0, f"{seen['zombies']} zombies"
