"""``[sandbox]``, as the command line carries it out."""

from __future__ import annotations

import pytest
from commands import Machine, said

from runner.errors import ExitCode

pytestmark = pytest.mark.engine
SECRET = "correct horse battery"
TOLD = '[sandbox]\nsecrets = ["TOKEN"]\nread_only = true\nruntime = "runc"\n'
KEEPS = ("keeps", 'echo "$TOKEN" >notes')


@pytest.mark.parametrize(
    ("more", "code", "why"),
    [
        (TOLD, ExitCode.USAGE, 'sandbox.secrets = "TOKEN": there is no such variable'),
        ('[sandbox]\nruntime = "none-such"\n', ExitCode.ENVIRONMENT, 'runtime = "none-such"'),
    ],
)
def test_what_is_missing_is_told_before_anything_is_started(
    machine: Machine, agent_image: str, more: str, code: ExitCode, why: str
) -> None:
    machine.project.write_task(agent_image, more=more)
    done = machine.oppie("run", "--plain")
    assert done.returncode == code, said(done)
    assert why in done.stderr.decode()
    assert machine.runs() == () and machine.containers() == []


def test_a_run_with_a_secret_a_runtime_and_a_read_only_root(
    machine: Machine, agent_image: str
) -> None:
    machine.project.write_task(
        agent_image,
        KEEPS,
        ("uses", 'printf %s "$TOKEN" | wc -c >size'),
        catalogue=False,
        nodes=2,
        more=TOLD,
        check='! ( : >"$HOME/x" ) 2>/dev/null && test -z "$TOKEN"',
    )
    done = machine.oppie("run", "--plain", TOKEN=SECRET)
    assert done.returncode == ExitCode.BUDGET, said(done)
    node = next(node for node in machine.view().nodes if node.actions == ("keeps",))
    assert node.reason == "the action wrote the secret TOKEN to /workspace/notes"
    kept = {node.actions: node.snapshot is not None for node in machine.view().nodes[1:]}
    assert kept == {("keeps",): False, ("uses",): True}
    places = [path for path in machine.state.rglob("*") if path.is_file()]
    assert places and not any(SECRET.encode() in path.read_bytes() for path in places)
    assert SECRET not in said(done)
