"""An archive that was cut anywhere is told from a whole one."""

from __future__ import annotations

import io
import tarfile

import pytest

from runner.errors import EngineUnavailable
from runner.sandbox.tarends import whole_tar

CONTENTS = {
    "workspace/empty": b"",
    "workspace/zeros": bytes(3000),
    "workspace/a": b"a" * 512,
    f"workspace/{'long/' * 60}name": bytes(1024),
}


def tar(form: int, **fields: str) -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            for name, content in CONTENTS.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.pax_headers = dict(fields)
                archive.addfile(member, io.BytesIO(content))
            link = tarfile.TarInfo("workspace/link")
            link.type, link.linkname = tarfile.SYMTYPE, "a"
            archive.addfile(link)
        return buffer.getvalue()


def end_of(whole: bytes) -> int:
    """Where the two blocks of zeros that count end; what follows fills up the record."""
    return len(whole.rstrip(b"\0")) // 512 * 512 + 3 * 512


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("piece", [1, 511, 512, 100_000])
def test_a_whole_archive_passes_as_it_is(form: int, piece: int) -> None:
    whole = tar(form)
    chunks = [whole[at : at + piece] for at in range(0, len(whole), piece)]
    assert b"".join(whole_tar(chunks)) == whole


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_cut_anywhere_is_found(form: int) -> None:
    whole = tar(form)
    end = end_of(whole)
    assert b"".join(whole_tar([whole[:end]])) == whole[:end]
    for cut in [*range(0, end, 512), 1, 100, end - 1]:
        with pytest.raises(EngineUnavailable, match="broke off"):
            b"".join(whole_tar([whole[:cut]]))


def test_a_size_in_an_extended_header_counts() -> None:
    """The member's own header then says 0, as Go's does beyond 8 GiB."""
    record = b"17 size=000001024\n"
    header = tarfile.TarInfo("big").tobuf(tarfile.USTAR_FORMAT)
    extended = tarfile.TarInfo("x")
    extended.type, extended.size = tarfile.XHDTYPE, len(record)
    head = extended.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + header
    with pytest.raises(EngineUnavailable):
        b"".join(whole_tar([head + bytes(1024)]))
    assert b"".join(whole_tar([head + bytes(2048)]))


def test_a_binary_size_counts() -> None:
    member = tarfile.TarInfo("big")
    member.size = 9 << 30
    header = member.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(EngineUnavailable, match="broke off"):
        b"".join(whole_tar([header, bytes(1 << 20)]))


def test_a_damaged_size_is_said() -> None:
    header = bytearray(tarfile.TarInfo("a").tobuf())
    header[124:136] = b"not a number"
    with pytest.raises(EngineUnavailable, match="damaged"):
        b"".join(whole_tar([bytes(header)]))
