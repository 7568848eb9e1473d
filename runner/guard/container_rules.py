"""Calls on containers: made as oppie makes them, and oppie's own. Each raises ``Refused``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.guard.bodies import check_committed, check_container, read_object, written
from runner.guard.calls import Call
from runner.guard.image_rules import is_run
from runner.guard.objects import RUN_ID
from runner.guard.order import Order, Refused
from runner.guard.rule import JSON, TAR, Ground, unchanged
from runner.sandbox import spec

_AGENT_IMAGES = {"reference": ["oppie/agent-*"]}
_JOINED = "container:"


def own_container(ground: Ground) -> Order:
    """A call on a container of ours, by its id."""
    return Order(ground.call.target(ground.objects.container(ground.call.name)))


def attach(ground: Ground) -> Order:
    """Its streams, over the connection itself."""
    if ground.request.upgrade != "tcp":
        raise Refused("it must ask for `Upgrade: tcp`")
    target = ground.call.target(ground.objects.container(ground.call.name))
    return Order(target, upgrade="tcp")


def unpack(ground: Ground) -> Order:
    """Files into it."""
    target = ground.call.target(ground.objects.container(ground.call.name))
    return Order(target, stream=unchanged, headers=TAR)


def create(ground: Ground) -> Order:
    """A container as oppie makes them, of an image that may be used."""
    check_container(ground.keys, ground.terms)
    run_id = ground.body["Labels"].get(spec.RUN, "")
    if not RUN_ID.fullmatch(run_id):
        raise Refused(f"a container whose label {spec.RUN} is no run's id")
    if not ground.call.one("name").startswith(f"oppie-{run_id}-"):
        raise Refused(f"a container of run {run_id} whose name isn't oppie-{run_id}-...")
    host = {**ground.body["HostConfig"], "NetworkMode": _network(ground)}
    body = {**ground.body, "Image": ground.objects.image(ground.body["Image"]), "HostConfig": host}
    return Order(ground.call.target(), content=written(body), headers=JSON)


def _network(ground: Ground) -> str:
    mode = str(ground.keys["HostConfig.NetworkMode"])
    if mode.startswith(_JOINED):
        joined = ground.objects.container(mode.removeprefix(_JOINED), spec.KIND_PAUSE)
        return _JOINED + joined
    if mode != "none" and mode not in ground.terms.networks:
        raise Refused(f"the network {mode[:60]!r} isn't granted (--network)")
    return mode


def commit(ground: Ground) -> Order:
    """A container of ours as an image of its run."""
    check_committed(ground.keys)
    run_id = ground.body.get("Labels", {}).get(spec.RUN, "")
    if not is_run(ground.call.one("repo"), run_id):
        raise Refused(f"the repo must be oppie/ and the run that the label {spec.RUN} names")
    container = ground.objects.container(ground.call.one("container"))
    target = ground.call.target(container=container)
    return Order(target, content=written(ground.body), headers=JSON)


def own_images(ground: Ground) -> Order:
    """A listing of oppie's agent images, or of what has its label."""
    if read_object(ground.call.one("filters").encode() or b"{}") == _AGENT_IMAGES:
        return Order(ground.call.target(filters=json.dumps(_AGENT_IMAGES)))
    return own_list(ground)


def own_list(ground: Ground) -> Order:
    """A listing that is only of what has oppie's label."""
    filters = _filters(ground.call)
    ours = (name == spec.RUN or name.startswith(f"{spec.RUN}=") for name in filters.get("label", ()))
    if not any(ours):
        raise Refused(f"the filters must ask for the label {spec.RUN}")
    return Order(ground.call.target(filters=json.dumps(filters)))


def own_events(ground: Ground) -> Order:
    """What happened to one container of ours; of all others only how much."""
    filters = _filters(ground.call)
    if not ground.call.one("until"):
        raise Refused("`until` must name an end")
    if not filters:  # how many there are is told, and nothing of what they say
        return Order(ground.call.target(), answer=_only_counted)
    if len(filters.get("container", ())) != 1:
        raise Refused("the filters must name one container, or be empty")
    container = ground.objects.container(filters["container"][0])
    return Order(ground.call.target(filters=json.dumps({**filters, "container": [container]})))


def _only_counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (b"{}\n" * piece.count(b"\n") for piece in pieces)


def _filters(call: Call) -> dict[str, list[str]]:
    found = read_object(call.one("filters").encode() or b"{}")
    for key, values in found.items():
        if key not in ("label", "container", "event") or not isinstance(values, list):
            raise Refused(f"the filter {key[:40]!r}")
        if not all(isinstance(value, str) for value in values):
            raise Refused(f"the filter {key[:40]!r}")
    return found
