"""Run tests against engines that people have.

    python -m tests.engines                    all engines, all of it
    python -m tests.engines --short docker-26.1
    python -m tests.engines --start podman-5.4  only start it, print its address, wait for Ctrl-C

The image that containers are made of is taken from this machine's own engine (`make setup`). An
engine that can't be had or started is NOT RUN, which is said, and is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EngineError
from runner.sandbox import images
from runner.sandbox.connect import Client, connect
from runner.sandbox.dialect import is_podman
from runner.sandbox.runtime import demand_limits

from . import record, suites
from .catalogue import ENGINES, Engine, engine_called
from .daemon import NoEngineError, running
from .roots import NoRootError, cache_folder

IMAGE = "oppie/agent:latest"
LOAD_S = 600.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one engine: ``why`` it was not run, or the ``count`` of its tests."""

    engine: Engine
    count: suites.Count | None
    why: str = ""

    @property
    def good(self) -> bool:
        return self.count is not None and self.count.passed > 0 and not self.count.failed

    def __str__(self) -> str:
        if self.count is None:
            return f"{self.engine.title}: NOT RUN: {self.why}"
        counted = f"{self.count.passed} passed, {len(self.count.failed)} failed"
        return f"{self.engine.title}: {counted} in {self.count.seconds:.0f} s"


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or nothing would be tidied up
    engines = [engine_called(name) for name in options.engines] or [*ENGINES]
    if options.others:
        engines = [engine for engine in engines if not is_this_machines(engine)]
    with image_archive() as archive:
        if options.start:
            return start(engines[0], archive)
        short, kept = options.short, options.record
        ran = [run(engine, archive, short=short, kept=kept) for engine in engines]
    print("\nEngines:", *ran, sep="\n  ", flush=True)
    return 0 if all(one.good for one in ran) else 1


def run(engine: Engine, archive: Path, *, short: bool, kept: bool) -> Ran:
    """Start one engine, and hold it to the tests."""
    print(f"\n== {engine.title} ({engine.name})", flush=True)
    try:
        with running(engine) as url:
            fill(url, archive)
            facts = record.facts_of(url, IMAGE)
            count = suites.run(url, suites.paths(short=short, runs=is_used(url)))
    except (NoRootError, NoEngineError) as error:
        return Ran(engine, None, str(error))
    if kept:
        record.keep(engine, facts, count, "short" if short else "full")
    return Ran(engine, count)


def is_this_machines(engine: Engine) -> bool:
    """Whether the other tests have met this engine already; said, where it is so."""
    with contextlib.closing(connect()) as client:
        version, info = client.api.version(), client.api.info()
    same = not is_podman(version) and str(version["Version"]).startswith(engine.version)
    same = same and info["Driver"] == "overlay2" and "overlay2" in engine.title
    if same:
        print(f"{engine.title}: this machine's own engine, which the other tests run on")
    return same


def start(engine: Engine, archive: Path) -> int:
    with running(engine) as url:
        fill(url, archive)
        print(f"DOCKER_HOST={url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(60)
    return 0


def is_used(url: str) -> bool:
    """Whether searches run on this engine; one that can hold no limit is refused, and said so."""
    with contextlib.closing(connect(url)) as client:
        try:
            demand_limits(client)
        except EngineError as error:
            print(f"searches are refused here: {error}", flush=True)
            return False
    return True


def fill(url: str, archive: Path) -> None:
    """Bring the image that containers are made of."""
    with contextlib.closing(connect(url, LOAD_S)) as client:
        for _ in images.load(client, archive):
            pass
        assert_image(client)


def assert_image(client: Client) -> None:
    if images.find(client, IMAGE) is None:
        raise NoEngineError(f"the engine took {IMAGE}, and doesn't know it now")


@contextlib.contextmanager
def image_archive() -> Iterator[Path]:
    """The agent image of this machine's own engine, as a file."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(connect()) as client:
        found = images.find(client, IMAGE)
        if found is None:
            raise SystemExit(f"the image {IMAGE} is not on this machine's engine: run `make setup`")
        archive = cache / f"{found.id.removeprefix('sha256:')[:16]}.tar"
        for old in {*cache.glob("*.tar")} - {archive}:
            old.unlink()
        if not archive.exists():
            images.save(client, IMAGE, archive)
    yield archive


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(engine.name for engine in ENGINES)
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"of {names}; all by default")
    parser.add_argument("--short", action="store_true", help="the contract and one whole run")
    parser.add_argument("--others", action="store_true", help="but not this machine's own engine")
    parser.add_argument("--start", action="store_true", help="start one, and run no test")
    parser.add_argument("--record", action="store_true", help="keep it for docs/engines.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
