"""Write ``runner/guard/allowed.json`` anew, from what oppie does with an engine that records it:

    PYTHONPATH=.:tests python -m guard.record

Needs an engine with the agent image. What is then in the list is what ``exercise.py`` did, no more;
look at the difference before you commit it. A new kind of call needs a rule in ``runner/guard`` too.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import closing
from pathlib import Path

from commands import Machine

from guard.exercise import Stage, exercise, remove_images
from runner.guard.listing import Recorder, merged, read_recording, rendered
from runner.guard.policy import Recording
from runner.guard.relay import relaying
from runner.images import AGENT
from runner.sandbox.connect import connect

LIST = Path(__file__).parents[2] / "runner/guard/allowed.json"
ENGINE = Path("/var/run/docker.sock")


def main() -> None:
    recording = io.StringIO()
    with tempfile.TemporaryDirectory() as name, closing(connect(f"unix://{ENGINE}")) as client:
        folder = Path(name)
        machine, socket = Machine(folder / "machine", AGENT, client), folder / "engine.sock"
        try:
            with relaying(socket, ENGINE, Recording(Recorder(recording)), print):
                exercise(Stage(f"unix://{socket}", machine, client, folder))
        finally:
            machine.clean()
            remove_images(client)
    entries = merged(read_recording(recording.getvalue().splitlines(), "the recording"))
    LIST.write_text(rendered(entries), encoding="utf-8")
    print(f"{LIST}: {len(entries)} calls")


if __name__ == "__main__":
    main()
