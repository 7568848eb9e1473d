"""What an engine remembers of the time that has passed: its events, and what it lost with them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

import docker
from docker.utils import convert_filters

# Docker keeps as many in memory (daemon/events, `eventsLimit`), and forgets them when it ends.
_REMEMBERED = 256


def events(api: docker.APIClient, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the engine remembers, up to now. Raises what its client raises."""
    params = {"since": "1", "until": f"{time.time():.6f}", "filters": convert_filters(dict(wanted))}
    answer = api._result(api._get(api._url("/events"), params=params))
    return [json.loads(line) for line in cast(str, answer).splitlines() if line]


def was_restarted_since(api: docker.APIClient, container: str) -> bool:
    """Whether the daemon is another one than the one that started a container.

    One that has lived long may have forgotten the start, but only if its memory is full.
    """
    if events(api, {"container": container, "event": "start"}):
        return False
    return len(events(api, {})) < _REMEMBERED


def keeps_containers(api: docker.APIClient) -> bool:
    """Whether containers outlive their daemon here (Docker's live restore)."""
    return bool(api.info().get("LiveRestoreEnabled"))
