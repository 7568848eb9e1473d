"""`oppie images`: make, move and list the images that sandboxes start from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from runner import images
from runner.cli.engine import connected
from runner.cli.home import JsonOption, aside, out, print_json, settings
from runner.errors import TaskError
from runner.report.figures import size
from runner.report.text import clean
from runner.sandbox import images as engine_images
from runner.sandbox.classify import engine_errors
from runner.sandbox.connect import Client
from runner.sandbox.snapshots import describe
from runner.task import ImageSpec

app = typer.Typer(no_args_is_help=True, help="Make, move and list the sandboxes' images.")


@app.command()
def build(
    again: Annotated[bool, typer.Option("--again", help="Build even if they are there.")] = False,
    agents: Annotated[
        str, typer.Option(help="An image with these coding agents: claude,codex@0.169.0")
    ] = "",
) -> None:
    """Make the base and agent images, from what is there, a tar, a registry, or packages.

    Coding agents are fetched from where their makers publish them, as they are today with --again.

    Example: OPPIE_BASE_TAR=base.tar oppie images build --agents claude,codex
    """
    wanted = images.agents_of(part for part in agents.split(",") if part.strip())
    with connected() as client:
        if again:
            today = datetime.now(UTC).isoformat(timespec="seconds")
            _tell(images.build_base(client, sources()))
            _tell(images.build_agent(client, sources(), agents=wanted, fetched=today))
        else:
            _tell(images.prepare(client, sources(), wanted))
        _print_list(client)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="What `images save` wrote, or a base's tar.")],
) -> None:
    """Load an image from a file: the way in for a machine without a network.

    Example: oppie images load agent.tar
    """
    with connected() as client:
        _tell(images.load(client, file))


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    name: Annotated[str, typer.Option(help="Another image than the agent's.")] = images.AGENT,
) -> None:
    """Write an image to a file, for `images load` on another machine.

    Example: oppie images save agent.tar
    """
    with connected() as client:
        _tell(images.save(client, file, name))


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the product's own images that the engine has.

    Example: oppie images list --json
    """
    with connected() as client:
        if json:
            found = [
                {"name": i.name, "id": i.id, "size_bytes": i.size_bytes, "layers": i.layers}
                for i in images.list_images(client)
            ]
            print_json({"schema": "oppie.images/1", "images": found})
        else:
            _print_list(client)


def sources() -> images.Sources:
    """What this machine's settings allow images to be made from."""
    found = settings()
    return images.Sources(
        base_tar=found.base_tar,
        registry_image=found.base_image,
        ca_bundle=found.ca_bundle,
        proxies=found.proxies(),
    )


def image_for(client: Client, spec: ImageSpec, tag: str) -> str:
    """The digest of the image that a task's root starts from; it is made first if need be.

    Not its name, which may be another image's by the time that something is verified. ``tag`` is the
    name for the image of a Dockerfile. Raises ``TaskError``, ``EngineError``.
    """
    reference = _reference_for(client, spec, tag)
    with engine_errors(f"look up the image {reference}"):
        return describe(client.api, reference).digest


def _reference_for(client: Client, spec: ImageSpec, tag: str) -> str:
    if spec.agent or spec.agents:
        agents = images.agents_of(spec.agents)
        _tell(images.prepare(client, sources(), agents))
        return images.name_of(agents)
    if spec.dockerfile is not None:
        found = sources()
        if images.AGENT.partition(":")[0] in spec.dockerfile.read_text(errors="replace"):
            _tell(images.prepare(client, found))
        files = engine_images.context_of(spec.dockerfile.parent)
        name = spec.dockerfile.name
        _tell(engine_images.build(client, engine_images.Build(tag, files, name, found.proxies)))
        return tag
    if engine_images.find(client, spec.name) is None:
        raise TaskError(
            f"image.name: the engine has no image {spec.name!r}; pull or load it first, "
            "or use `agent = true`"
        )
    return spec.name


def _tell(lines: Iterator[str]) -> None:
    for line in lines:
        aside.print(clean(line), markup=False, style="dim")


def _print_list(client: Client) -> None:
    name = Column("image", overflow="fold")  # it is there to be copied
    table = Table(name, "size", "layers", "id", box=None, header_style="bold")
    for image in images.list_images(client):
        table.add_row(image.name, size(image.size_bytes), str(image.layers), image.id[7:19])
    out.print(table)
