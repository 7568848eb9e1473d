"""Archives by other names: the same members, and nothing but their names is different."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.retar import below

NAMES = st.text(st.sampled_from("ab-é \n\u202e\udcff"), min_size=1, max_size=150)


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", errors="surrogateescape") as tar:
        folder = tarfile.TarInfo("workspace")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(f"workspace/{name}")
            info.size, info.mode, info.uid = len(data), 0o751, 1000
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("workspace/link")
        link.type, link.linkname = tarfile.SYMTYPE, "workspace/elsewhere"
        tar.addfile(link)
    return made.getvalue()


@given(st.dictionaries(NAMES, st.binary(max_size=1500), max_size=5), st.integers(1, 4000))
def test_members_keep_all_but_the_folder_before_them(files: dict[str, bytes], size: int) -> None:
    data = packed(files)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    made = io.BytesIO(b"".join(below(pieces, "workspace")))
    with tarfile.open(fileobj=made, errors="surrogateescape") as tar:
        members = tar.getmembers()
        found = {}
        for member in members[:-1]:
            content = tar.extractfile(member)
            assert content is not None and (member.mode, member.uid) == (0o751, 1000)
            found[member.name] = content.read()
    assert found == files
    assert (members[-1].name, members[-1].linkname) == ("link", "workspace/elsewhere")
