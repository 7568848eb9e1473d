"""A real daemon of a test's own: started, killed in any way, and started again.

It lives below a folder of its own, in a network namespace of its own, so that it can disturb
nobody's containers and no network.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker

from runner.sandbox.connect import connect
from runner.sandbox.endpoints import Endpoint, refusal

_START_S = 60.0
_SMALL = (
    "sh cat sed grep seq sleep true false touch head tr printf ls wc mkdir rm mv echo test env date"
)
# The programs that searches over tiny targets need, and the libraries that those need.
_COLLECT = (
    'for p in {names}; do f=$(command -v "$p") && case $f in /*) echo "$f"; '
    "ldd \"$f\" | grep -o '/[^ ]*';; esac; done | sort -u | sed 's|^/||' | tar -C / -chf - -T -"
)
IMAGE = "oppie/test-small:1"


@dataclass
class Daemon:
    """``dockerd`` below ``folder``; ``url`` stays the same over all restarts."""

    folder: Path
    live_restore: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        for stale in ("docker.pid", "exec/containerd/containerd.pid"):
            if not _lives(self.folder / stale):
                (self.folder / stale).unlink(missing_ok=True)
        command = [
            "unshare", "--net", "dockerd", f"--host={self.url}",
            f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker.pid", "--iptables=false", "--ip6tables=false",
            "--bridge=none", *(["--live-restore"] if self.live_restore else []),
        ]  # fmt: skip
        environment = {
            **os.environ,
            "PATH": f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin",
        }
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd="/", env=environment,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while refusal(Endpoint(self.url, "test")):
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        """The end of its log."""
        return "\n".join((self.folder / "dockerd.log").read_text().splitlines()[-15:])

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End it, and wait for its end."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(by)
            self.process.wait(60)
            self.process = None

    def kill_containerd(self) -> None:
        """The daemon starts another one."""
        os.kill(int((self.folder / "exec/containerd/containerd.pid").read_text()), signal.SIGKILL)

    def restart(self, away_s: float = 0.0) -> None:
        self.kill()
        time.sleep(away_s)
        self.start()

    def clear(self) -> None:
        """End it, its containers and its containerd; unmount and remove all that it made."""
        with contextlib.suppress(Exception), closing(connect(self.url)) as client:
            for found in client.api.containers(all=True, quiet=True):
                client.api.remove_container(found["Id"], force=True)
        self.kill(signal.SIGTERM)
        _end_all_below(self.folder)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(self.folder)


@contextmanager
def own_daemon(*, live_restore: bool = False) -> Iterator[Daemon]:
    """A running daemon with nothing on it; gone with all it made at the end of the block."""
    # A socket's path has to be short, and overlays can't lie on a tmpfs.
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="oppie-", dir="/var/tmp")), live_restore)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.clear()


def small_image(engine: docker.DockerClient, image: str) -> bytes:
    """The shell and a few programs out of an image, as the tar of a root file system."""
    script = f"{_COLLECT.format(names=_SMALL)} >/root.tar"
    container = engine.containers.create(
        image, ["-c", script], entrypoint="sh", network_mode="none", user="0"
    )
    try:
        container.start()
        assert container.wait()["StatusCode"] == 0, container.logs()
        chunks, _ = container.get_archive("/root.tar")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as outer:
            inner = outer.extractfile("root.tar")
            assert inner
            return inner.read()
    finally:
        container.remove(force=True)


def give_image(daemon: Daemon, root: bytes, name: str = IMAGE) -> str:
    """Import a root file system with an empty workspace; the image's digest."""
    with closing(connect(daemon.url)) as client:
        changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", "USER 1000:1000", "WORKDIR /workspace"]
        repository, _, tag = name.partition(":")
        client.api.import_image_from_data(root, repository, tag, changes)
        made = client.api.create_container(name, ["true"], user="0")
        client.api.put_archive(made, "/", _workspace())
        digest = str(client.api.commit(made, repository, tag)["Id"])
        client.api.remove_container(made)
        return digest


def _workspace() -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, mode in (("workspace", 0o755), ("tmp", 0o1777)):
                member = tarfile.TarInfo(name)
                member.type, member.mode = tarfile.DIRTYPE, mode
                member.uid = member.gid = 1000
                archive.addfile(member)
        return buffer.getvalue()


def _lives(pid_file: Path) -> bool:
    """Whether the process that a file names is a daemon below the file's folder."""
    try:
        words = Path(f"/proc/{int(pid_file.read_text())}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    return os.fsencode(pid_file.parent) in words


def _end_all_below(folder: Path) -> None:
    """Shims and a containerd that outlived their daemon: each names its folder in its arguments."""
    mark, deadline = os.fsencode(folder) + b"/", time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [
            each for each in Path("/proc").iterdir() if each.name.isdigit() and _names(each, mark)
        ]
        if not left:
            return
        for each in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(each.name), signal.SIGKILL)
        time.sleep(0.1)


def _names(process: Path, mark: bytes) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    program = Path(os.fsdecode(words[0])).name
    return program.startswith(("dockerd", "containerd")) and any(mark in word for word in words)
