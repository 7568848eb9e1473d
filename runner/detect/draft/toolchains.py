"""Toolchains that are newer than Debian's, where a project asks for one: out of their makers' images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from runner.detect.model import Found
from runner.detect.tree import Tree, at

_NUMBERS = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?")
_NEWEST_LOCK_VERSION = re.compile(r"^version = 4$", re.MULTILINE)

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """``asked`` reads the version that a project's folder (with its ``/``) asks for. If that is above
    ``debian``, ``lines`` of a Dockerfile take the place of ``packages``, ``{}`` being the version."""

    ecosystem: str
    debian: Version
    packages: frozenset[str]
    asked: Callable[[Tree, str], Version | None]
    shown: Callable[[Version], str]
    lines: tuple[str, ...]
    instead: tuple[str, ...] = ()


def newer(tree: Tree, tests: Iterable[Found]) -> Iterator[tuple[Toolchain, str]]:
    """The toolchains that Debian's packages are too old for, each with the version to take."""
    wanted: dict[str, Version] = {}
    for test in tests:
        toolchain = _BY_ECOSYSTEM.get(test.ecosystem)
        prefix = f"{test.folder}/" if test.folder else ""
        version = toolchain.asked(tree, prefix) if toolchain else None
        if toolchain and version and version > toolchain.debian:
            wanted[test.ecosystem] = max(version, wanted.get(test.ecosystem, version))
    for ecosystem, version in wanted.items():
        yield _BY_ECOSYSTEM[ecosystem], _BY_ECOSYSTEM[ecosystem].shown(version)


def _node(tree: Tree, prefix: str) -> Version | None:
    engines = at(tree.json(f"{prefix}package.json"), "engines", "node")
    for text in (tree.text(f"{prefix}.nvmrc"), tree.text(f"{prefix}.node-version"), engines):
        if isinstance(text, str) and (version := _first(text)):
            return (version[0], 0)
    return None


def _go(tree: Tree, prefix: str) -> Version | None:
    line = re.search(r"^go (\S{1,20})", tree.text(f"{prefix}go.mod"), re.MULTILINE)
    return _first(line[1]) if line else None


def _rust(tree: Tree, prefix: str) -> Version | None:
    manifest = tree.toml(f"{prefix}Cargo.toml")
    asked = (
        at(tree.toml(f"{prefix}rust-toolchain.toml"), "toolchain", "channel"),
        at(manifest, "package", "rust-version"),
        at(manifest, "workspace", "package", "rust-version"),
    )
    for text in asked:
        if isinstance(text, str) and (version := _first(text)):
            return version
    locked = _NEWEST_LOCK_VERSION.search(tree.text(f"{prefix}Cargo.lock"))
    return _READS_LOCK_4 if locked or at(manifest, "package", "edition") == "2024" else None


def _first(text: str) -> Version | None:
    match = _NUMBERS.search(text)
    return (int(match[1]), int(match[2] or 0)) if match else None


_READS_LOCK_4 = (
    1,
    85,
)  # the first Rust with the edition of 2024, and with this lock file since 1.78
_TOOLCHAINS = (
    Toolchain(
        "javascript",
        (18, 0),
        frozenset({"nodejs", "npm"}),
        _node,
        lambda version: str(version[0]),
        (
            "COPY --from=node:{}-bookworm-slim /usr/local/bin/ /usr/local/bin/",
            "COPY --from=node:{}-bookworm-slim /usr/local/lib/node_modules/ /usr/local/lib/node_modules/",
        ),
    ),
    Toolchain(
        "go",
        (1, 19),
        frozenset({"golang-go"}),
        _go,
        lambda version: f"{version[0]}.{version[1]}",
        (
            "COPY --from=golang:{}-bookworm /usr/local/go/ /usr/local/go/",
            "ENV PATH=/usr/local/go/bin:$PATH",
        ),
    ),
    Toolchain(
        "rust",
        (1, 63),
        frozenset({"cargo"}),
        _rust,
        lambda version: f"{version[0]}.{version[1]}",
        (
            "COPY --from=rust:{}-slim-bookworm /usr/local/rustup/ /usr/local/rustup/",
            "COPY --from=rust:{}-slim-bookworm /usr/local/cargo/bin/ /usr/local/cargo/bin/",
            "ENV RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH",
        ),
        instead=("gcc", "libc6-dev"),
    ),
)
_BY_ECOSYSTEM = {toolchain.ecosystem: toolchain for toolchain in _TOOLCHAINS}
