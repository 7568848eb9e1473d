"""mini-swe-agent, as ``mini --yolo --exit-immediately``.

It prints for people. What came of a session is in its trajectory, of which the script prints one
line of JSON after the program has ended. It can't go on with a session, and knows no MCP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from runner.agents.access import needed_access, needed_model
from runner.agents.probing import Program
from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, dollars, parsed, whole, words
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus

_PROGRAM = Program(
    agent="mini",
    name="mini",
    version="mini --help",  # its first line has it
    help="mini --help",
    needed=("--model", "--config", "--yolo", "--exit-immediately", "--output"),
    wanted=("--cost-limit",),
    package="pip's mini-swe-agent",
)
_RESULT = "oppie-result"
_TELL = f"""\
import json, sys
told = {{"type": "{_RESULT}"}}
try:
    with open(sys.argv[1], encoding="utf-8") as file:
        info = json.load(file)["info"]
    told.update({{key: info.get(key) for key in ("exit_status", "mini_version", "model_stats")}})
    told["model"] = info["config"]["model"]["model_name"]
except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    told["problem"] = f"no trajectory: {{error}}"
print(json.dumps(told))
"""
_STEP = re.compile(rb"mini-swe-agent \(step \d+, \$")
_COMMAND_S = 600  # 30 by default, which builds and benchmarks don't keep to
_KEYS = {Dialect.OPENAI: "OPENAI", Dialect.ANTHROPIC: "ANTHROPIC"}


class Mini:
    """mini-swe-agent."""

    name = "mini"
    dialects = (Dialect.OPENAI, Dialect.ANTHROPIC)
    resumes = False
    tools = False
    has_own_model = False
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access, model = needed_access(self, assignment), needed_model(self, assignment)
        script = Script(self.name)
        # JSON is YAML, and the task is no template: it is what a template is filled with.
        config = script.file("task.yaml", json.dumps(_config(assignment)))
        tell, path = script.file("tell.py", _TELL), f"{script.folder}/trajectory.json"
        prefix = _KEYS[access.dialect]
        script.export(
            **{f"{prefix}_API_KEY": quoted(access.token), f"{prefix}_API_BASE": address(access)},
            MSWEA_CONFIGURED="true",
            MSWEA_SILENT_STARTUP="1",
            MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT="3",  # the gateway has tried again already
            MSWEA_COST_TRACKING="ignore_errors",
            MSWEA_GLOBAL_CONFIG_DIR=script.folder,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            COLUMNS="400",  # it breaks lines there, also in the middle of words
        )
        command = "mini --yolo --exit-immediately -c mini.yaml"
        command += f" -c {config} --output {path}{options(model=f'{access.dialect}/{model}')}"
        if "--cost-limit" in assignment.found:
            command += options(cost_limit=assignment.cost_usd or 0)
        return script.ending_with(f"{command} </dev/null", f"python3 {tell} {path}")

    def reader(self) -> LineReader:
        """A reader of what it prints, and of the trajectory's line."""
        return LineReader(_Understanding(), result=True)


def _config(assignment: Assignment) -> Json:
    return {
        "run": {"task": assignment.prompt},
        "agent": {"step_limit": assignment.turns},
        "model": {"cost_tracking": "ignore_errors"},
        "environment": {"timeout": _COMMAND_S},
    }


class _Understanding:
    """The agent's messages stand between a line that counts the steps and one for whom is next."""

    def __init__(self) -> None:
        self._speaks = False

    def __call__(self, line: bytes, notes: Notes) -> Iterator[AgentEvent]:
        event = parsed(line)
        if event is not None and words(event, "type") == _RESULT:
            yield from notes.closes()
            yield from _result(event, notes)
            return
        starts = _STEP.match(line) is not None
        if starts or line in _OTHERS or line.startswith(_RULE):
            yield from notes.closes()
            self._speaks = starts
        elif self._speaks:
            yield from notes.adds(line.decode("utf-8", "replace"))
        yield from heard(line, notes)


_OTHERS = (b"User:", b"Tool:", b"Exit:", b"System:")
_RULE = "───".encode()


def _result(event: Json, notes: Notes) -> Iterator[AgentEvent]:
    notes.version = words(event, "mini_version")
    notes.model = words(event, "model")
    notes.turns = whole(event, "model_stats", "api_calls")
    # Without a known price it counts 0.
    notes.cost_usd = dollars(event, "model_stats", "instance_cost") or None
    match words(event, "exit_status"):
        case "Submitted":
            yield from notes.ends(AgentStatus.DONE)
        case "LimitsExceeded":  # its one word for both limits
            yield from notes.ends(AgentStatus.TURNS, "reached its limit of turns or of money")
        case "TimeExceeded":
            yield from notes.ends(AgentStatus.TIMEOUT, "took longer than it may")
        case other:
            told = words(event, "problem") or notes.last_words
            yield from notes.ends(AgentStatus.FAILED, f"{other} {told}".strip())
