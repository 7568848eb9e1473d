"""What Podman says, in Docker's words."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.dialect import DOCKER, PODMAN, PodmanApi, dialect_of, is_podman, unpadded
from runner.sandbox.spec import import_changes

BLOCK = 512


def archive_of(*contents: bytes) -> bytes:
    """A tar file, padded as Python does: to 20 blocks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("workspace")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for number, content in enumerate(contents):
            member = tarfile.TarInfo(f"workspace/{'long/' * 40}{number}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("workspace/link")
        link.type, link.linkname = tarfile.SYMTYPE, "0"
        tar.addfile(link)
    return buffer.getvalue()


def members(archive: bytes) -> list[tuple[str, bytes | None]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [
            (member.name, file.read() if (file := tar.extractfile(member)) else None)
            for member in tar
            if not member.issym()
        ]


@given(
    contents=st.lists(st.sampled_from([b"", b"\0" * 700, b"x" * 512, b"y\0" * 3000]), max_size=4),
    size=st.integers(1, 3000),
)
def test_an_archive_loses_its_padding_and_nothing_else(contents: list[bytes], size: int) -> None:
    whole = archive_of(*contents)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    cut = b"".join(unpadded(pieces))
    assert whole.startswith(cut)
    assert cut.endswith(bytes(2 * BLOCK)) and not whole[len(cut) :].strip(b"\0")
    assert members(cut) == members(whole)
    assert any(cut[-3 * BLOCK : -2 * BLOCK])  # the last member's header: the link has no content


def test_an_archive_is_read_to_its_last_byte() -> None:
    pieces = iter([archive_of(b"a"), bytes(BLOCK), b"what nobody wants"])
    assert b"nobody" not in b"".join(unpadded(pieces))
    assert next(pieces, None) is None


def test_an_archive_that_breaks_off_stays_as_it_is() -> None:
    half = archive_of(b"a" * 2000)[: 5 * BLOCK + 100]
    assert b"".join(unpadded([half])) == half


@pytest.mark.parametrize(
    ("components", "podman"),
    [([{"Name": "Podman Engine"}, {"Name": "Conmon"}], True), ([{"Name": "Engine"}], False)],
)
def test_an_engine_is_known_by_its_components(
    components: list[dict[str, str]], podman: bool
) -> None:
    assert is_podman({"Components": components}) is podman
    assert is_podman({}) is False


def test_a_client_knows_its_dialect() -> None:
    api = PodmanApi("unix:///nowhere", version="1.41")
    assert dialect_of(api) is PODMAN
    assert dialect_of(object()) is DOCKER  # type: ignore[arg-type]
    api.close()


def test_images_have_the_names_that_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "Id": "sha256:1",
        "ParentId": "2",
        "RepoTags": ["docker.io/oppie/r:A", "localhost/oppie/agent:latest", "docker.io/library/x:1"],
    }
    monkeypatch.setattr("docker.APIClient.images", lambda *_, **__: [said, {"RepoTags": None}])
    api = PodmanApi("unix:///nowhere", version="1.41")
    first, second = api.images()
    assert first["RepoTags"] == ["oppie/r:A", "oppie/agent:latest", "x:1"]
    assert first["ParentId"] == "sha256:2"
    assert second["RepoTags"] == []
    api.close()


def test_what_podman_has_no_word_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, object]] = []
    monkeypatch.setattr(
        "docker.APIClient.create_container_from_config", lambda _, config, *__: made.append(config)
    )
    api = PodmanApi("unix:///nowhere", version="1.41")
    host = {
        "Tmpfs": {"/tmp": "rw,size=4096,nr_inodes=1024"},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "4096", "max-file": "2"}},
        "Memory": 1,
    }
    api.create_container_from_config({"Image": "x", "HostConfig": host}, "name")
    assert made == [
        {
            "Image": "x",
            "HostConfig": {
                "Tmpfs": {"/tmp": "rw,size=4096"},
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "8192"}},
                "Memory": 1,
            },
        }
    ]
    api.close()


def test_quoted_values_of_an_import_are_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(
        "docker.APIClient.import_image_from_stream",
        lambda *_, changes: told.append(changes),
    )
    api = PodmanApi("unix:///nowhere", version="1.41")
    odd = 'a "b" $HOME \\n \\\\ #'
    api.import_image_from_stream(iter([b""]), changes=import_changes({"Env": [f"ODD={odd}"]}, {}))
    assert told[0][-1] == f'ENV ODD="{odd}"'
    api.close()
