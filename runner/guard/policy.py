"""Who decides: the guard, which lets through what is listed and holds, and the recorder, which learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runner.guard.bodies import keys_of, read_object
from runner.guard.calls import Call, read_call
from runner.guard.heads import Request
from runner.guard.listing import Recorder, Seen, seen_in
from runner.guard.objects import Objects
from runner.guard.order import Order, Refused
from runner.guard.rule import Ground, unchanged
from runner.guard.rules import RULES
from runner.guard.terms import Terms
from runner.wire import EMPTY

# What a client asks before it knows which version of the API to speak.
_UNVERSIONED = frozenset(("GET /_ping", "GET /version"))
_JSON = "application/json"


class Guard:
    """Lets through the calls of a list, with values that the rules allow. See ``exchange.Policy``.

    ``engine`` is the socket that is asked whose a container or an image is. A ``recorder`` is told of
    what was let through.
    """

    def __init__(
        self,
        listed: Mapping[str, Seen],
        terms: Terms,
        engine: Path,
        recorder: Recorder | None = None,
    ) -> None:
        self._listed = listed
        self._terms = terms
        self._objects = Objects(engine, terms)
        self._recorder = recorder

    def judge(self, request: Request, content: Callable[[], bytes]) -> Order:
        """See ``exchange.Policy.judge``."""
        call = read_call(request.method, request.target)
        seen, rule = self._listed.get(call.shape), RULES.get(call.shape)
        if seen is None or rule is None:
            raise Refused(f"{call.shape} is none of the calls that oppie makes")
        if not call.version and call.shape not in _UNVERSIONED:
            raise Refused(f"{call.shape} without a version of the API")
        if "upgrade" in request.headers and not rule.upgrades:
            raise Refused(f"{call.shape} changes no protocol")
        if unlisted := sorted(call.query.keys() - seen.query):
            raise Refused(f"{call.shape} with {unlisted[0]!r} is no call that oppie makes")
        if why := rule.check(call):
            raise Refused(f"{call.shape}: {why}")
        body = read_object(content()) if rule.has_body else {}
        keys = keys_of(body)
        if unlisted := sorted(keys.keys() - seen.body):
            raise Refused(f"{call.shape}: {unlisted[0]} is nothing that oppie sets")
        try:
            order = rule.order(Ground(self._terms, self._objects, request, call, body, keys))
        except Refused as error:
            raise Refused(f"{call.shape}: {error}") from error
        if self._recorder:
            self._recorder.note(seen_in(call, keys))
        return order


class Recording:
    """Lets everything through as it is, and notes its shape. It guards nothing."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def judge(self, request: Request, content: Callable[[], bytes]) -> Order:
        """See ``exchange.Policy.judge``."""
        call: Call = read_call(request.method, request.target)
        kind = request.headers.get("content-type", "")
        headers = (("content-type", kind),) if kind else ()
        if kind.startswith(_JSON) and request.framing != EMPTY:
            text = content()
            self._recorder.note(seen_in(call, keys_of(read_object(text))))
            return Order(request.target, content=text, headers=headers)
        self._recorder.note(seen_in(call))
        stream = None if request.framing == EMPTY else unchanged
        return Order(request.target, stream=stream, headers=headers, upgrade=request.upgrade)
