"""Models' answers as changes of files, and the patches that are made of them, by a real git."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.agents.diffing import patch
from runner.agents.edits import edits
from runner.agents.places import Unusable

A = b"def f():\n    return 1\n\n\ndef g():\n    return 1\n"
SOURCES = {"src/a.py": A, "b.txt": b"one\ntwo", "crlf.c": b"int a;\r\nint b;\r\n", "e.py": b""}


def block(path: str, search: str, replace: str) -> str:
    return f"{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def test_search_and_replace() -> None:
    answer = (
        "I do it.\n\n**src/a.py**\n```python\n<<<<<<< SEARCH\ndef g():\n    return 1\n=======\n"
        "def g():\n    return 2\n>>>>>>> REPLACE\n```\nand more:\n\n"
        + block("`b.txt`", "two\n", "three\n")
        + block("new/n.py", "", "x = 1\n")
    )
    assert edits(answer, SOURCES) == {
        "src/a.py": A[:-2] + b"2\n",
        "b.txt": b"one\nthree",
        "new/n.py": b"x = 1\n",
    }


def test_blocks_of_one_file_follow_one_another() -> None:
    answer = block("src/a.py", "def f():\n    return 1\n", "def f():\n    return 5\n")
    answer += "<<<<<<< SEARCH\n    return 5\n=======\n    return 6\n>>>>>>> REPLACE\n"
    assert edits(answer, SOURCES) == {"src/a.py": A.replace(b"return 1", b"return 6", 1)}


def test_blanks_at_the_ends_of_lines_and_line_ends_are_the_files() -> None:
    assert edits(block("crlf.c", "int b;\n", "int c;\nint d;\n"), SOURCES) == {
        "crlf.c": b"int a;\r\nint c;\r\nint d;\r\n"
    }
    sources = {"a.py": b"x = 1  \ny = 2\n"}
    assert edits(block("a.py", "x = 1\ny = 2\n", "z\n"), sources) == {"a.py": b"z\n"}


def test_a_replacement_may_be_empty() -> None:
    assert edits(block("src/a.py", "\n\ndef g():\n    return 1\n", ""), SOURCES) == {
        "src/a.py": b"def f():\n    return 1\n"
    }


DIFF = """\
Here it is:
```diff
diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -5,2 +5,3 @@ def g
 def g():
-    return 1
+    x = 2
+    return x
```
- that's all
"""


def test_a_diff_in_markdown() -> None:
    assert edits(DIFF, SOURCES) == {"src/a.py": A[:-9] + b"x = 2\n    return x\n"}


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("@@ -1,2 +1,2 @@", 0),
        ("@@ -6 +6 @@", 1),
        ("@@ -999,7 +999,7 @@", 1),
        ("@@ -2,50 +7,50 @@ class X", 0),
    ],
)
def test_the_numbers_say_which_of_equal_places(head: str, found: int) -> None:
    diff = f"--- a/src/a.py\n+++ b/src/a.py\n{head}\n-    return 1\n+    return 3\n"
    parts = A.split(b"    return 1\n")
    ends = [b"    return 1\n", b"    return 1\n", b""]
    ends[found] = b"    return 3\n"
    assert edits(diff, SOURCES)["src/a.py"] == b"".join(
        part + end for part, end in zip(parts, ends, strict=True)
    )


def test_a_diff_with_stripped_context_keeps_the_files_lines() -> None:
    sources = {"a.py": b"a  \n\t\nb\nc\n"}
    diff = "--- a/a.py\n+++ b/a.py\n@@\n a\n\n-b\n+B\n c\n"
    assert edits(diff, sources) == {"a.py": b"a  \n\t\nB\nc\n"}


def test_files_come_and_go_by_diff() -> None:
    diff = "--- /dev/null\n+++ b/n/new.py\n@@ -0,0 +1,2 @@\n+one\n+two\n"
    diff += "--- a/b.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n"
    assert edits(diff, SOURCES) == {"n/new.py": b"one\ntwo\n", "b.txt": None}


def test_whole_files() -> None:
    answer = "File: `src/a.py`\n\n```python\nx = 1\n```\n\nnew.py:\n~~~\ny\n~~~\n\n```sh\nls\n```\n"
    assert edits(answer, SOURCES) == {"src/a.py": b"x = 1\n", "new.py": b"y\n"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I can't help with that.", "the answer holds no change"),
        ("```python\nx = 1\n```", "the answer holds no change"),
        ("src/a.py\n```\nx", "src/a.py: its block isn't closed"),
        (block("src/a.py", "    return 1\n", "x\n"), "are in it 2 times (lines 2, 6); give more"),
        (block("src/a.py", "nope\n", "x\n"), "'nope' aren't in it as they are given"),
        (block("src/a.py", "", "x\n"), "an empty SEARCH is for new files"),
        (block("c.py", "x\n", "y\n"), "c.py: isn't among the files that were given"),
        ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", "no line with the path"),
        ("b.txt\n<<<<<<< SEARCH\none\n", "b.txt: a SEARCH block isn't closed"),
        ("b.txt\n<<<<<<< SEARCH\none\n<<<<<<< SEARCH\n", "isn't closed"),
        (block("b.txt", "one\n", "one\n"), "the answer changes nothing"),
        ("--- a/b.txt\n+++ b/b.txt\n", "b.txt: its diff has no hunk"),
        ("--- a/b.txt\n+++ b/c.txt\n@@\n-one\n+x\n", "c.txt: is renamed from 'b.txt'"),
        ("--- a/x.py\n+++ b/x.py\n@@\n-one\n+x\n", "x.py: isn't among the files"),
        ("--- a/x.py\n+++ /dev/null\n@@\n-one\n", "x.py: is removed, and isn't among"),
        ("--- /dev/null\n+++ b/b.txt\n@@\n+x\n", "b.txt: is a new file in the diff, and is there"),
        ("--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-none\n+x\n", "'none' aren't in it"),
        ("--- a/b.txt\n+++ b/b.txt\n@@\n+x\n", "a hunk without context has no line number"),
        ("rename from a\n--- a/b.txt\n+++ b/b.txt\n", "only changes of text files"),
        *(
            (
                f"--- /dev/null\n+++ b/{path}\n@@\n+x\n",
                "isn't the path of a file below the workspace",
            )
            for path in (
                "../x",
                "/etc/x",
                ".git/config",
                "a/.GIT/x",
                "a//b",
                "./x",
                'a"b',
                "x" * 301,
            )
        ),
        ("x" * 400_001, "the answer has over 400000 characters"),
        (block("b.txt", "one\n", "x\n") * 501, "the answer has over 500 changes"),
    ],
)
def test_what_is_no_change_says_why(answer: str, why: str) -> None:
    with pytest.raises(Unusable) as raised:
        edits(answer, SOURCES)
    assert why in str(raised.value)


@given(st.text(max_size=300))
def test_any_text_is_a_change_or_says_why(text: str) -> None:
    try:
        edits(text, SOURCES)
    except Unusable as error:
        assert str(error)


pieces = st.sampled_from(
    [
        "src/a.py", "b.txt", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "--- a/b.txt", "+++ b/b.txt",
        "@@ -1 +1 @@", "@@", "-one", "+x", " two", "```", "", "--- /dev/null", "+++ /dev/null", "one",
    ]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(pieces, max_size=14))
def test_any_order_of_marks_is_a_change_or_says_why(lines: list[str]) -> None:
    try:
        found = edits("\n".join(lines), SOURCES)
    except Unusable as error:
        assert str(error)
    else:
        assert set(found) <= {"src/a.py", "b.txt"}


line = st.sampled_from(["a", "b", "  c", "", "d d", "é"])
texts = st.lists(line, min_size=1, max_size=12).map(lambda lines: "".join(f"{x}\n" for x in lines))


def test_lines_after_a_last_line_without_an_end() -> None:
    for diff in ("@@ -2 +2,2 @@\n two\n+three\n", "@@ -2,0 +3 @@\n+three\n"):
        answer = f"--- a/b.txt\n+++ b/b.txt\n{diff}"
        assert edits(answer, SOURCES) == {"b.txt": b"one\ntwo\nthree"}
    answer = block("b.txt", "two\n", "two\nthree\n")
    assert edits(answer, SOURCES) == {"b.txt": b"one\ntwo\nthree"}


@settings(max_examples=150)
@given(texts, texts)
def test_what_difflib_writes_is_read(before: str, after: str) -> None:
    written = "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), "a/f.x", "b/f.x"
        )
    )
    if before != after:
        assert edits(written, {"f.x": before.encode()}) == {"f.x": after.encode()}


def applied(folder: Path, old: dict[str, bytes], new: dict[str, bytes | None]) -> dict[str, bytes]:
    """What git makes of ``old`` with the patch to ``new``."""
    folder.mkdir()
    for path, body in old.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    made = patch(new, old)
    # As the script of actions does it.
    command = ["git", "apply", "--3way", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, cwd=folder, input=made, capture_output=True, check=False)
    assert done.returncode == 0, (made, done.stderr)
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_patch_is_what_git_applies(tmp_path: Path) -> None:
    old = {
        "a.py": A,
        "no end": b"one\ntwo",
        "crlf.c": b"a\r\nb\r\n",
        "gone.txt": b"x\n",
        "emptied": b"1\n",
        "empty.txt": b"",
        "dir/deep.é": b"1\n" * 50,
    }
    new: dict[str, bytes | None] = {
        "a.py": A + b"# end",
        "no end": b"zero\none\ntwo",
        "crlf.c": b"a\r\nc\r\n",
        "gone.txt": None,
        "emptied": b"",
        "empty.txt": b"now\n",
        "dir/deep.é": b"1\n" * 20 + b"2\n" + b"1\n" * 20,
        "n/e/w.py": b"print()\n",
        "no lines": b"",
    }
    expected = {path: body for path, body in {**old, **new}.items() if body is not None}
    assert applied(tmp_path / "w", old, new) == expected


@settings(max_examples=15)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_any_patch_is_what_git_applies(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    old = {f"f{n}": before.encode() for n, (before, _) in enumerate(pairs)}
    new: dict[str, bytes | None] = {
        f"f{n}": after.encode() for n, (before, after) in enumerate(pairs) if after != before
    }
    if new:
        folder = tmp_path_factory.mktemp("patch") / "w"
        assert applied(folder, old, new) == {**old, **new}
