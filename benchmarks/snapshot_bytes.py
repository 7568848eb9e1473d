"""What a snapshot costs on disk: bytes stored for it over bytes that the action changed.

The floor is the change itself. What the engine stores is read twice: as the engine counts it, and as the
blocks that the snapshot's layer takes in the engine's folder, where that is on this machine.

    python -m benchmarks.snapshot_bytes
"""

from __future__ import annotations

import secrets
import tempfile
from contextlib import closing
from pathlib import Path

import docker

from runner.images import ensure_agent_image
from runner.model import Limits, Snapshot
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Step

# What is changed, how, and how many bytes that is: the written files' sizes.
CHANGES = (
    ("one line in a 4 KiB file", "echo x >> small", 4096 + 2),
    ("100 new files of 4 KiB", "for n in $(seq 100); do cp small new-$n; done", 100 * 4096),
    ("one line in a 16 MiB file", "echo x >> large", (16 << 20) + 2),
    ("a new file of 16 MiB", "cp large copy", 16 << 20),
    ("200 files deleted", "rm -r many", 0),
)
SETUP = (
    "head -c 4096 /dev/urandom > small; head -c 16777216 /dev/urandom > large; "
    "mkdir many; for n in $(seq 200); do cp small many/$n; done"
)


def blocks(client: docker.DockerClient, snapshot: Snapshot) -> int | None:
    """The bytes that a snapshot's own layer takes on disk; ``None`` if it isn't to be seen."""
    driver = client.api.inspect_image(snapshot.digest).get("GraphDriver") or {}
    upper = Path((driver.get("Data") or {}).get("UpperDir") or "/nonexistent")
    if not upper.is_dir():
        return None
    return sum(path.lstat().st_blocks * 512 for path in (upper, *upper.rglob("*")))


def main() -> None:
    run_id = f"bench-{secrets.token_hex(3)}"
    with closing(connect()) as client, tempfile.TemporaryDirectory() as folder:
        image = ensure_agent_image(client)
        with closing(EngineSandbox(connect(), run_id, image)) as sandbox:
            base = _change(sandbox, Path(folder), "A", sandbox.find(image), SETUP)
            print(f"{'change':<28}{'changed':>12}{'engine':>12}{'disk':>12}{'ratio':>8}")
            for number, (name, command, changed) in enumerate(CHANGES):
                made = _change(sandbox, Path(folder), f"A.{number + 1}", base, command)
                stored = blocks(client, made)
                cost = made.size_bytes if stored is None else stored
                ratio = f"{cost / changed:.2f}" if changed else "-"
                disk = "-" if stored is None else f"{stored:,}"
                print(f"{name:<28}{changed:>12,}{made.size_bytes:>12,}{disk:>12}{ratio:>8}")
                sandbox.discard(made.tag)
            sandbox.discard(base.tag)


def _change(
    sandbox: EngineSandbox, folder: Path, label: str, origin: Snapshot, command: str
) -> Snapshot:
    step = Step(
        f"{label}-1-act", f"{label}-1", origin.digest, ("sh", "-c", command), Limits(time_s=60.0)
    )
    result = sandbox.run(step, folder / "log")
    made = sandbox.commit(result.container, label, origin, {"attempt": f"{label}-1"})
    sandbox.remove(result.container)
    return made


if __name__ == "__main__":
    main()
