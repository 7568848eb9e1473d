"""What each call may say, and what the engine is told then.

Whether a call is made at all is the list's matter (``allowed.json``); what is here are values, which
no recording holds. A call that is listed and has no rule is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.guard import archive
from runner.guard.bodies import check_committed, check_container, read_object, written
from runner.guard.calls import Call
from runner.guard.exchange import Order, Refused
from runner.guard.heads import Request
from runner.guard.objects import OWN_REPOSITORY, RUN_ID, Objects
from runner.guard.terms import Terms
from runner.guard.values import FLAG, NUMBER, OFF, ON, TEXT, Check, check, exactly, matching, one_of
from runner.sandbox import spec

# Names below oppie/ that are no run's.
_NO_RUN = re.compile(r"agent|base|planner|task-.*")
_TAG = matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag")
_REPOSITORY = matching(r"oppie/[a-z0-9][a-z0-9._-]*", "one below oppie/")
_CHANGE = matching(r"(?:USER|WORKDIR|CMD|ENV|LABEL) .*", "USER, WORKDIR, CMD, ENV or LABEL")
_CONTAINER_PREFIX = "container:"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision stands on: ``body`` is the request's JSON, ``keys`` its values by their paths."""

    terms: Terms
    objects: Objects
    request: Request
    call: Call
    body: Mapping[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """``query`` are the checks of the query's values; ``order`` says the call anew.

    ``order`` raises ``Refused``. ``has_body`` is whether there is a JSON body.
    """

    order: Callable[[Ground], Order]
    query: Mapping[str, Check]
    has_body: bool = False
    upgrades: bool = False

    def check(self, call: Call) -> str:
        """Why the query is refused; empty if it isn't."""
        return next(
            filter(None, (check(self.query, {key: value}) for key, value in _pairs(call))), ""
        )


def _pairs(call: Call) -> Iterator[tuple[str, str]]:
    return ((key, value) for key, values in call.query.items() for value in values)


def _as_it_is(ground: Ground) -> Order:
    return Order(ground.call.target())


# -- containers ------------------------------------------------------------------------------------


def _own_container(ground: Ground) -> Order:
    return Order(ground.call.target(ground.objects.container(ground.call.name)))


def _attach(ground: Ground) -> Order:
    if ground.request.upgrade != "tcp":
        raise Refused("it must ask for `Upgrade: tcp`")
    target = ground.call.target(ground.objects.container(ground.call.name))
    return Order(target, upgrade="tcp")


def _unpack(ground: Ground) -> Order:
    target = ground.call.target(ground.objects.container(ground.call.name))
    return Order(target, stream=_unchanged, headers=_TAR)


def _create(ground: Ground) -> Order:
    check_container(ground.keys, ground.terms)
    run_id = ground.body["Labels"].get(spec.RUN, "")
    if not RUN_ID.fullmatch(run_id):
        raise Refused(f"a container whose label {spec.RUN} is no run's id")
    if not ground.call.one("name").startswith(f"oppie-{run_id}-"):
        raise Refused(f"a container of run {run_id} whose name isn't oppie-{run_id}-...")
    host = {**ground.body["HostConfig"], "NetworkMode": _network(ground)}
    body = {**ground.body, "Image": ground.objects.image(ground.body["Image"]), "HostConfig": host}
    return Order(ground.call.target(), content=written(body), headers=_JSON)


def _network(ground: Ground) -> str:
    mode = str(ground.keys["HostConfig.NetworkMode"])
    if mode.startswith(_CONTAINER_PREFIX):
        joined = ground.objects.container(mode.removeprefix(_CONTAINER_PREFIX), spec.KIND_PAUSE)
        return _CONTAINER_PREFIX + joined
    if mode != "none" and mode not in ground.terms.networks:
        raise Refused(f"the network {mode[:60]!r} isn't granted (--network)")
    return mode


def _commit(ground: Ground) -> Order:
    check_committed(ground.keys)
    run_id = ground.body.get("Labels", {}).get(spec.RUN, "")
    if not _is_run(ground.call.one("repo"), run_id):
        raise Refused(f"the repo must be oppie/ and the run that the label {spec.RUN} names")
    container = ground.objects.container(ground.call.one("container"))
    target = ground.call.target(container=container)
    return Order(target, content=written(ground.body), headers=_JSON)


# -- lists and events ------------------------------------------------------------------------------


def _own_list(ground: Ground) -> Order:
    filters = _filters(ground.call)
    ours = (name == spec.RUN or name.startswith(f"{spec.RUN}=") for name in filters.get("label", ()))
    if not any(ours):
        raise Refused(f"the filters must ask for the label {spec.RUN}")
    return Order(ground.call.target(filters=json.dumps(filters)))


def _own_events(ground: Ground) -> Order:
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


# -- images ----------------------------------------------------------------------------------------


def _own_image(ground: Ground) -> Order:
    return Order(ground.call.target(ground.objects.image(ground.call.name)))


def _own_snapshot(ground: Ground) -> Order:
    return Order(ground.call.target(ground.objects.snapshot(ground.call.name)))


def _tag(ground: Ground) -> Order:
    if not _is_run(ground.call.one("repo")):
        raise Refused("the repo must be oppie/ and a run's id")
    return _own_snapshot(ground)


def _build(ground: Ground) -> Order:
    _demand_builds(ground.terms)
    return Order(
        ground.call.target(), stream=_unchanged, headers=_TAR + _registry(ground.request)
    )


def _load(ground: Ground) -> Order:
    _demand_builds(ground.terms)
    return Order(ground.call.target(), stream=archive.only_own_images, headers=_TAR)


def _import_or_pull(ground: Ground) -> Order:
    call = ground.call
    if "fromImage" in call.query:
        if call.query.keys() != {"fromImage", "tag"}:
            raise Refused("a pull is of `fromImage` and `tag`, and nothing else")
        _demand_builds(ground.terms)
        _demand_granted(f"{call.one('fromImage')}:{call.one('tag')}", ground.terms)
        return Order(call.target(), headers=_registry(ground.request))
    if "fromSrc" not in call.query:
        raise Refused("it is neither a pull nor an import")
    if call.one("repo") and not _is_run(call.one("repo")):
        _demand_builds(ground.terms)
    return Order(call.target(), stream=_unchanged, headers=_TAR)


def _ask_registry(ground: Ground) -> Order:
    _demand_builds(ground.terms)
    _demand_granted(ground.call.name, ground.terms)
    return Order(ground.call.target(), headers=_registry(ground.request))


def _demand_builds(terms: Terms) -> None:
    if not terms.builds:
        raise Refused("images aren't made through this guard (--no-builds)")


def _demand_granted(name: str, terms: Terms) -> None:
    if name not in terms.images:
        raise Refused(f"image {name} isn't granted (--image)")


def _is_run(repository: str, run_id: str = "") -> bool:
    name = repository.removeprefix("oppie/")
    named = RUN_ID.fullmatch(name) and not _NO_RUN.fullmatch(name)
    return bool(named) and repository == f"oppie/{run_id or name}"


def _registry(request: Request) -> tuple[tuple[str, str], ...]:
    names = ("x-registry-auth", "x-registry-config")
    return tuple((name, request.headers[name]) for name in names if name in request.headers)


def _unchanged(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return pieces


_TAR = (("content-type", "application/x-tar"),)
_JSON = (("content-type", "application/json"),)
_ATTACHED = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), FLAG) | {"logs": OFF}
_REMOVED = {"v": FLAG, "link": OFF, "force": FLAG}
_IMPORTED = {
    "fromSrc": exactly("-"),
    "repo": _REPOSITORY,
    "tag": _TAG,
    "changes": _CHANGE,
    "fromImage": TEXT,
}
_BUILT = {
    "t": matching(OWN_REPOSITORY.pattern, "a name below oppie/"),
    "dockerfile": TEXT,
    "target": TEXT,
    "buildargs": TEXT,
    "labels": TEXT,
    "networkmode": one_of("none", "default"),
    "pull": OFF,
    **dict.fromkeys(("q", "nocache", "rm", "forcerm"), FLAG),
}
_LISTED = dict.fromkeys(("all", "size", "trunc_cmd", "only_ids"), FLAG) | {
    "limit": NUMBER,
    "filters": TEXT,
}

