"""Task files and Dockerfiles that are drafted."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.detect import Tree, detect_in
from runner.detect.draft import Draft, dockerfile, draft, toml
from runner.detect.draft.task import slug
from runner.measure.protected import check_glob
from runner.task.quantity import name as task_name
from tests.unit.detect.repository import GO_TEST, JS_TEST, PYTEST_FILE, RUST_TEST, write


@given(st.text())
def test_texts_survive_toml(value: str) -> None:
    assert tomllib.loads(f"a = {toml.text(value)}\n")["a"] == value


@given(st.lists(st.text("ab'\"\\ \n", max_size=60), max_size=5))
def test_lists_survive_toml(values: list[str]) -> None:
    assert tomllib.loads(f"a = {toml.texts(values)}\n")["a"] == values


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", '"a b"'),
        ('say "a"', "'say \"a\"'"),
        ("it's", '"it\'s"'),
        ('it\'s "a"', "'''it's \"a\"'''"),
        ("a\nb", '"a\\nb"'),
        ("\x7f", '"\\u007f"'),
    ],
)
def test_texts_are_shown_without_escapes_where_that_is_possible(value: str, shown: str) -> None:
    assert toml.text(value) == shown


@given(st.text())
def test_any_text_becomes_a_name(text: str) -> None:
    assert task_name(slug(text)) == slug(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Repo", "My-Repo"),
        ("Zürich-größe", "Zurich-groe"),
        ("日本", "task"),
        ("..hidden", "hidden"),
        ("a" * 80, "a" * 64),
        ("node:test web/app", "node-test-web-app"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert slug(text) == name


def drafted(folder: Path, files: dict[str, str], **more: object) -> dict[str, object]:
    """The tables of the task file that is drafted for a repository of these files."""
    tree = Tree(write(folder, files))
    found = detect_in(tree)
    parts = Draft("a", tuple(files), found, found.benchmarks[0], **more)  # type: ignore[arg-type]
    return tomllib.loads(draft(parts))


@pytest.mark.parametrize(
    ("files", "protected"),
    [
        ({"a.py": "", "test_a.py": PYTEST_FILE}, ["**/test_*.py"]),
        ({"a.py": "", "tests/test_a.py": PYTEST_FILE, "tests/data": ""}, ["tests/**"]),
        (
            {"tests/test_a.py": PYTEST_FILE, "b/test_b.py": PYTEST_FILE, "pytest.ini": ""},
            ["tests/**", "pytest.ini", "**/test_*.py"],
        ),
        ({"test_a.py": PYTEST_FILE, "bench.py": ""}, ["bench.py", "**/test_*.py"]),
        ({"a [1].bats": "", "a.sh": ""}, ["**/*.bats"]),
        ({"bench/bench.sh": ""}, ["bench/bench.sh"]),
        ({"w [x]/package.json": '{"scripts": {"test": "a|b"}}'}, ["w [[]x]/package.json"]),
        ({"Cargo.toml": "", "src/lib.rs": RUST_TEST}, None),
        ({"my\\dir/package.json": '{"scripts": {"test": "a|b"}}'}, None),
    ],
)
def test_what_judges_is_protected(
    tmp_path: Path, files: dict[str, str], protected: list[str] | None
) -> None:
    found = drafted(tmp_path, files).get("protected")
    assert found == protected
    assert not any(check_glob(glob) for glob in protected or ())


def test_actions_are_commands_with_names(tmp_path: Path) -> None:
    actions = ("black .", "black .", "sed -i 's/\"a\"/b/' x")
    found = drafted(tmp_path, {"test_a.py": PYTEST_FILE}, actions=actions)
    assert found["actions"] == [
        {"name": "black", "command": "black ."},
        {"name": "black-2", "command": "black ."},
        {"name": "sed-i-s-a-b-x", "command": "sed -i 's/\"a\"/b/' x"},
    ]


def test_a_catalogue_is_used_and_kept_out(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"test_a.py": PYTEST_FILE}, catalogue=True)
    assert found["actions"] == [{"catalogue": "oppie-catalogue"}]
    assert found["exclude"] == ["oppie.toml", "oppie-catalogue/**"]


def test_what_is_compiled_is_compiled_once_before(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"my go/go.mod": "module a\n", "my go/a_test.go": GO_TEST})
    assert found["setup"] == ["cd 'my go' && go test -count=1 -run '^$' ./... > /dev/null"]


def image(folder: Path, files: dict[str, str]) -> list[str]:
    """The instructions of the Dockerfile for a repository of these files, in order."""
    tree = Tree(write(folder, files))
    found = detect_in(tree)
    text = dockerfile(tree, found, found.benchmarks[0]).replace("\\\n", "")
    return [" ".join(line.split()) for line in text.splitlines() if not line.startswith("#")]


def test_the_agent_image_is_enough_for_plain_python(tmp_path: Path) -> None:
    assert image(tmp_path, {"test_a.py": PYTEST_FILE, "bench.py": ""}) == []


APT = "RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends"
VENV = "RUN python3 -m venv --system-site-packages /opt/venv"
PIP = "RUN /opt/venv/bin/pip install --no-cache-dir --quiet"
JEST = '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "29"}}'


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (
            {"pyproject.toml": '[project]\ndependencies = ["attrs>=1"]', "test_a.py": PYTEST_FILE},
            [VENV, f"{PIP} 'attrs>=1'", "ENV PATH=/opt/venv/bin:$PATH"],
        ),
        (
            {"requirements.txt": "attrs\n", "test_a.py": PYTEST_FILE},
            [
                VENV,
                'COPY --chown=1000:1000 ["requirements.txt", "/tmp/requirements.txt"]',
                f"{PIP} --requirement /tmp/requirements.txt",
            ],
        ),
        (
            {"requirements-dev.txt": "-e .\nattrs\n", "test_a.py": PYTEST_FILE},
            ["sed -i -E '/^(-e|--editable|\\.)/d' /tmp/requirements-dev.txt"],
        ),
        (
            {
                "pyproject.toml": "[build-system]",
                "src/a/__init__.py": "import importlib.metadata\n",
                "test_a.py": PYTEST_FILE,
            },
            [VENV, "COPY . /tmp/sources/", "--no-deps /tmp/sources && rm -rf", "ENV PATH="],
        ),
        (
            {"poetry.lock": "", "pyproject.toml": "", "test_a.py": PYTEST_FILE},
            [VENV, "/tmp/tool/bin/poetry export", "ENV PATH="],
        ),
        (
            {"package.json": JEST, "package-lock.json": "{}", "a.test.js": JS_TEST},
            [
                f"{APT} nodejs npm",
                'COPY --chown=1000:1000 ["package.json", "package-lock.json", "/workspace/"]',
                "RUN npm ci --no-audit --no-fund --ignore-scripts && npm rebuild",
            ],
        ),
        (
            {"web app/package.json": JEST, "web app/yarn.lock": "", "web app/a.test.js": JS_TEST},
            [
                "RUN npm install --global yarn",
                '["web app/package.json", "web app/yarn.lock", "/workspace/web app/"]',
                "RUN cd 'web app' && yarn install --frozen-lockfile",
            ],
        ),
        (
            {"go.mod": "module a\nrequire b v1\n", "go.sum": "", "a_test.go": GO_TEST},
            [f"{APT} golang-go", '["go.mod", "go.sum", "/workspace/"]', "RUN go mod download"],
        ),
        (
            {"Cargo.toml": "", "Cargo.lock": "", "src/lib.rs": RUST_TEST},
            [f"{APT} cargo", "COPY --chown=1000:1000 . /tmp/sources/", "cargo fetch --locked"],
        ),
        (
            {"Gemfile": "gem 'rspec'\n", "Gemfile.lock": "", "spec/a_spec.rb": ""},
            ["ENV BUNDLE_PATH=/opt/bundle", '["Gemfile", "Gemfile.lock", "/workspace/"]'],
        ),
        (
            {"composer.json": '{"require-dev": {"phpunit/phpunit": "9"}}'},
            ["composer.json", "composer install --no-interaction --no-progress --no-scripts"],
        ),
        (
            {"pom.xml": "<project/>", "src/test/java/A.java": ""},
            ["mkdir -p /usr/share/man/man1", "mvn -B -q -Dmaven.test.failure.ignore=true test"],
        ),
        ({"mix.exs": "", "mix.lock": "", "test/a_test.exs": ""}, ["mix deps.get"]),
        (
            {"A.csproj": "Microsoft.NET.Test.Sdk"},
            ["FROM mcr.microsoft.com/dotnet/sdk:8.0", "useradd --uid 1000", "dotnet restore"],
        ),
        ({"a.bats": ""}, [f"{APT} bats"]),
    ],
)
def test_what_a_project_needs_is_installed_in_the_image(
    tmp_path: Path, files: dict[str, str], lines: list[str]
) -> None:
    found = image(tmp_path, files)
    assert found[0].startswith("FROM ")
    assert found[1] == "USER root"
    rest = iter(found)
    for line in lines:
        assert any(line in each for each in rest), (line, found)
    user = found.index("USER 1000:1000")
    assert found[user + 1] == "WORKDIR /workspace"
    assert "USER root" not in found[user:]


GO = {"a_test.go": GO_TEST}
RUST = {"src/lib.rs": RUST_TEST}
JS = {"a.test.js": JS_TEST}


@pytest.mark.parametrize(
    ("files", "line", "package"),
    [
        (GO | {"go.mod": "module a\n\ngo 1.22.1\n"}, "golang:1.22-bookworm", "golang-go"),
        (JS | {"package.json": JEST, ".nvmrc": "v22.3.0\n"}, "node:22-bookworm-slim", "nodejs"),
        (
            JS | {"package.json": JEST.replace("{", '{"engines": {"node": ">=20.1"}, ', 1)},
            "node:20-bookworm-slim",
            "nodejs",
        ),
        (RUST | {"Cargo.toml": '[package]\nrust-version = "1.74"\n'}, "rust:1.74-slim", " cargo "),
        (RUST | {"Cargo.toml": "", "Cargo.lock": "version = 4\n"}, "rust:1.85-slim", " cargo "),
    ],
)
def test_a_newer_toolchain_comes_from_its_makers(
    tmp_path: Path, files: dict[str, str], line: str, package: str
) -> None:
    found = image(tmp_path, files)
    assert any(each.startswith(f"COPY --from={line}") for each in found)
    assert not any(package in f"{each} " for each in found if "apt-get" in each)


@pytest.mark.parametrize(
    "files",
    [
        GO | {"go.mod": "module a\n\ngo 1.18\n"},
        GO | {"go.mod": "module a\n"},
        JS | {"package.json": JEST, ".nvmrc": "lts/*\n"},
        JS | {"package.json": JEST.replace("{", '{"engines": {"node": ">=14"}, ', 1)},
        RUST | {"Cargo.toml": '[package]\nrust-version = "1.56"\n'},
    ],
)
def test_debian_s_toolchain_is_taken_where_it_will_do(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert not any("--from" in line for line in image(tmp_path, files))
