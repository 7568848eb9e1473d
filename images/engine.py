#!/usr/bin/env python3
"""Find a container engine that answers; where none does, install or start Docker if that is possible.

    python3 images/engine.py

prints the engine's address on stdout, everything else on stderr, and exits 0; or it prints the
commands that a person has to type, and exits 5. It looks where ``runner/sandbox/endpoints.py``
says. As root on Debian or Ubuntu it installs the distribution's ``docker.io`` and starts
``dockerd``, with systemd or without. Standard library only, since it runs before anything is set up.

Environment, besides Docker's own variables:

OPPIE_ENGINE                the engine's address (also from a .env in the working directory)
OPPIE_NO_INSTALL=1          never install a package
OPPIE_DOCKERD               the daemon's program (default: dockerd)
OPPIE_TEST_ENGINE_DIR=DIR   for tests: look for, and start, only a daemon that lives in DIR, in a
                            network namespace of its own, so that it can't disturb another's
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "runner" / "sandbox"))
from endpoints import (
    DEFAULT_SOCKET,
    Endpoint,
    candidate_endpoints,
    certificates_for,
    refusal,
)

EXIT_ENVIRONMENT = 5
START_TIMEOUT_S = 60.0
LOG_TAIL_LINES = 15
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
WITHOUT_NETWORK = ("--iptables=false", "--ip6tables=false", "--bridge=none")
COMMANDS = """\
To install Docker on Debian or Ubuntu:
    sudo apt-get update
    sudo apt-get install --yes docker.io
To start it (with systemd, or without):
    sudo systemctl enable --now docker
    sudo sh -c 'setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
To use it as yourself, log in again after:
    sudo usermod --append --groups docker "$USER"
