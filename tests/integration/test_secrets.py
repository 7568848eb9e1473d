"""A secret that actions are given is nowhere afterwards: everything is searched for it."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

import docker
import pytest
from cheats.arena import arena
from runs import action, make_target, make_task

from runner.cli.conduct import conduct
from runner.errors import TaskError
from runner.model import NodeView, Outcome, RunView
from runner.report.ci import job_summary, junit
from runner.report.eventlog import EventLog, open_event_stream
from runner.report.html import render_html
from runner.report.shape import run_to_json
from runner.sandbox import spec
from runner.sandbox.onefile import ForwardReader

pytestmark = pytest.mark.engine

# What shells, globs, regular expressions and formats would take for something else.
SECRET = "s3cret '\"$(reboot)`x`\\ %s {0} [a-z]* é"
HALF = SECRET[:10]
_LARGE_BYTES = 20 << 20

ACTIONS = (
    action("uses", 'printf %s "$TOKEN" | sha256sum >used'),
    action("prints", 'echo "it is $TOKEN" >&2; printf %s "$TOKEN"; exit 3'),
    action(
        "prints-slowly",
        "python3 -c 'import os, time\n"
        "for byte in os.environb[b\"TOKEN\"]:\n"
        "    os.write(1, bytes([byte])); time.sleep(0.01)'; echo; exit 3",
    ),
    action("keeps", 'echo "machine x password $TOKEN" >notes'),
    action("keeps-where-git-looks-away", 'echo out >.gitignore; mkdir out; echo "$TOKEN" >out/x'),
    action("keeps-at-home", 'printf "%s" "$TOKEN" >"$HOME/.netrc"'),
    action("keeps-in-git", 'git config http.extraHeader "$TOKEN"'),
    action("keeps-as-a-link", 'ln -s "$TOKEN" link'),
    action("keeps-and-fails", 'echo "$TOKEN" >notes; exit 7'),
    action("keeps-in-tmp", 'echo "$TOKEN" >/tmp/x; date >stamp'),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A run with secrets, and every byte that it left."""

    view: RunView
    nodes: dict[str, NodeView]
    folder: Path
    traces: dict[str, bytes]


@pytest.fixture(scope="module")
def found(
    agent_image: str, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("secrets")
    task = make_task(make_target(folder / "target"), ACTIONS, nodes=len(ACTIONS))
    # Who judges and who sets up is not told.
    untold = 'test -z "$TOKEN"'
    task = replace(
        task,
        setup=(untold,),
        checks=(replace(task.checks[0], command=untold),),
        search=replace(task.search, policy="ucb1"),
        secrets=("TOKEN",),
    )
    with arena(task, agent_image, folder / "state") as parts:
        parts = replace(parts, context=replace(parts.context, secrets={"TOKEN": SECRET}))
        view = parts.store.run(parts.context.run_id)
        with open_event_stream(folder / "state" / "events.jsonl") as stream:
            log = EventLog(stream, view, human=False)
            for event in conduct(parts):
                log.event(event)
        view = parts.store.run(parts.context.run_id)
        traces = dict(_traces(client, view, folder / "state"))
        nodes = {node.actions[0]: node for node in view.nodes[1:]}
        yield Found(view, nodes, folder / "state", traces)


def _traces(
    client: docker.DockerClient, view: RunView, state: Path
) -> Iterator[tuple[str, bytes]]:
    for path in state.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(state)), path.read_bytes()
    git = ("git", f"--git-dir={state / 'evidence.git'}")
    objects = ("cat-file", "--batch-all-objects", "--unordered", "--batch")
    yield "all objects", subprocess.check_output((*git, *objects))
    yield "report", render_html(view).encode("utf-8", "replace")
    yield "summary", job_summary(view).encode("utf-8", "replace")
    yield "junit", junit(view).encode("utf-8", "replace")
    yield "json", str(run_to_json(view)).encode("utf-8", "replace")
    wanted = {"label": [f"{spec.RUN}={view.run_id}"]}
    names = [image["RepoTags"][0] for image in client.api.images(filters=wanted)]
    for name in names:
        yield f"{name}: config", str(client.api.inspect_image(name)).encode()
        yield f"{name}: history", str(client.api.history(name)).encode()
    yield "layers", b"".join(_layers(client, names))
    yield "containers", str(client.api.containers(all=True, filters=wanted)).encode()


def _layers(client: docker.DockerClient, names: list[str]) -> Iterator[bytes]:
    """All that `docker save` gives of the images, but for the large layers of the one below them."""
    params = {"names": names}
    saved = client.api._get(client.api._url("/images/get"), params=params, stream=True)
    chunks = ForwardReader(saved.iter_content(1 << 20))
    with tarfile.open(fileobj=cast("IO[bytes]", chunks), mode="r|") as archive:
        for member in archive:
            data = archive.extractfile(member) if member.isreg() else None
            if data is not None and member.size < _LARGE_BYTES:
                yield data.read()


def test_it_is_found_nowhere(found: Found) -> None:
    assert b"used" in found.traces["layers"]  # what was committed is in there
    assert "journal.db" in found.traces and "events.jsonl" in found.traces
    spelt = [SECRET.encode(), HALF.encode(), SECRET.encode("utf-16-le")]
    leaks = [name for name, data in found.traces.items() if any(each in data for each in spelt)]
    assert leaks == []


def test_it_was_given_to_who_was_to_have_it(found: Found) -> None:
    assert found.nodes["uses"].outcome is Outcome.NEUTRAL
    assert found.nodes["keeps-in-tmp"].outcome is Outcome.NEUTRAL  # memory, which nothing keeps


@pytest.mark.parametrize("key", ["prints", "prints-slowly"])
def test_what_it_prints_is_masked(found: Found, key: str) -> None:
    node = found.nodes[key]
    assert node.outcome is Outcome.FAILED
    log = found.folder / f"runs/{found.view.run_id}/attempts/{node.label}-1/act.log"
    assert b"***" in log.read_bytes()
    assert node.reason.endswith("***")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("keeps", "/workspace/notes"),
        ("keeps-where-git-looks-away", "/workspace/out/x"),
        ("keeps-at-home", "/home/oppie/.netrc"),
        ("keeps-as-a-link", "/workspace/link"),
        ("keeps-and-fails", "/workspace/notes"),
    ],
)
def test_what_it_leaves_is_kept_by_nobody(found: Found, key: str, path: str) -> None:
    node = found.nodes[key]
    assert (node.outcome, node.reason) == (
        Outcome.FAILED,
        f"the action wrote the secret TOKEN to {path}",
    )
    assert (node.commit, node.snapshot) == ("", None)


def test_what_git_writes_of_it_is_another_spelling(found: Found) -> None:
    """Git's configuration has quotes and backslashes of its own: this is no safe place, and what the
    task says of git's files is what stops it."""
    assert found.nodes["keeps-in-git"].outcome is Outcome.TAMPERED


def test_a_target_that_holds_it_is_refused(agent_image: str, tmp_path: Path) -> None:
    target = make_target(tmp_path / "target")
    (target / ".env").write_text(f"TOKEN={SECRET}\n")
    task = replace(make_task(target), secrets=("TOKEN",))
    with arena(task, agent_image, tmp_path / "state") as parts:
        parts = replace(parts, context=replace(parts.context, secrets={"TOKEN": SECRET}))
        with pytest.raises(TaskError, match=r"TOKEN is in the target itself \(/workspace/\.env\)"):
            list(conduct(parts))
    assert list((tmp_path / "state").rglob("*.pack")) == []
