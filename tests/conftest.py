"""Fixtures for everything that needs an engine, or a world like it."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from hypothesis import settings
from worlds import LOCAL_KINDS, Bench, World

from runner.errors import EngineUnavailable
from runner.sandbox import spec
from runner.sandbox.connect import connect
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.local import open_local
from runner.sandbox.protocol import Leftovers, Sandbox

# The same examples each time, on a machine of any speed; `pytest --hypothesis-profile explore` looks
# for new ones.
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

# Others may be using the engine: only what carries a run id with this session's mark is ours.
SESSION = f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """A client of the engine. A missing engine is a failure, never a skip."""
    try:
        client = connect()
    except EngineUnavailable as error:
        pytest.fail(
            f"these tests need a container engine: run `make setup`\n{error}", pytrace=False
        )
    yield client
    client.close()


@pytest.fixture(scope="session")
def agent_image(client: docker.DockerClient) -> str:
    """The image that test containers are made of; ``OPPIE_TEST_IMAGE`` names another one."""
    image = os.environ.get("OPPIE_TEST_IMAGE", "oppie/agent:latest")
    try:
        client.api.inspect_image(image)
    except docker.errors.ImageNotFound:
        pytest.fail(f"the image {image} is not on the engine: run `make setup`", pytrace=False)
    return image


@pytest.fixture
def run_id() -> str:
    """A run id of the test's own, which ``nothing_left_behind`` knows."""
    return f"{SESSION}-{secrets.token_hex(3)}"


def _ours(client: docker.DockerClient) -> set[str]:
    """The names of everything on the engine that this test session made."""
    wanted = {"label": [spec.RUN]}
    found = set()
    for container in client.api.containers(all=True, filters=wanted):
        if container["Labels"][spec.RUN].startswith(SESSION):
            found |= {f"container {name}" for name in container["Names"]}
    for image in client.api.images(all=True, filters=wanted):
        if image["Labels"][spec.RUN].startswith(SESSION):
            found.add(f"image {image['RepoTags'] or image['Id']}")
    for network in client.api.networks(filters=wanted):
        if network["Labels"][spec.RUN].startswith(SESSION):
            found.add(f"network {network['Name']}")
    return found


@pytest.fixture
def nothing_left_behind(client: docker.DockerClient) -> Iterator[None]:
    """Fail if the test leaves a container, image or network with our labels on the engine."""
    before = _ours(client)
    yield
    assert _ours(client) - before == set()


@pytest.fixture(
    scope="session",
    params=["fake", *LOCAL_KINDS, pytest.param("engine", marks=pytest.mark.engine)],
)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Each of the worlds in turn."""
    folder = tmp_path_factory.mktemp("world")
    run_id = f"{SESSION}-{request.param}"
    if request.param == "fake":
        return World("fake", folder, FakeSandbox(folder / "fake", run_id).base(), run_id)
    if request.param in LOCAL_KINDS:
        base = open_local(request.param, folder / "local", run_id).base()
        return World(request.param, folder, base, run_id)
    return World("engine", folder, request.getfixturevalue("agent_image"), run_id)


@pytest.fixture(scope="session")
def engine_world(agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The engine's world alone."""
    return World("engine", tmp_path_factory.mktemp("engine"), agent_image, f"{SESSION}-alone")


def _shared(world: World) -> Iterator[Sandbox]:
    sandbox = world.open()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def shared_sandbox(world: World) -> Iterator[Sandbox]:
    yield from _shared(world)


@pytest.fixture(scope="session")
def shared_engine_sandbox(engine_world: World) -> Iterator[Sandbox]:
    yield from _shared(engine_world)


def _bench(
    world: World, sandbox: Sandbox, request: pytest.FixtureRequest, folder: Path
) -> Iterator[Bench]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    bench = Bench(world, sandbox, folder, name[:60])
    yield bench
    assert bench.clean() == Leftovers()


@pytest.fixture
def bench(
    world: World, shared_sandbox: Sandbox, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Bench]:
    """A place to work at in each world; fails if the test leaves a container or image there."""
    yield from _bench(world, shared_sandbox, request, tmp_path)


@pytest.fixture
def engine_bench(
    engine_world: World,
    shared_engine_sandbox: Sandbox,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[Bench]:
    """The same on the engine alone."""
    yield from _bench(engine_world, shared_engine_sandbox, request, tmp_path)