Elsewhere: https://docs.docker.com/engine/install/ or, with Podman: podman system service --time=0
An engine that listens at an unusual place is named with DOCKER_HOST.
Then repeat the command that brought you here."""


class NoEngineError(Exception):
    """Nothing more can be done without a person; the message says what stands in the way."""


@dataclass(frozen=True)
class Daemon:
    """A ``dockerd`` that this script may start, and where its files are."""

    program: str
    url: str
    pid_file: Path
    exec_root: Path
    log: Path
    arguments: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()


def main() -> int:
    daemon = the_daemon()
    candidates = wanted(daemon)
    refusals = []
    for candidate in candidates:
        why = refusal(candidate)
        if not why:
            say(f"engine: {candidate.url} answers")
            print(candidate.url)
            return 0
        refusals.append(f"  {candidate.url} ({candidate.origin}): {why}")
    say("No container engine answers. Tried:", *refusals)
    try:
        if all(candidate.url != daemon.url for candidate in candidates):
            raise NoEngineError(f"{candidates[0].origin} names another engine than this machine's own.")
        make_it_answer(daemon)
    except NoEngineError as error:
        say(str(error), COMMANDS)
        return EXIT_ENVIRONMENT
    say(f"engine: {daemon.url} answers now")
    print(daemon.url)
    return 0


def wanted(daemon: Daemon) -> list[Endpoint]:
    home = Path.home()
    if "OPPIE_TEST_ENGINE_DIR" in os.environ:
        return [Endpoint(daemon.url, "test")]
    if named := os.environ.get("OPPIE_ENGINE") or from_env_file("OPPIE_ENGINE"):
        return [Endpoint(named, "OPPIE_ENGINE", certificates_for(named, os.environ, home))]
    return candidate_endpoints(os.environ, home)


def from_env_file(name: str) -> str:
    """What ``.env`` sets ``name`` to; the rest of that file is read by ``oppie`` itself."""
    file = Path(".env")
    lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
    values = [line.partition("=")[2] for line in lines if line.partition("=")[0].strip() == name]
    return values[-1].strip().strip("\"'") if values else ""


def the_daemon() -> Daemon:
    program = os.environ.get("OPPIE_DOCKERD", "dockerd")
    if folder := os.environ.get("OPPIE_TEST_ENGINE_DIR"):
        root = Path(folder).resolve()
        url, pid_file, exec_root = f"unix://{root}/docker.sock", root / "docker.pid", root / "exec"
        places = (f"--host={url}", f"--pidfile={pid_file}", f"--exec-root={exec_root}")
        arguments = (*places, f"--data-root={root}/data", *WITHOUT_NETWORK)
        log = root / "dockerd.log"
        return Daemon(program, url, pid_file, exec_root, log, arguments, ("unshare", "--net"))
    run = Path("/var/run")
    log = Path("/var/log/dockerd.log")
    return Daemon(program, DEFAULT_SOCKET, run / "docker.pid", run / "docker", log)


def make_it_answer(daemon: Daemon) -> None:
    if os.geteuid() != 0:
        raise NoEngineError("Installing or starting one takes root's rights, which this user lacks.")
    missing = [name for name in (daemon.program, "containerd", "runc") if not which(name)]
    if missing:
        install(missing)
    if Path("/run/systemd/system").is_dir() and "OPPIE_TEST_ENGINE_DIR" not in os.environ:
        say("Starting Docker: systemctl enable --now docker")
        run(["systemctl", "enable", "--now", "docker"])
        if not answers_in_time(daemon, None):
            raise NoEngineError("systemd started Docker, but it doesn't answer: journalctl --unit docker")
        return
    start(daemon)


def install(missing: Sequence[str]) -> None:
    absent = f"Not installed: {', '.join(missing)}."
    if os.environ.get("OPPIE_NO_INSTALL", "") not in ("", "0"):
        raise NoEngineError(f"{absent} OPPIE_NO_INSTALL forbids installing.")
    if not which("apt-get"):
        raise NoEngineError(f"{absent} This is neither Debian nor Ubuntu.")
    packages = ["docker.io"]
    if not any(Path("/sys/fs/cgroup").iterdir()):
        packages.append("cgroupfs-mount")  # without systemd nobody else mounts them
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    if enabled.is_file() and enabled.read_text().startswith("Y"):
        packages.append("apparmor")  # its parser, or no container starts
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    say(f"{absent} Installing the distribution's {' '.join(packages)} with apt-get.")
    run([*apt, "update"])  # may fail for a foreign source; the installation itself decides
    if run([*apt, "install", "--yes", "--no-install-recommends", *packages]) != 0:
        raise NoEngineError("apt-get could not install Docker; its own words are above.")


def start(daemon: Daemon) -> None:
    """Start ``dockerd`` without systemd, detached from this terminal and session."""
    if forget_dead(daemon.exec_root / "containerd/containerd.pid", "containerd") is not None:
        say("A containerd of an earlier daemon still runs; dockerd takes it over.")
    running = forget_dead(daemon.pid_file, Path(daemon.program).name)
    if running is not None:
        say(f"A dockerd (process {running}) is there but doesn't answer yet; waiting for it.")
        if not answers_in_time(daemon, None):
            raise NoEngineError(f"dockerd (process {running}) doesn't answer; stop it, then try again.")
        return
    if started(daemon, daemon.arguments):
        return
    if "iptables" in tail(daemon.log):
        say("dockerd can't set up its network here; again without (containers will have none).")
        if started(daemon, (*daemon.arguments, *WITHOUT_NETWORK)):
            return
    raise NoEngineError(f"dockerd did not start. The end of {daemon.log}:\n{tail(daemon.log)}")


def forget_dead(pid_file: Path, name: str) -> int | None:
    """The process that ``pid_file`` names, if it is a living ``name``; else the file is removed.

    dockerd refuses to start while any process has the number in its pid file, be it another
    program that got the number after a crash or a reboot.
    """
    try:
        number = int(pid_file.read_text())
        status = Path(f"/proc/{number}/stat").read_text()
    except (OSError, ValueError):
        pid_file.unlink(missing_ok=True)
        return None
    # "123 (dockerd) S ...": the kernel keeps 15 characters of the name; Z and X are dead.
    command, state = status.split("(", 1)[1].rsplit(")", 1)
    if command == name[:15] and state.split()[0] not in "ZX":
        return number
    say(f"Removing {pid_file}, which a daemon that is gone left behind.")
    pid_file.unlink(missing_ok=True)
    return None


def started(daemon: Daemon, arguments: Sequence[str]) -> bool:
    command = [*daemon.prefix, which(daemon.program) or daemon.program, *arguments]
    say(f"Starting {' '.join(command)} (log: {daemon.log})")
    daemon.log.parent.mkdir(parents=True, exist_ok=True)
    with daemon.log.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            cwd="/", env=environment(),
        )  # fmt: skip
    return answers_in_time(daemon, process)


def answers_in_time(daemon: Daemon, process: subprocess.Popen[bytes] | None) -> bool:
    endpoint = Endpoint(daemon.url, "started here")
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not refusal(endpoint):
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.2)
    return False


def tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join(lines[-LOG_TAIL_LINES:])


def run(command: Sequence[str]) -> int:
    """Run a command whose output is for the person: on stderr, since stdout is the answer."""
    return subprocess.run(command, stdout=sys.stderr, env=environment(), check=False).returncode


def environment() -> dict[str, str]:
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    return {**os.environ, **quiet, "PATH": f"{os.environ.get('PATH', '')}:{SBIN}"}


def which(program: str) -> str | None:
    return shutil.which(program, path=environment()["PATH"])


def say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
