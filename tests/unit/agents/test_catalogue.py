from __future__ import annotations

import math
from pathlib import Path

import pytest

from runner.agents.catalogue import MAX_BYTES, load_catalogue
from runner.errors import TaskError
from runner.model import ActionKind

DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


def write(folder: Path, **files: str | bytes) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(TaskError) as caught:
        load_catalogue(folder)
    return str(caught.value)


def test_patches_and_scripts_in_the_order_of_their_names(tmp_path: Path) -> None:
    header = "Description: Keep it: short\nPrior: 0.25\nGroup: tile\nTag: cache\n\n"
    write(
        tmp_path,
        b__patch=header + DIFF,
        a__sh="#!/bin/sh\n# Description: Format\n#Open-ended: true\n#\nblack .\n# Prior: 9\n",
        README__md="Description:",
    )
    script, patch = load_catalogue(tmp_path)
    assert (script.key, script.kind, script.description) == ("a", ActionKind.COMMAND, "Format")
    assert script.open_ended
    assert script.prior == 0.0  # what comes after the first command is no header
    assert (patch.key, patch.kind, patch.description) == ("b", ActionKind.PATCH, "Keep it: short")
    assert (patch.group, patch.tag, patch.prior, patch.open_ended) == ("tile", "cache", 0.25, False)
    assert patch.body == (header + DIFF).encode()


def test_a_patch_as_git_writes_it_needs_no_header_of_ours(tmp_path: Path) -> None:
    mail = "From 123 Mon Sep 17\nFrom: A <a@b>\nDate: Mon\nSubject: [PATCH] x\n\nNote: y\n---\n x | 2 +-\n\n"
    write(tmp_path, a__patch=mail + DIFF)
    (action,) = load_catalogue(tmp_path)
    assert action.description == ""
    assert action.body == (mail + DIFF).encode()


def test_lines_of_the_diff_are_no_header(tmp_path: Path) -> None:
    write(tmp_path, a__patch=DIFF + "+Prior: much\n Prior: more\n")
    assert load_catalogue(tmp_path)[0].prior == 0.0


def test_bodies_need_not_be_utf8_and_may_have_carriage_returns(tmp_path: Path) -> None:
    body = b"Description: d\xe9j\xe0\r\nPrior: 1\r\n" + DIFF.encode() + b"+\xff\xfe\r\n"
    write(tmp_path, a__patch=body)
    (action,) = load_catalogue(tmp_path)
    assert action.body == body
    assert action.description == "d\ufffdj\ufffd"
    assert action.prior == 1.0


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ("Prior: much", 1, "Prior: 'much': must be a number from -10 to 10"),
        ("\nPrior: nan", 2, "must be a number"),
        ("Prior: inf", 1, "must be a number"),
        ("Prior: 1_0", 1, "must be a number"),
        ("Prior: ١", 1, "must be a number"),
        ("Prior: 11", 1, "must be a number"),
        ("Prior:", 1, "must be a number"),
        ("Group: a b", 1, "must be 1 to 64 of"),
        ("Tag:", 1, "must be 1 to 64 of"),
        ("Description:", 1, "is empty"),
        ("Open-ended: yes", 1, "must be true or false"),
        ("Tag: a\nTag: b", 2, "is there twice"),
        ("Descripton: x", 1, "did you mean 'Description'?"),
        ("description: x", 1, "did you mean 'Description'?"),
        ("open-ended: true", 1, "did you mean 'Open-ended'?"),
    ],
)
def test_a_bad_header_is_told_with_its_line(
    tmp_path: Path, header: str, line: int, says: str
) -> None:
    write(tmp_path, a__patch=header + "\n" + DIFF)
    message = refused(tmp_path)
    assert message.startswith(f"{tmp_path}/a.patch:{line}: ")
    assert says in message


def test_a_bad_header_of_a_script_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, a__sh="#!/bin/sh\n# Prior: x\ntrue\n")
    assert refused(tmp_path).startswith(f"{tmp_path}/a.sh:2: Prior: 'x': ")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no *.patch and no *.sh"),
        ({"a__patch": "Description: x\n"}, "a.patch: holds no diff"),
        ({"a__patch": " \n"}, "a.patch: is empty"),
        ({"a__sh": ""}, "a.sh: is empty"),
        ({"a__sh": "true\nx\0\n"}, "a.sh:2: holds a NUL byte"),
        (
            {"a__sh": "#!/bin/bash\ntrue\n"},
            "a.sh:1: '#!/bin/bash': catalogue scripts are run by sh",
        ),
        ({"a__sh": "#!/usr/bin/env python3\n"}, "are run by sh"),
        ({"a__sh": "#!/bin/sh -e\ntrue\n"}, "without options; put `set -e` on a line of its own"),
        ({"a__sh": "#!\ntrue\n"}, "are run by sh"),
        ({"a b__sh": "true\n"}, "the name of the action, 'a b', must be"),
        ({"-a__sh": "true\n"}, "must be 1 to 64 of"),
        ({"a__sh": b"#" * (MAX_BYTES + 1)}, "more than an action may have"),
    ],
)
def test_files_that_are_no_actions(tmp_path: Path, files: dict[str, str], says: str) -> None:
    assert says in refused(write(tmp_path, **files))


@pytest.mark.parametrize("first", ["#!/bin/sh", "#! /bin/sh", "#!/usr/bin/env sh", "#!/bin/dash"])
def test_scripts_of_sh_may_say_so(tmp_path: Path, first: str) -> None:
    write(tmp_path, a__sh=f"{first}\ntrue\n")
    assert load_catalogue(tmp_path)[0].key == "a"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "can't be read as a catalogue: No such file" in refused(tmp_path / "no")


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.patch").mkdir()
    assert "a.patch: can't be read: Is a directory" in refused(tmp_path)


@pytest.mark.parametrize("prior", ["-10", "0", "1e-3", "+.5", "10"])
def test_priors(tmp_path: Path, prior: str) -> None:
    write(tmp_path, a__patch=f"Prior: {prior}\n{DIFF}")
    assert math.isclose(load_catalogue(tmp_path)[0].prior, float(prior))
