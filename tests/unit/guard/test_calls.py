"""Targets of requests: read in one way, or not at all."""

from __future__ import annotations

import pytest

from runner.guard.calls import read_call
from runner.wire import Malformed


@pytest.mark.parametrize(
    ("method", "target", "shape", "name"),
    [
        ("GET", "/_ping", "GET /_ping", ""),
        ("GET", "/v1.41/info", "GET /info", ""),
        ("POST", "/v1.41/containers/create?name=x", "POST /containers/create", ""),
        ("GET", "/v1.41/containers/json", "GET /containers/json", ""),
        ("POST", "/v1.41/containers/oppie-a.1/start", "POST /containers/{container}/start", "oppie-a.1"),
        ("DELETE", "/v1.41/containers/abc?force=1", "DELETE /containers/{container}", "abc"),
        ("GET", "/v1.41/images/json", "GET /images/json", ""),
        ("GET", "/v1.41/images/oppie/agent:latest/json", "GET /images/{image}/json", "oppie/agent:latest"),
        ("GET", "/v1.41/images/sha256:ab/get", "GET /images/{image}/get", "sha256:ab"),
        ("DELETE", "/v1.44/images/oppie/r:A.1", "DELETE /images/{image}", "oppie/r:A.1"),
        ("GET", "/v1.41/distribution/debian:12/json", "GET /distribution/{image}/json", "debian:12"),
        ("POST", "/v1.41/containers/prune", "POST /containers/{container}", "prune"),
        ("POST", "/v1.41/containers/a/attach/ws", "POST /containers/a/attach/ws", ""),
        ("POST", "/v1.41/swarm/init", "POST /swarm/init", ""),
    ],
)  # fmt: skip
def test_a_target_has_one_shape(method: str, target: str, shape: str, name: str) -> None:
    call = read_call(method, target)
    assert (call.shape, call.name) == (shape, name)


@pytest.mark.parametrize(
    "target",
    [
        "/v1.41/containers/oppie-a/../other/start",
        "/v1.41/containers/./create",
        "/v1.41//containers/create",
        "/v1.41/containers/create/",
        "/v1.41/containers/%6fppie-a/start",
        "/v1.41/containers/oppie-a%2fstart",
        "/v1.41/containers/oppie-a/start#x",
        "/v1.41/containers/oppie-a;x/start",
        "/v1.41/containers/oppie-a\\start",
        "/v1.12/containers/oppie-a/start",
        "/v1.39/containers/json",
        "/v1.41/containers/json?all=1&all=0",
        "/v1.41/containers/json?all=1&",
        "/v1.41/containers/json?all",
        "/v1.41/containers/json?filters=%ff",
        "/v1.41/images/create?changes=USER+0%0aENV+a%3Db",
        "/",
    ],
)
def test_a_target_that_could_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(Malformed):
        read_call("POST", target)


def test_a_prefix_that_is_no_version_is_part_of_the_path() -> None:
    assert read_call("GET", "/v2.0/info").shape == "GET /v2.0/info"
    assert read_call("GET", "/v1.41").shape == "GET /v1.41"
    assert read_call("GET", "/v4.0.0/libpod/info").shape == "GET /v4.0.0/libpod/info"


def test_a_call_is_written_anew_with_what_is_to_be_changed() -> None:
    call = read_call("GET", "/v1.41/containers/oppie-a/archive?path=%2Fa%20b%26c")
    assert call.one("path") == "/a b&c"
    assert call.target("f" * 64) == f"/v1.41/containers/{'f' * 64}/archive?path=%2Fa+b%26c"
    call = read_call("POST", "/v1.41/images/create?repo=r&changes=USER+1&changes=CMD+x")
    assert call.query["changes"] == ("USER 1", "CMD x")
    assert call.target(repo="s") == "/v1.41/images/create?repo=s&changes=USER+1&changes=CMD+x"
