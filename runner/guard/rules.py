"""What each call may say, and what the engine is told then.

Whether a call is made at all is the list's matter (``allowed.json``); what is here are values, which
no recording holds. A call that is listed and has no rule is refused.
"""

from __future__ import annotations

from runner.guard import container_rules as containers
from runner.guard import image_rules as images
from runner.guard.objects import OWN_REPOSITORY
from runner.guard.rule import Rule, as_it_is
from runner.guard.values import FLAG, NUMBER, OFF, ON, TEXT, exactly, matching, one_of

_TAG = matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag")
_REPOSITORY = matching(r"oppie/[a-z0-9][a-z0-9._-]*", "one below oppie/")
_CHANGE = matching(r"(?:USER|WORKDIR|CMD|ENV|LABEL) .*", "USER, WORKDIR, CMD, ENV or LABEL")
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
    "GET /_ping": Rule(as_it_is, {}),
    "GET /version": Rule(as_it_is, {}),
    "GET /info": Rule(as_it_is, {}),
    "GET /events": Rule(containers.own_events, {"since": NUMBER, "until": NUMBER, "filters": TEXT}),
    "GET /containers/json": Rule(containers.own_list, _LISTED),
    "POST /containers/create": Rule(containers.create, {"name": TEXT}, has_body=True),
    "GET /containers/{container}/changes": Rule(containers.own_container, {}),
    "GET /containers/{container}/json": Rule(containers.own_container, {"size": FLAG}),
    "GET /containers/{container}/logs": Rule(
        containers.own_container,
        dict.fromkeys(("stdout", "stderr", "follow", "timestamps"), FLAG) | {"tail": TEXT},
    ),
    "GET /containers/{container}/export": Rule(containers.own_container, {}),
    "GET /containers/{container}/archive": Rule(containers.own_container, {"path": TEXT}),
    "PUT /containers/{container}/archive": Rule(containers.unpack, {"path": TEXT}),
    "POST /containers/{container}/attach": Rule(containers.attach, _ATTACHED, upgrades=True),
    "POST /containers/{container}/start": Rule(containers.own_container, {}),
    "POST /containers/{container}/wait": Rule(containers.own_container, {}),
    "POST /containers/{container}/kill": Rule(containers.own_container, {"signal": exactly("SIGKILL")}),
    "POST /containers/{container}/resize": Rule(containers.own_container, {"h": NUMBER, "w": NUMBER}),
    "DELETE /containers/{container}": Rule(containers.own_container, _REMOVED),
    "POST /commit": Rule(
        containers.commit,
        {"container": TEXT, "repo": _REPOSITORY, "tag": _TAG, "pause": FLAG},
        has_body=True,
    ),
    "GET /images/json": Rule(containers.own_images, _LISTED),
    "GET /images/{image}/json": Rule(images.own_image, {}),
    "GET /images/{image}/get": Rule(images.own_image, {}),
    "POST /images/{image}/tag": Rule(images.tag, {"repo": _REPOSITORY, "tag": _TAG, "force": FLAG}),
    "DELETE /images/{image}": Rule(images.own_snapshot, {"force": OFF, "noprune": ON}),
    "POST /images/create": Rule(images.import_or_pull, _IMPORTED),
    "POST /images/load": Rule(images.load, {}),
    "POST /build": Rule(images.build, _BUILT),
    "GET /distribution/{image}/json": Rule(images.ask_registry, {}),
}
