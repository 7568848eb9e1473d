"""What a change is likely to touch is looked up in the folder and its history, and nowhere else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.evidence import surroundings
from runner.evidence.history import history

FILES = {
    "src/app/store.py": "x = 1\n" * 10,
    "src/app/index.py": "x = 1\n" * 20,
    "src/app/__init__.py": "",
    "src/web/views.js": "x\n" * 5,
    "tests/test_store.py": "from app import store\n",
    "tests/test_views.py": "import os\n# the store is mentioned\n",
    "tests/test_all.py": "from app.store import x\nimport views\n",
    "web/views.test.js": "import x from '../src/web/views'\n",
    "README.md": "store\n",
    "bench.py": "print()\n" * 50,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def git(folder: Path, *args: str, author: str = "a@example.org") -> None:
    who = ("-c", "user.name=x", "-c", f"user.email={author}")
    subprocess.run(["git", "-C", str(folder), *who, *args], check=True, capture_output=True)


def committed(folder: Path, author: str = "a@example.org") -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x", author=author)


@pytest.mark.parametrize(
    ("request_", "files", "how"),
    [
        ("make src/app/store.py faster", ("src/app/store.py",), "named in the request"),
        ("make store.py and views.js faster", ("src/app/store.py", "src/web/views.js"), "named in"),
        ("profile src.app.index.", ("src/app/index.py",), "named in"),
        (
            "all of src/app, please",
            ("src/app/__init__.py", "src/app/index.py", "src/app/store.py"),
            "named in",
        ),
        ("the Store is slow", ("src/app/store.py",), "with the name of a word"),
        ("tests/test_store.py is slow", ("bench.py",), "that are the largest"),
        ("", ("bench.py",), "that are the largest"),
    ],
)
def test_which_files(folder: Path, request_: str, files: tuple[str, ...], how: str) -> None:
    found = surroundings(folder, [request_])
    assert found.files[: len(files)] == files
    assert found.how.startswith(how)


def test_what_is_closed_is_not_touched(folder: Path) -> None:
    found = surroundings(folder, [""], lambda path: path == "bench.py")
    assert found.files[0] == "src/app/index.py"
    assert not any("test" in path for path in found.files)


def test_size_spread_and_tests(folder: Path) -> None:
    found = surroundings(folder, ["store.py views.js"])
    assert (found.folders, found.lines) == (2, 15)
    assert found.tests == 4  # three import one of them, and test_views.py is called like one
    assert surroundings(folder, ["index.py"]).tests == 0


def test_history(folder: Path) -> None:
    git(folder, "init", "-q")
    committed(folder)
    (folder / "src/app/store.py").write_text("y = 2\n" * 4)
    committed(folder, "B@example.org")
    (folder / "README.md").write_text("z\n")
    committed(folder, "b@example.org")
    found = surroundings(folder, ["store.py"])
    assert (found.commits, found.authors, found.churn_lines) == (2, 2, 24)
    assert surroundings(folder, ["views.js"]).commits == 1
    lately = surroundings(folder, [""])
    assert lately.how == "that changed most of late"
    assert lately.files[:2] == ("bench.py", "src/app/store.py")


def test_a_folder_inside_of_a_work_tree(folder: Path) -> None:
    git(folder, "init", "-q")
    committed(folder)
    found = surroundings(folder / "src", ["app/store.py"])
    assert (found.files, found.commits, found.churn_lines) == (("app/store.py",), 1, 10)


def test_no_history_outside_of_git_or_before_a_commit(folder: Path) -> None:
    assert history(folder).commits == ()
    git(folder, "init", "-q")
    assert history(folder).commits == ()


def test_nothing_of_the_users_configuration_runs(folder: Path) -> None:
    git(folder, "init", "-q")
    committed(folder)
    for key in ("diff.external", "core.fsmonitor", "core.pager", "diff.x.textconv"):
        git(folder, "config", key, f"touch {folder}/ran")
    (folder / ".gitattributes").write_text("*.py diff=x\n")
    assert surroundings(folder, ["store.py"]).commits == 1
    assert not (folder / "ran").exists()


def test_odd_files_are_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "fifo.py")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "odd.py").write_bytes(b"\xff\xfe\n")
    found = surroundings(folder, ["fifo.py link.py odd.py"])
    assert found.files == ("fifo.py", "link.py", "odd.py")
    assert found.lines == 1
