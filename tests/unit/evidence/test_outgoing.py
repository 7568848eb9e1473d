"""What was recorded comes out again, as a workspace that a container's user owns."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from runner.evidence import Evidence, pack_target


def test_a_recorded_tree_comes_out_as_it_went_in(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "deep/er").mkdir(parents=True)
    (target / "deep/er/data").write_bytes(bytes(range(256)) * 5000)
    (target / "empty").write_bytes(b"")
    (target / "run.sh").write_text("exit 0\n")
    (target / "run.sh").chmod(0o755)
    (target / "link").symlink_to("deep/er/data")
    (target / ("long-" + "n" * 200)).write_text("long")
    (target / "\udcff-odd".encode("utf-8", "surrogateescape").decode("latin-1")).write_text("odd")
    (target / ".gitattributes").write_text("*.sh export-ignore\nempty export-subst\n")
    evidence = Evidence(tmp_path / "evidence.git")
    recorded = evidence.record("r", "A", "", pack_target(target, lambda _: False), "m\n")
    out = b"".join(evidence.archive(recorded.commit))
    again = evidence.record("r", "B", "", [out], "m\n")
    assert again.tree_id == recorded.tree_id
    with tarfile.open(fileobj=io.BytesIO(out)) as archive:
        members = {member.name: member for member in archive}
    assert members["workspace"].isdir()
    assert {member.uid for member in members.values()} == {1000}
    assert members["workspace/run.sh"].mode == 0o755
    assert members["workspace/empty"].mode == 0o644
    assert members["workspace/link"].linkname == "deep/er/data"


def test_an_empty_tree_is_an_empty_workspace(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    evidence = Evidence(tmp_path / "evidence.git")
    recorded = evidence.record("r", "A", "", pack_target(target, lambda _: False), "m\n")
    with tarfile.open(fileobj=io.BytesIO(b"".join(evidence.archive(recorded.commit)))) as archive:
        assert archive.getnames() == ["workspace"]


def test_an_excerpt_is_the_beginning_and_no_more(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    evidence = Evidence(tmp_path / "evidence.git")
    first = evidence.record("r", "A", "", pack_target(target, lambda _: False), "m\n")
    (target / "large").write_text("line\n" * 2_000_000)
    second = evidence.record("r", "B", first.commit, pack_target(target, lambda _: False), "m\n")
    part = evidence.excerpt(first.commit, second.commit, 1000)
    assert len(part) == 1000
    assert part.startswith(b"diff --git a/large b/large")
    assert evidence.excerpt(first.commit, first.commit, 1000) == b""
