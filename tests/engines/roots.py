"""Root file systems of Debian suites, fetched once and kept in a cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .catalogue import packages_of

_FETCH_S = 900.0
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LEFT_OUT = ("doc", "info", "locale", "man")


class NoRootError(Exception):
    """A root file system can't be had here; the message says why."""


def cache_folder() -> Path:
    """Where what was fetched is kept: ``OPPIE_ENGINES_DIR``, or below the user's cache folder."""
    if named := os.environ.get("OPPIE_ENGINES_DIR"):
        return Path(named).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "oppie" / "engines"


@contextlib.contextmanager
def root_of(suite: str) -> Iterator[Path]:
    """The root file system that has the engines of a suite; it stays as it is as long as the block
    lasts. Raises ``NoRootError``."""
    if os.geteuid() != 0:
        raise NoRootError("it takes root's rights to unpack and start an engine")
    _have_tools()
    roots = cache_folder() / "roots"
    roots.mkdir(parents=True, exist_ok=True)
    root, packages = roots / suite, packages_of(suite)
    made_of = root / "srv/packages.txt"
    with (roots / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # let go of when the file is closed
        if not _has(made_of, packages):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _has(made_of, packages):
                shutil.rmtree(root, ignore_errors=True)
                _fetch(suite, packages, root)
                made_of.write_text("\n".join(packages) + "\n")
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield root


def _has(made_of: Path, packages: tuple[str, ...]) -> bool:
    return made_of.is_file() and made_of.read_text().split() == [*packages]


def _have_tools() -> None:
    if not shutil.which("mmdebstrap") and os.environ.get("OPPIE_NO_INSTALL", "0") in ("", "0"):
        install = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", "mmdebstrap"]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(install, env=quiet, capture_output=True, check=False)
    missing = [name for name in ("mmdebstrap", "unshare", "setpriv") if not shutil.which(name)]
    if missing:
        raise NoRootError(f"{' and '.join(missing)} missing: apt-get install mmdebstrap util-linux")


def _fetch(suite: str, packages: tuple[str, ...], root: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=essential", "--format=directory"]
    command += [f"--include={','.join(packages)}", "--dpkgopt=force-unsafe-io"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    command += ['--aptopt=APT::Install-Recommends "false"', *_proxy(), suite, str(root)]
    sources = _sources(suite)
    done = subprocess.run(
        [*command, "-"] if sources else command,
        input=sources,
        capture_output=True,
        text=True,
        timeout=_FETCH_S,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(root, ignore_errors=True)
        raise NoRootError(f"Debian's {suite} can't be fetched:\n{done.stderr[-2000:]}")


def _sources(suite: str) -> str:
    """The mirrors of Debian that this machine's apt uses, of another suite; maybe none."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    command += ["Created-By: Packages", "Origin: Debian", "Label: Debian", "Component: main"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return f"deb [signed-by={_KEYS}] {found[0]} {suite} main\n" if found else ""


def _proxy() -> list[str]:
    command = ["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"]
    value = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return [f'--aptopt=Acquire::http::Proxy "{value}"'] if value else []
