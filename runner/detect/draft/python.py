"""What a Python project depends on, and how an image build installs it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from shlex import quote

from runner.detect.draft.steps import Install, copy
from runner.detect.globs import Globs
from runner.detect.tree import Tree, at, texts

_VENV = "/opt/venv"
_PIP = f"{_VENV}/bin/pip install --no-cache-dir --quiet"
_REQUIREMENTS = Globs(
    "requirements*.txt", "*requirements.txt", "requirements/*.txt", "requirements/*/*.txt"
)
_EXTRAS = ("test", "tests", "testing", "dev")
_READS_METADATA = re.compile(r"\bimportlib[._]metadata\b|\bpkg_resources\b")
_FOR_OTHERS = re.compile(r"doc|lint|format|release|build|typing|mypy")
_LOCAL = re.compile(r"^(?:-e|--editable)\b|^\.", re.MULTILINE)


def python_install(tree: Tree, folders: Sequence[str], tools: Sequence[str]) -> Install | None:
    """A virtual environment on top of the image's own packages, first on the PATH."""
    lines: list[str] = []
    packages = list(tools)
    for folder in folders:
        copied, named = _python_dependencies(tree, folder)
        lines += copied
        packages += named
    if packages:
        lines.append(f"RUN {_PIP} {' '.join(map(quote, dict.fromkeys(packages)))}")
    for folder in folders:
        lines += _metadata(tree, folder)
    if not lines:
        return None
    begin = f"RUN python3 -m venv --system-site-packages {_VENV}"
    return Install(as_root=(begin, *lines, f"ENV PATH={_VENV}/bin:$PATH"))


def _python_dependencies(tree: Tree, folder: str) -> tuple[list[str], list[str]]:
    """Lines that install from lock or requirements files, or else the names in pyproject.toml."""
    prefix = f"{folder}/" if folder else ""
    for lock, export in (
        ("uv.lock", "uv export --frozen --all-extras --all-groups --no-emit-project --no-hashes"),
        ("poetry.lock", "poetry export --all-extras --all-groups --without-hashes"),
        ("pdm.lock", "pdm export --without-hashes"),
        ("Pipfile.lock", "pipenv requirements --dev"),
    ):
        if prefix + lock in tree:
            return _exported(tree, prefix, lock, export), []
    names = (path for path in tree.below(folder) if _REQUIREMENTS.match(path[len(prefix) :]))
    files = [path for path in names if not _FOR_OTHERS.search(path[len(prefix) :])]
    if files:
        return [line for path in files[:10] for line in _required(tree, path)], []
    project = at(tree.toml(f"{prefix}pyproject.toml"), "project")
    wanted = [*texts(at(project, "dependencies"))]
    for extra in _EXTRAS:
        wanted += texts(at(project, "optional-dependencies", extra))
        wanted += texts(at(tree.toml(f"{prefix}pyproject.toml"), "dependency-groups", extra))
    return [], wanted


def _metadata(tree: Tree, folder: str) -> list[str]:
    """Lines that install the project itself, for one that asks for its own version, or the like: it is
    the sources that are imported, since they come first on the path."""
    prefix = f"{folder}/" if folder else ""
    if not any(prefix + name in tree for name in ("pyproject.toml", "setup.py")):
        return []
    sources = (path for path in tree.below(folder) if path.endswith(".py"))
    if not any(_READS_METADATA.search(tree.text(path)) for path in sources):
        return []
    place = quote(f"/tmp/sources/{folder}".rstrip("/"))
    versions = "SETUPTOOLS_SCM_PRETEND_VERSION=0 PDM_BUILD_SCM_VERSION=0"  # there is no git here
    return [
        "COPY . /tmp/sources/",
        # A build's context has no times, and the archives that wheels are can't be of 1970.
        "RUN find /tmp/sources -type f -exec touch '{}' + \\",
        f"    && {versions} {_PIP} --no-deps {place} && rm -rf /tmp/sources",
    ]


def _exported(tree: Tree, prefix: str, lock: str, export: str) -> list[str]:
    """A tool's lock file as requirements, by the tool itself."""
    tool = export.partition(" ")[0]
    manifest = "Pipfile" if tool == "pipenv" else "pyproject.toml"
    extra = " poetry-plugin-export" if tool == "poetry" else ""
    names = [name for name in (manifest, lock) if prefix + name in tree]
    return [
        copy([prefix + name for name in names], "/tmp/locked/"),
        f"RUN python3 -m venv /tmp/tool && /tmp/tool/bin/pip install --quiet {tool}{extra} \\",
        f"    && cd /tmp/locked && /tmp/tool/bin/{export} > /tmp/requirements.txt \\",
        f"    && {_PIP} --requirement /tmp/requirements.txt \\",
        "    && rm -rf /tmp/tool /tmp/locked /tmp/requirements.txt",
    ]


def _required(tree: Tree, path: str) -> list[str]:
    """A requirements file, without the project itself: that is what changes."""
    target = f"/tmp/{path.replace('/', '-')}"
    local = " && sed -i -E '/^(-e|--editable|\\.)/d' " + quote(target)
    drop = local if _LOCAL.search(tree.text(path)) else ""
    return [
        copy([path], target),
        f"RUN true{drop} && {_PIP} --requirement {quote(target)}" if drop else
        f"RUN {_PIP} --requirement {quote(target)}",
    ]  # fmt: skip
