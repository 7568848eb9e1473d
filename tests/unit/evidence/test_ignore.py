from __future__ import annotations

import pytest

from runner.errors import StateError
from runner.evidence import Evidence, IgnoreRules

from .tars import Member, chunks, file, hardlink, tar

RUN = "20261121-024017-ab12"
RULES = "*.o\nbuild/\n/only-here\n!keep.o\n# comment\n\\#odd\ntrailing\\ \n**/deep/*.tmp\n"


def root_of(evidence: Evidence, *members: Member) -> str:
    return evidence.record(RUN, "target", "", chunks(tar(*members)), "root").commit


def kept(evidence: Evidence, rules: IgnoreRules, *members: Member) -> set[str]:
    done = evidence.record(RUN, "A.1", "", chunks(tar(*members)), "x", rules)
    return set(evidence.manifest(done.commit))


def test_gits_own_semantics(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(
        root_of(evidence, file(".gitignore", RULES), file("sub/.gitignore", "!x.o\nlocal\n"))
    )
    names = [
        ".gitignore", "sub/.gitignore", "a.c", "a.o", "keep.o", "sub/x.o", "sub/y.o", "sub/local",
        "local", "build/x", "src/build/y", "only-here", "src/only-here", "#odd", "trailing ",
        "a/deep/b.tmp", "a/deep/b/c.tmp", ":(top)a", ":x.o", "-n", "new\nline.o", "build",
    ]  # fmt: skip
    names.remove("build")  # the same name can't be a file and a folder
    assert kept(evidence, rules, *(file(name, "1") for name in names)) == {
        ".gitignore", "sub/.gitignore", "a.c", "keep.o", "sub/x.o", "local", "src/only-here",
        "a/deep/b/c.tmp", ":(top)a", "-n",
    }  # fmt: skip


def test_a_folder_pattern_leaves_a_file_alone(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(root_of(evidence, file(".gitignore", "build/\n")))
    assert kept(evidence, rules, file("build", "1")) == {"build"}


def test_what_the_root_holds_is_kept_whatever_the_rules_say(evidence: Evidence) -> None:
    root = root_of(evidence, file(".gitignore", "*.o\n"), file("tracked.o", "1"))
    rules = evidence.ignore_rules(root)
    assert kept(evidence, rules, file("tracked.o", "changed"), file("new.o", "1")) == {"tracked.o"}


def test_an_action_cannot_change_the_rules(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(root_of(evidence, file(".gitignore", "*.o\n")))
    names = kept(evidence, rules, file(".gitignore", "*\n"), file("a.c", "1"), file("a.o", "1"))
    assert names == {".gitignore", "a.c"}


def test_without_rules_everything_is_kept(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(root_of(evidence, file("a", "1")))
    assert kept(evidence, rules, file("a.o", "1"), file("b", "1")) == {"a.o", "b"}


def test_a_hard_link_to_an_ignored_file_is_told(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(root_of(evidence, file(".gitignore", "*.o\n")))
    archive = chunks(tar(file("a.o", "1"), hardlink("b", "a.o")))
    done = evidence.record(RUN, "A.1", "", archive, "x", rules, lambda _: True)
    assert evidence.manifest(done.commit) == {}
    assert done.skipped == ("'b': a hard link to a file that is ignored",)
    assert list(done.watched) == ["a.o", "b"]


def test_rules_are_found_again(evidence: Evidence) -> None:
    root = root_of(evidence, file(".gitignore", "*.o\n"))
    assert evidence.ignore_rules(root) == Evidence(evidence.folder).ignore_rules(root)


def test_the_users_own_excludes_play_no_part(
    evidence: Evidence, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*.txt\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    rules = evidence.ignore_rules(root_of(evidence, file(".gitignore", "*.o\n")))
    assert kept(evidence, rules, file("a.txt", "1")) == {"a.txt"}


def test_many_files_do_not_fill_a_pipe(evidence: Evidence) -> None:
    rules = evidence.ignore_rules(root_of(evidence, file(".gitignore", "*.o\n")))
    members = [file(f"{'d' * 200}/{i}.{'o' if i % 2 else 'c'}", "x") for i in range(2000)]
    assert len(kept(evidence, rules, *members)) == 1000


def test_rules_that_are_gone_are_an_error(evidence: Evidence) -> None:
    rules = IgnoreRules(evidence.folder / "nowhere")
    with pytest.raises(StateError, match="it is gone"):
        kept(evidence, rules, file("a", "1"))