RULES: dict[str, Rule] = {
    "GET /_ping": Rule(_as_it_is, {}),
    "GET /version": Rule(_as_it_is, {}),
    "GET /info": Rule(_as_it_is, {}),
    "GET /events": Rule(_own_events, {"since": NUMBER, "until": NUMBER, "filters": TEXT}),
    "GET /containers/json": Rule(_own_list, _LISTED),
    "POST /containers/create": Rule(_create, {"name": TEXT}, has_body=True),
    "GET /containers/{container}/changes": Rule(_own_container, {}),
    "GET /containers/{container}/json": Rule(_own_container, {"size": FLAG}),
    "GET /containers/{container}/logs": Rule(
        _own_container,
        dict.fromkeys(("stdout", "stderr", "follow", "timestamps"), FLAG) | {"tail": TEXT},
    ),
    "GET /containers/{container}/export": Rule(_own_container, {}),
    "GET /containers/{container}/archive": Rule(_own_container, {"path": TEXT}),
    "PUT /containers/{container}/archive": Rule(_unpack, {"path": TEXT}),
    "POST /containers/{container}/attach": Rule(_attach, _ATTACHED, upgrades=True),
    "POST /containers/{container}/start": Rule(_own_container, {}),
    "POST /containers/{container}/wait": Rule(_own_container, {}),
    "POST /containers/{container}/kill": Rule(_own_container, {"signal": exactly("SIGKILL")}),
    "POST /containers/{container}/resize": Rule(_own_container, {"h": NUMBER, "w": NUMBER}),
    "DELETE /containers/{container}": Rule(_own_container, _REMOVED),
    "POST /commit": Rule(
        _commit,
        {"container": TEXT, "repo": _REPOSITORY, "tag": _TAG, "pause": FLAG},
        has_body=True,
    ),
    "GET /images/json": Rule(_own_list, _LISTED),
    "GET /images/{image}/json": Rule(_own_image, {}),
    "GET /images/{image}/get": Rule(_own_image, {}),
    "POST /images/{image}/tag": Rule(_tag, {"repo": _REPOSITORY, "tag": _TAG, "force": FLAG}),
    "DELETE /images/{image}": Rule(_own_snapshot, {"force": OFF, "noprune": ON}),
    "POST /images/create": Rule(_import_or_pull, _IMPORTED),
    "POST /images/load": Rule(_load, {}),
    "POST /build": Rule(_build, _BUILT),
    "GET /distribution/{image}/json": Rule(_ask_registry, {}),
}
