"""Calls on images: oppie's own, and those that were granted. Each raises ``Refused``."""

from __future__ import annotations

import re

from runner.guard import archive
from runner.guard.heads import Request
from runner.guard.objects import RUN_ID
from runner.guard.order import Order, Refused
from runner.guard.rule import TAR, Ground, unchanged
from runner.guard.terms import Terms

# Names below oppie/ that are no run's.
_NO_RUN = re.compile(r"agent|base|planner|task-.*")


def own_image(ground: Ground) -> Order:
    """An image that may be read."""
    return Order(ground.call.target(ground.objects.image(ground.call.name)))


def own_snapshot(ground: Ground) -> Order:
    """An image that may be removed."""
    return Order(ground.call.target(ground.objects.snapshot(ground.call.name)))


def tag(ground: Ground) -> Order:
    """A snapshot under another name of a run."""
    if not is_run(ground.call.one("repo")):
        raise Refused("the repo must be oppie/ and a run's id")
    return own_snapshot(ground)


def build(ground: Ground) -> Order:
    """An image from a Dockerfile; its name is checked with the query."""
    _demand_builds(ground.terms)
    return Order(
        ground.call.target(), stream=unchanged, headers=TAR + _registry(ground.request)
    )


def load(ground: Ground) -> Order:
    """Images from an archive, all of which have names below oppie/."""
    _demand_builds(ground.terms)
    return Order(ground.call.target(), stream=archive.only_own_images, headers=TAR)


def import_or_pull(ground: Ground) -> Order:
    """A file system as an image of a run, or a base; or a granted image from its registry."""
    call = ground.call
    if "fromImage" in call.query:
        if call.query.keys() != {"fromImage", "tag"}:
            raise Refused("a pull is of `fromImage` and `tag`, and nothing else")
        _demand_builds(ground.terms)
        _demand_granted(f"{call.one('fromImage')}:{call.one('tag')}", ground.terms)
        return Order(call.target(), headers=_registry(ground.request))
    if "fromSrc" not in call.query:
        raise Refused("it is neither a pull nor an import")
    if call.one("repo") and not is_run(call.one("repo")):
        _demand_builds(ground.terms)
    return Order(call.target(), stream=unchanged, headers=TAR)


def ask_registry(ground: Ground) -> Order:
    """Whether a registry has a granted image."""
    _demand_builds(ground.terms)
    _demand_granted(ground.call.name, ground.terms)
    return Order(ground.call.target(), headers=_registry(ground.request))


def _demand_builds(terms: Terms) -> None:
    if not terms.builds:
        raise Refused("images aren't made through this guard (--no-builds)")


def _demand_granted(name: str, terms: Terms) -> None:
    if name not in terms.images:
        raise Refused(f"image {name} isn't granted (--image)")


def is_run(repository: str, run_id: str = "") -> bool:
    """Whether a repository is a run's: that run's, if one is named."""
    name = repository.removeprefix("oppie/")
    named = RUN_ID.fullmatch(name) and not _NO_RUN.fullmatch(name)
    return bool(named) and repository == f"oppie/{run_id or name}"


def _registry(request: Request) -> tuple[tuple[str, str], ...]:
    names = ("x-registry-auth", "x-registry-config")
    return tuple((name, request.headers[name]) for name in names if name in request.headers)
