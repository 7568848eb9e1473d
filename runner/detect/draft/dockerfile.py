"""The image of a task whose tools the agent image doesn't have.

Sandboxes have no network: what the project depends on is installed when the image is built, from the
project's own lock files where there are any. The result is the agent image with packages on top, or
an image of a toolchain that Debian doesn't carry, made to be used like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.detect.draft.installs import installs
from runner.detect.draft.steps import Install
from runner.detect.draft.toolchains import newer
from runner.detect.model import Detection, Found, FoundBenchmark
from runner.detect.tree import Tree

DOCKERFILE = "oppie.Dockerfile"
AGENT = "oppie/agent:latest"
# Packages that the agent image has, and names that are no packages of its distribution.
_THERE = frozenset({"python3-pytest"})
_FOREIGN = {
    "dotnet-sdk": "mcr.microsoft.com/dotnet/sdk:8.0",
    "swiftlang": "swift:6.0-bookworm",
}
_PIP_INSTEAD = {"python3-pytest-benchmark": "pytest-benchmark", "tox": "tox", "nox": "nox"}


def dockerfile(tree: Tree, detection: Detection, benchmark: FoundBenchmark | None) -> str:
    """The text of the Dockerfile; "" if the agent image has all that is needed."""
    needs = list(dict.fromkeys(_needs(detection.tests, benchmark)))
    packages = [need for need in needs if need not in _FOREIGN and need not in _PIP_INSTEAD]
    tools = [_PIP_INSTEAD[need] for need in needs if need in _PIP_INSTEAD]
    steps = tuple(installs(tree, detection.tests, tools))
    packages += [p for step in steps for p in step.packages if p not in packages]
    copied: list[str] = []
    for toolchain, version in newer(tree, detection.tests):
        packages = [each for each in packages if each not in toolchain.packages]
        packages += toolchain.instead
        copied += [line.replace("{}", version) for line in toolchain.lines]
    base = next((_FOREIGN[need] for need in needs if need in _FOREIGN), AGENT)
    if not packages and not steps and base == AGENT:
        return ""
    return "\n".join(_lines(base, packages, copied, steps)) + "\n"


def _needs(tests: Iterable[Found], benchmark: FoundBenchmark | None) -> Iterator[str]:
    for test in tests:
        yield from (need for need in test.needs if need not in _THERE)
    yield from benchmark.needs if benchmark else ()


def _lines(
    base: str, packages: Sequence[str], copied: Sequence[str], steps: Sequence[Install]
) -> Iterator[str]:
    yield "# The image of the sandboxes, which have no network: all that the project needs is installed"
    yield "# here. Written by `oppie init` as a beginning: change it as you like."
    if base == AGENT:
        yield "# The agent image is made by `oppie images build`."
        yield f"FROM {AGENT}"
        yield "USER root"
    else:
        yield f"FROM {base}"
        yield "USER root"
        yield from _like_the_agent()
    if packages:
        yield from _apt(packages)
    yield from copied
    yield from (line for step in steps for line in step.as_root)
    yield "USER 1000:1000"
    yield "WORKDIR /workspace"
    yield from (line for step in steps for line in step.as_user)


def _apt(packages: Sequence[str]) -> Iterator[str]:
    """Packages of the distribution. Java's link manual pages into a folder that slim images lack."""
    yield "RUN apt-get -q update \\"
    if any("jdk" in package for package in packages):
        yield "    && mkdir -p /usr/share/man/man1 \\"
    yield "    && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends \\"
    yield f"        {' '.join(sorted(packages))} \\"
    yield "    && rm -rf /var/lib/apt/lists/*"


def _like_the_agent() -> Iterator[str]:
    """The user and the folder that sandboxes expect; patches need git."""
    yield "RUN apt-get -q update && apt-get -q install --yes --no-install-recommends git \\"
    yield "    && rm -rf /var/lib/apt/lists/* \\"
    yield '    && if taken=$(getent passwd 1000); then userdel --remove "${taken%%:*}"; fi \\'
    yield "    && groupadd --force --gid 1000 oppie \\"
    yield "    && useradd --uid 1000 --gid 1000 --create-home oppie \\"
    yield "    && install -d -o 1000 -g 1000 /workspace"
    yield "ENV LANG=C.UTF-8"
