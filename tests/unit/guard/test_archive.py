"""Image archives: plain tars with names of oppie's own pass, all others are cut off."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runner.guard.archive import only_own_images
from runner.guard.order import Refused

DIGEST = "a" * 64
OURS = [{"Config": f"{DIGEST}.json", "RepoTags": ["oppie/agent:latest"], "Layers": []}]


def archive(
    *members: tuple[str, object], manifest: object = OURS, form: int = tarfile.USTAR_FORMAT
) -> bytes:
    """An archive with these members (a name, and content, or a link's target), and a manifest."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in (*members, ("manifest.json", manifest)):
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


LAYER = (f"{DIGEST}/layer.tar", b"x" * 5000)
TWIN = (f"{'b' * 64}/layer.tar", f"../{DIGEST}/layer.tar")
INDEX = {
    "schemaVersion": 2,
    "manifests": [
        {
            "digest": f"sha256:{DIGEST}",
            "size": 1,
            "annotations": {
                "io.containerd.image.name": "docker.io/oppie/agent:latest",
                "org.opencontainers.image.ref.name": "latest",
            },
        }
    ],
}


@pytest.mark.parametrize("size", [1 << 20, 512, 100])
@pytest.mark.parametrize(
    "data",
    [
        archive(LAYER, TWIN),
        archive(LAYER, form=tarfile.GNU_FORMAT),
        archive(("index.json", INDEX), ("oci-layout", b"{}"), (f"blobs/sha256/{DIGEST}", b"x")),
        archive(("repositories", {"oppie/agent": {"latest": DIGEST}})),
        archive(manifest=[{**OURS[0], "RepoTags": None}]),
    ],
)
def test_what_docker_save_writes_passes_unchanged(data: bytes, size: int) -> None:
    assert b"".join(only_own_images(pieces(data, size))) == data


def _named(name: str) -> bytes:
    return archive(manifest=[{**OURS[0], "RepoTags": ["oppie/agent:latest", name]}])


def _index(**entry: object) -> bytes:
    return archive(("index.json", {**INDEX, "manifests": [{**INDEX["manifests"][0], **entry}]}))  # type: ignore[index]


@pytest.mark.parametrize(
    "data",
    [
        _named("debian:12"),
        _named("oppie/../debian:12"),
        _named("registry.example.com/oppie/agent:latest"),
        _named("oppie/agent:latest\n"),
        archive(manifest=[{"Config": "x", "repotags": ["debian:12"]}]),
        archive(manifest={"RepoTags": ["debian:12"]}),
        archive(manifest=b'[{"RepoTags": ["debian:12"], "RepoTags": ["oppie/agent:latest"]}]'),
        archive(("manifest.json", [{**OURS[0], "RepoTags": ["debian:12"]}])),
        archive(("manifest.json", DIGEST + ".json")),
        archive(("./manifest.json", [{**OURS[0], "RepoTags": ["debian:12"]}])),
        archive(("x/../manifest.json", b"[]")),
        archive(("../escape", b"")),
        archive((f"{DIGEST}/layer.tar", "/etc/shadow")),
        archive((f"{DIGEST}/layer.tar", "../../../etc/shadow")),
        archive(("repositories", {"debian": {"12": DIGEST}})),
        _index(annotations={"io.containerd.image.name": "docker.io/library/debian:12"}),
        _index(annotations={"org.opencontainers.image.ref.name": "docker.io/library/debian:12"}),
        _index(Annotations={"io.containerd.image.name": "docker.io/library/debian:12"}),
        archive((f"{DIGEST}/{'l' * 120}", b""), form=tarfile.GNU_FORMAT),
        archive((f"{DIGEST}/{'l' * 120}", b""), form=tarfile.PAX_FORMAT),
        gzip.compress(archive(LAYER)),
        archive(LAYER) + archive(LAYER),
        archive(LAYER).replace(b"ustar\x0000", b"\0" * 8),
        b"",
        bytes(10240),
    ],
)
def test_everything_else_is_cut_off(data: bytes) -> None:
    with pytest.raises(Refused):
        list(only_own_images(pieces(data, 512)))


def test_times_may_be_extended_and_names_may_not() -> None:
    def extended(**headers: str) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            info = tarfile.TarInfo("manifest.json")
            data = json.dumps(OURS).encode()
            info.size, info.pax_headers = len(data), headers
            tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    data = extended(atime="1.5")
    assert b"".join(only_own_images(pieces(data, 700))) == data
    for headers in ({"path": "repositories"}, {"size": "4"}, {"GNU.sparse.name": "x"}):
        with pytest.raises(Refused):
            list(only_own_images(pieces(extended(**headers), 700)))


def test_the_list_of_names_is_not_passed_on_whole() -> None:
    passed, whole = io.BytesIO(), _named("debian:12")
    with pytest.raises(Refused, match='called "debian:12"'):
        passed.writelines(only_own_images(pieces(whole, 100)))
    assert len(passed.getvalue()) < whole.index(b'"debian:12"') + tarfile.BLOCKSIZE


def test_an_archive_that_breaks_off_is_refused_at_its_end() -> None:
    whole = archive(LAYER, manifest=OURS)
    checks: list[Callable[[], Any]] = [
        lambda: list(only_own_images(iter([whole[:-10300]]))),
        lambda: list(only_own_images(iter([whole[:3000]]))),
    ]
    for check in checks:
        with pytest.raises(Refused, match="breaks off"):
            check()
