"""What a node costs beside its containers: a whole search against a plain loop.

The floor is a docker-py loop that starts the same containers as the search does, one after another,
each with ``network_mode="none"``: one that runs the action and is committed, one for the check, and
two that are measured. Nothing else: no evidence, no journal, no limits, no logs on disk. Both sides run the same
number of nodes of the same trivial commands, in turn, in the same minutes.

    python -m benchmarks.node_overhead [--nodes 20] [--rounds 3]

Targets: wall time per node with one worker at most 0.80 of the loop's; nodes per second with four
workers at least 1.5 times the loop's.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker

from runner.images import ensure_agent_image
from runner.measure.judge import Benchmark, Check
from runner.model import Action
from runner.planner.policy import SearchSettings
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.inventory import EngineHoldings
from tests.runs import OBJECTIVE, Bench, make_task

BENCHMARK = "echo METRIC cost=1"
CHECK = "true"


def commands(count: int) -> list[str]:
    """One trivial change for each node, all different."""
    return [f"echo {number} > change-{number}" for number in range(count)]


def loop(client: docker.DockerClient, image: str, nodes: int) -> float:
    """Seconds per node of the plain loop."""
    repository = f"oppie-floor/{secrets.token_hex(3)}"
    started = time.monotonic()
    for number, command in enumerate(commands(nodes)):
        acting = _run(client, image, command)
        snapshot = acting.commit(repository=repository, tag=str(number))
        acting.remove()
        for command_of in (CHECK, BENCHMARK):
            _run(client, snapshot.id, command_of).remove()
        _run(client, image, BENCHMARK).remove()
    seconds = (time.monotonic() - started) / nodes
    for number in range(nodes):
        client.images.remove(f"{repository}:{number}")
    return seconds


def _run(
    client: docker.DockerClient, image: str, command: str
) -> docker.models.containers.Container:
    container = client.containers.create(image, ["sh", "-c", command], network_mode="none")
    container.start()
    container.wait()
    container.logs()
    return container


def search(image: str, nodes: int, workers: int) -> float:
    """Seconds per node of a whole search: from its first selection to its last record."""
    run_id = f"bench-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            Path(folder),
            lambda run, slot, cancelled: EngineSandbox(connect(), run, image, slot, cancelled),
            image,
            workers,
        )
        actions = [Action(f"a{n}", body=c.encode()) for n, c in enumerate(commands(nodes))]
        task = replace(
            make_task(bench.target, actions, nodes),
            checks=(Check("true", CHECK, 30.0),),
            benchmark=Benchmark(BENCHMARK, (OBJECTIVE,), OBJECTIVE, 1, 0, 30.0),
            search=SearchSettings(policy="random"),
        )
        bench.run(task, run_id)
        with bench.store() as store:
            seconds = store.elapsed_s(run_id) / nodes
    with closing(connect()) as client:
        holdings = EngineHoldings(client)
        left = holdings.leftovers()
        for container in left.held_containers:
            if container.run_id == run_id:
                holdings.remove(container.name)
        for name in (n for i in left.held_images if i.run_id == run_id for n in i.names):
            holdings.discard(name)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with closing(connect()) as client:
        image = ensure_agent_image(client)
        rounds = []
        for _ in range(options.rounds):
            floor_s = loop(client, image, options.nodes)
            one_s = search(image, options.nodes, 1)
            four_s = search(image, options.nodes, 4)
            rounds.append((floor_s, one_s, four_s))
            print(f"loop {floor_s:.3f} s, 1 worker {one_s:.3f} s, 4 workers {four_s:.3f} s a node")
    one = statistics.median(one_s / floor_s for floor_s, one_s, _ in rounds)
    four = statistics.median(floor_s / four_s for floor_s, _, four_s in rounds)
    print()
    print(f"{'what':<52}{'ratio':>8}{'target':>10}")
    print(f"{'wall time per node, 1 worker / plain loop':<52}{one:>8.2f}{'<= 0.80':>10}")
    print(f"{'nodes per second, 4 workers / plain loop':<52}{four:>8.2f}{'>= 1.50':>10}")


if __name__ == "__main__":
    main()
