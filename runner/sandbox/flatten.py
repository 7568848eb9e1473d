"""Many layers made one: export, import, and the configuration restored."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

import docker
import docker.errors

from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.downloads import export_of
from runner.sandbox.patience import Patience
from runner.sandbox.tarends import whole_tar


def flatten(
    api: docker.APIClient,
    patience: Patience,
    container: str,
    tag: str,
    labels: Mapping[str, str],
) -> str:
    """Make a stopped container an image of one layer, with the configuration of its image and
    ``labels``; its digest. Raises what the engine's client raises."""
    config = api.inspect_container(container)["Config"]
    kept = {**(config.get("Labels") or {}), **labels, spec.DEPTH: "1"}
    repo, name = tag.split(":")
    files = whole_tar(export_of(api, container))
    if not any(map(_breaks_lines, [*(config.get("Env") or ()), *kept.values()])):
        changes = spec.import_changes(config, kept)
        return _imported(api.import_image_from_stream(files, repo, name, changes=changes))
    bare = _imported(api.import_image_from_stream(files, changes=spec.import_changes({}, labels)))
    return _configured(api, patience, bare, config, kept, (repo, name))


def _breaks_lines(value: str) -> bool:
    return "\n" in value or "\r" in value


def _configured(
    api: docker.APIClient,
    patience: Patience,
    bare: str,
    config: Mapping[str, object],
    labels: Mapping[str, str],
    where: tuple[str, str],
) -> str:
    """An import takes its configuration in a Dockerfile's lines, which can't say every value; a
    commit takes any. It adds a layer, an empty one."""
    holder = f"oppie-{labels[spec.RUN]}-config-{secrets.token_hex(4)}"
    marked = spec.step_labels(labels[spec.RUN], spec.KIND_STEP, labels[spec.ATTEMPT])
    # It is never started, and shut in all the same: whoever made it could start it.
    host = spec.host_config(Limits(), "none")
    api.create_container_from_config(spec.container_config(bare, ("sh",), host, marked), holder)
    try:
        conf = {**spec.image_config(labels), "Env": config.get("Env")}
        return str(api.commit(holder, *where, pause=False, conf=conf)["Id"])
    finally:
        patience.ask(lambda: api.remove_container(holder, v=True))


def _imported(answer: str) -> str:
    """The digest in the lines of JSON that an import answers with; it may fail after its 200."""
    said = [json.loads(line) for line in answer.splitlines() if line.strip()]
    for line in said:
        if "error" in line:
            raise docker.errors.DockerException(f"import: {line['error']}")
    digests = [line["status"] for line in said if str(line.get("status", "")).startswith("sha256:")]
    if not digests:
        raise docker.errors.DockerException("import: the engine names no image")
    return str(digests[-1])
