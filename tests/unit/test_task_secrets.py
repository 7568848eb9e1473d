"""Which secrets a task may ask for, and what is found of them in an archive."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from runs import make_target, make_task

from runner.errors import EvidenceError, TaskError
from runner.expand.secrets import hidden, leaked
from runner.settings import secret
from runner.task import Task, secrets_of

VALUE = "correct horse"
SECRETS = {"TOKEN": VALUE}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(make_task(make_target(tmp_path / "target")), secrets=("TOKEN", "KEY"))


def test_the_values_come_from_the_environment(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", VALUE)
    monkeypatch.setenv("KEY", "12345678")
    monkeypatch.setenv("OTHER", "not asked for")
    assert secrets_of(task, secret) == {"TOKEN": VALUE, "KEY": "12345678"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "there is no such variable in this machine's environment"),
        ("", "the variable holds 0 characters; a secret has 8 or more"),
        ("1234567", "the variable holds 7 characters; a secret has 8 or more"),
        ("two\nlines of it", "the variable holds a line break; a secret is one line"),
    ],
)
def test_what_is_no_secret_is_told_at_once(task: Task, value: str | None, why: str) -> None:
    with pytest.raises(TaskError) as raised:
        secrets_of(task, {"KEY": VALUE, "TOKEN": value}.get)
    assert str(raised.value).startswith(f'{task.path}: sandbox.secrets = "TOKEN": {why}')
    assert VALUE not in str(raised.value) and "lines of it" not in str(raised.value)


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """A tar archive of names, contents and link targets."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ((("etc/x", b"nothing", ""),), ""),
        ((("a", b"x" * 99 + VALUE.encode(), ""),), "TOKEN to /a"),
        ((("a", b"", ""), (f"b/{VALUE}.txt", b"", "")), "TOKEN to /b/***.txt"),
        ((("link", b"", f"/x/{VALUE}"),), "TOKEN to /link"),
        # At the border of two pieces that are read at a time.
        ((("big", b"x" * ((1 << 20) - 5) + VALUE.encode() + b"y" * 99, ""),), "TOKEN to /big"),
        ((("odd\n\x1b", VALUE.encode(), ""),), "TOKEN to '/odd\\n\\x1b'"),
    ],
)
@pytest.mark.parametrize("size", [1 << 20, 511])
def test_where_a_secret_is(
    members: tuple[tuple[str, bytes, str], ...], found: str, size: int
) -> None:
    data = archive(*members)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert leaked(lambda: pieces, {"OTHER": "another secret", "TOKEN": VALUE}) == found


def test_a_secret_in_what_is_no_archive() -> None:
    with pytest.raises(EvidenceError):
        leaked(lambda: [b"no archive, but " + VALUE.encode() * 99], SECRETS)


def test_a_value_is_the_bytes_that_the_environment_has() -> None:
    assert hidden({"A": "é", "B": "\udcff"}) == ("é".encode(), b"\xff")
