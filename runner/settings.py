"""This machine's settings: ``OPPIE_*`` variables, and those of a ``.env`` in the working directory.

What a search does is the task file's matter; what is here differs from machine to machine. The
environment wins over ``.env``. No other module of the package reads the environment.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from runner.errors import TaskError
from runner.planner.watermarks import DiskRules, Mark, mark_of
from runner.task.quantity import size_bytes

PREFIX = "OPPIE_"
ENV_FILE = ".env"

_ENGINE_VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
)
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


class LogFormat(StrEnum):
    """How a run's event log is written."""

    JSON = "json"
    PEOPLE = "people"


def _engine(text: str | None) -> str | None:
    if text is not None and "://" not in text:
        raise ValueError(
            "must be an address such as unix:///var/run/docker.sock or tcp://host:2376"
        )
    return text


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.expanduser().is_file():
        raise ValueError("there is no such file")
    return path and path.expanduser().absolute()


def _folder(path: Path) -> Path:
    folder = path.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError("is there, and is no folder")
    return folder


def _default_state() -> Path:
    """By the XDG base directory specification, which has relative paths ignored."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local/state") / "oppie"


def _mark(text: str, default: Mark) -> Mark:
    return mark_of(text, _amount, default) if text else default


def _marked(text: str) -> str:
    _mark(text, _DISK.low)
    return text


def _bytes(value: object) -> object:
    if not isinstance(value, str):  # the default
        return value
    return _amount(value) if value else None


def _amount(text: object) -> int:
    """A size; from the environment a number of bytes comes as text."""
    return size_bytes(int(text) if isinstance(text, str) and text.isdecimal() else text)


_DISK = DiskRules()
_empty_is_none = BeforeValidator(lambda value: None if value == "" else value)


class Settings(BaseSettings):
    """The settings of a machine. Each is the variable ``OPPIE_<NAME>``.

    ``engine`` is the container engine's address; without one, ``DOCKER_HOST``, Docker's contexts
    and the usual sockets are tried. ``state`` is the folder for all that outlives a process.
    ``workers`` journeys are made at a time, and at most ``lanes`` benchmarks; all planners of the
    machine take turns in ``lane_folder``. ``base_tar``,
    ``base_image`` ("" asks no registry) and ``ca_bundle`` are what images are made from.
    ``disk_low``, ``disk_high``, ``disk_hard`` and ``snapshot_bytes`` are those of
    ``watermarks.DiskRules``.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    engine: Annotated[str | None, AfterValidator(_engine), _empty_is_none] = None
    state: Annotated[Path, AfterValidator(_folder)] = Field(default_factory=_default_state)
    workers: Annotated[int, Field(ge=1, le=256)] = 2
    lanes: Annotated[int, Field(ge=1, le=64)] = 1
    lane_folder: Annotated[Path, AfterValidator(_folder)] = Path("/tmp")
    log_format: LogFormat = LogFormat.JSON
    base_tar: Annotated[Path | None, AfterValidator(_file), _empty_is_none] = None
    base_image: str = "debian:12-slim"
    ca_bundle: Annotated[Path | None, AfterValidator(_file), _empty_is_none] = None

    disk_low: Annotated[str, AfterValidator(_marked)] = ""
    disk_high: Annotated[str, AfterValidator(_marked)] = ""
    disk_hard: Annotated[str, AfterValidator(_marked)] = ""
    snapshot_bytes: Annotated[int | None, BeforeValidator(_bytes)] = None

    @property
    def disk(self) -> DiskRules:
        """How full disks may get."""
        return DiskRules(
            _mark(self.disk_low, _DISK.low),
            _mark(self.disk_high, _DISK.high),
            _mark(self.disk_hard, _DISK.hard),
            self.snapshot_bytes,
        )

    def environment(self) -> dict[str, str]:
        """The variables that decide which engine is spoken to."""
        return {name: os.environ[name] for name in _ENGINE_VARIABLES if name in os.environ}

    def surroundings(self) -> dict[str, str]:
        """All variables, for sandboxes of host processes, which hand on what they say and no more."""
        return dict(os.environ)

    def proxies(self) -> dict[str, str]:
        """The proxy variables, in both spellings, as image builds need them."""
        both = (name for lower in _PROXY_VARIABLES for name in (lower, lower.upper()))
        return {name: os.environ[name] for name in both if os.environ.get(name)}


def secret(name: str) -> str | None:
    """A variable of this machine's environment that a task names as a secret; no other use is made
    of it. ``.env`` isn't read: a file is the wrong place for one."""
    return os.environ.get(name)


def load_settings() -> Settings:
    """Read the settings. Raises ``TaskError`` that names each variable, its value, and what is
    allowed; so it does for a variable whose name is nearly that of a setting."""
    try:
        names = [*os.environ, *DotEnvSettingsSource(Settings, env_file=ENV_FILE).env_vars]
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{ENV_FILE}: can't be read: {error}") from error
    problems = _misspelt(names)
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [
            f"{PREFIX}{str(detail['loc'][0]).upper()}={detail['input']}: {_why(detail['msg'])}"
            for detail in error.errors()
        ]
    except RuntimeError as error:  # no home, from which the default would follow
        problems.append(f"{PREFIX}STATE: must be set: {error}")
    if problems:
        raise TaskError("\n".join(problems))
    return settings


def _misspelt(names: Iterable[str]) -> list[str]:
    """Names that are no setting and look like one. Others belong to scripts and to tests."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    problems = []
    for name in sorted({name.upper() for name in names} - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if name.startswith(PREFIX) and near:
            problems.append(f"{name}: there is no such setting; did you mean {near[0]}?")
    return problems


def _why(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
