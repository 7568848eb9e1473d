from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import ExitCode, TaskError
from runner.planner.watermarks import DiskRules, Mark
from runner.settings import LogFormat, Settings, load_settings


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without settings: an empty working directory, and a home."""
    for name in list(os.environ):
        if name.upper().startswith(("OPPIE_", "DOCKER_", "XDG_")) or name.lower().endswith(
            "_proxy"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused() -> str:
    with pytest.raises(TaskError) as caught:
        load_settings()
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


def test_defaults(machine: Path) -> None:
    settings = load_settings()
    assert settings.engine is None
    assert settings.state == machine / "home/.local/state/oppie"
    assert (settings.workers, settings.lanes) == (2, 1)
    assert settings.log_format is LogFormat.JSON
    assert settings.base_tar is None and settings.ca_bundle is None
    assert settings.base_image == "debian:12-slim"
    assert settings.environment() == {} and settings.proxies() == {}
    assert settings.disk == DiskRules()


def test_every_setting_is_a_variable(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "base.tar").touch()
    (machine / "ca.pem").touch()
    given = {
        "ENGINE": "tcp://host:2376",
        "STATE": "here/state",
        "WORKERS": "8",
        "LANES": "2",
        "LOG_FORMAT": "people",
        "BASE_TAR": "base.tar",
        "BASE_IMAGE": "",
        "CA_BUNDLE": str(machine / "ca.pem"),
        "DISK_LOW": "12.5%",
        "DISK_HIGH": "40 GiB",
        "DISK_HARD": "1000",
        "SNAPSHOT_BYTES": "2GB",
        "LANE_FOLDER": str(machine),
    }
    assert {name.lower() for name in given} == set(Settings.model_fields)
    for name, value in given.items():
        monkeypatch.setenv(f"OPPIE_{name}", value)
    settings = load_settings()
    assert settings.engine == "tcp://host:2376"
    assert settings.state == machine / "here/state"
    assert (settings.workers, settings.lanes) == (8, 2)
    assert settings.log_format is LogFormat.PEOPLE
    assert settings.base_tar == machine / "base.tar"
    assert settings.base_image == ""  # asks no registry
    assert settings.ca_bundle == machine / "ca.pem"
    assert settings.disk.low == Mark(0.125)
    assert settings.disk.high == Mark(0.10, 40 << 30, 200_000)
    assert settings.disk.hard == Mark(0.01, 1000, 10_000)
    assert settings.disk.snapshot_bytes == 2_000_000_000


def test_the_state_folder_follows_the_xdg_specification(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert load_settings().state == Path("/var/state/oppie")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert load_settings().state == machine / "home/.local/state/oppie"


def test_a_tilde_is_the_home(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPPIE_STATE", "~/runs")
    assert load_settings().state == machine / "home/runs"


def test_an_empty_address_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENGINE", "BASE_TAR", "CA_BUNDLE", "DISK_LOW", "SNAPSHOT_BYTES"):
        monkeypatch.setenv(f"OPPIE_{name}", "")
    settings = load_settings()
    assert settings.disk == DiskRules()
    assert (settings.engine, settings.base_tar, settings.ca_bundle) == (None, None, None)


def test_the_environment_wins_over_the_file(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / ".env").write_text("OPPIE_WORKERS=3\nOPPIE_LANES=4\nENGINE_SOCKET=/x\n# c\n")
    monkeypatch.setenv("OPPIE_WORKERS", "5")
    assert (load_settings().workers, load_settings().lanes) == (5, 4)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WORKERS", "two", "OPPIE_WORKERS=two: must be a valid integer"),
        ("WORKERS", "0", "OPPIE_WORKERS=0: must be greater than or equal to 1"),
        ("WORKERS", "1000", "OPPIE_WORKERS=1000: must be less than or equal to 256"),
        ("LANES", "", "OPPIE_LANES=: must be a valid integer"),
        ("ENGINE", "/run/x.sock", "OPPIE_ENGINE=/run/x.sock: must be an address such as unix:///"),
        ("LOG_FORMAT", "xml", "OPPIE_LOG_FORMAT=xml: must be 'json' or 'people'"),
        ("BASE_TAR", "no.tar", "OPPIE_BASE_TAR=no.tar: there is no such file"),
        ("CA_BUNDLE", ".", "OPPIE_CA_BUNDLE=.: there is no such file"),
        ("DISK_LOW", "some", 'OPPIE_DISK_LOW=some: must be a share of the disk such as "5%", or a size'),
        ("DISK_HARD", "101%", "OPPIE_DISK_HARD=101%: must be at most 100%"),
        ("SNAPSHOT_BYTES", "-5", "OPPIE_SNAPSHOT_BYTES=-5: must be a size such as"),
        ("STATE", "/etc/passwd", "OPPIE_STATE=/etc/passwd: is there, and is no folder"),
    ],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_bad_value_is_told_with_the_name_of_its_variable(
    machine: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str, where: str
) -> None:
    if where == "file":
        (machine / ".env").write_text(f"OPPIE_{name}={value}\n")
    else:
        monkeypatch.setenv(f"OPPIE_{name}", value)
    assert refused().startswith(says)


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPPIE_WORKER", "2")
    monkeypatch.setenv("OPPIE_LANES", "x")
    monkeypatch.setenv("OPPIE_ENGINE", "x")
    assert len(refused().splitlines()) == 3


@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_name_that_is_nearly_a_setting_is_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "file":
        (machine / ".env").write_text("OPPIE_WORKER=3\n")
    else:
        monkeypatch.setenv("OPPIE_WORKER", "3")
    assert refused() == "OPPIE_WORKER: there is no such setting; did you mean OPPIE_WORKERS?"


@pytest.mark.parametrize("name", ["NO_INSTALL", "DOCKERD", "TEST_IMAGE", "DEBIAN_MIRROR"])
def test_variables_of_the_scripts_and_tests_are_no_mistake(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"OPPIE_{name}", "1")
    load_settings()


def test_a_file_that_cannot_be_read_is_told(machine: Path) -> None:
    (machine / ".env").write_bytes(b"OPPIE_WORKERS=\xff\n")
    assert refused().startswith(".env: can't be read: ")


def test_what_decides_on_the_engine_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DOCKER_HOST": "tcp://x:1", "DOCKER_CONTEXT": "c", "XDG_RUNTIME_DIR": "/run/user/1"}
    for name, value in (given | {"AWS_SECRET_ACCESS_KEY": "s"}).items():
        monkeypatch.setenv(name, value)
    assert load_settings().environment() == given


def test_proxies_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"https_proxy": "http://p:1", "HTTPS_PROXY": "http://p:1", "NO_PROXY": "localhost"}
    for name, value in (given | {"http_proxy": ""}).items():
        monkeypatch.setenv(name, value)
    assert load_settings().proxies() == given
