"""Aider, as ``aider --message-file``.

It prints for people, knows no MCP and has no limit of turns: one message, and up to three
reflections on it. Its history is a file in the home, which a later round restores. It exits with 0
whatever happened: an error of the API is seen in what it prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.agents.access import needed_access, needed_model
from runner.agents.probing import Program
from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import MAX_TEXT, LineReader, Notes, heard
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending

_QUIET = (
    "--no-auto-commits",
    "--no-dirty-commits",
    "--no-gitignore",
    "--no-auto-lint",
    "--no-pretty",
    "--no-stream",
    "--no-fancy-input",
    "--no-check-update",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-analytics",
    "--no-detect-urls",
    "--no-suggest-shell-commands",
    "--disable-playwright",
)
_PROGRAM = Program(
    agent="aider",
    name="aider",
    version="aider --version",
    help="aider --help",
    needed=("--message-file", "--yes-always", "--model", "--no-auto-commits"),
    wanted=(*_QUIET, "--restore-chat-history", "--chat-history-file", "--input-history-file"),
    package="pip's aider-chat",
)
_SESSION = "history"
_KEYS = {Dialect.OPENAI: "OPENAI", Dialect.ANTHROPIC: "ANTHROPIC"}
_FOLDER = '"$HOME"/.oppie'
# It would otherwise make a repository of its own where there is none.
_GIT = "git rev-parse --git-dir >/dev/null 2>&1 || set -- --no-git"
# Its cache of tags is put into the workspace, whatever it is told.
_AFTER = "rm -rf -- .aider.tags.cache.v*"


class Aider:
    """Aider."""

    name = "aider"
    dialects = (Dialect.OPENAI, Dialect.ANTHROPIC)
    resumes = True
    tools = False
    has_own_model = False
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access, model = needed_access(self, assignment), needed_model(self, assignment)
        found, script = assignment.found, Script(self.name)
        prompt, prefix = script.file("prompt", assignment.prompt), _KEYS[access.dialect]
        script.export(
            **{f"{prefix}_API_KEY": quoted(access.token), f"{prefix}_API_BASE": address(access)},
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
        command = f"aider --yes-always --message-file {prompt}"
        command += options(model=f"{access.dialect}/{model}")
        command += "".join(f" {flag}" for flag in _QUIET if flag in found)
        if "--chat-history-file" in found:
            command += f" --chat-history-file {_FOLDER}/aider.md"
        if "--input-history-file" in found:
            command += f" --input-history-file {script.folder}/input"
        if assignment.session and "--restore-chat-history" in found:
            command += " --restore-chat-history"
        before = f"mkdir -p {_FOLDER}\nset --\n{_GIT}\n"
        return script.ending_with(f'{before}{command} "$@" </dev/null', _AFTER)

    def reader(self) -> LineReader:
        """A reader of what it prints."""
        return LineReader(_understand, result=False, finish=_finish)


_VERSION = re.compile(r"Aider v(\S{1,40})$")
_MODEL = re.compile(r"(?:Main m|M)odel: (\S{1,120})")
_EDITED = re.compile(r"Applied edit to (.{1,300})$")
_TOKENS = re.compile(r"Tokens: ([\d.,]{1,12}[kM]?) sent.{0,80}?, ([\d.,]{1,12}[kM]?) received")
_COST = re.compile(r"Cost: .{1,40}?, \$([\d.,]{1,20}) session")
_ERROR = re.compile(r"litellm\.[\w.]{0,40}(?:Error|Exception)\b|The API provider ")
_OWN = re.compile(
    r"Aider v|(?:Main m|Weak m|Editor m|M)odel: |Git repo: |Repo-map: |Applied edit to |Tokens: "
    r"|Added .{1,300} to the chat|Restored previous|Cost estimates|─{8}"
)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    text = line[:2000].decode("utf-8", "replace").rstrip()
    yield from heard(line, notes)
    if found := _VERSION.match(text):
        notes.version = found[1]
        yield from notes.begins(_SESSION)
    elif found := _MODEL.match(text):
        notes.model = found[1]
    elif found := _EDITED.match(text):
        yield from notes.uses("edit", found[1])
    elif found := _TOKENS.match(text):
        yield from notes.closes()
        yield from _counted(found, text, notes)
    elif _ERROR.match(text):
        notes.reason = text[:MAX_TEXT]
    elif notes.session and not _OWN.match(text):
        yield from notes.adds(text)


def _counted(found: re.Match[str], text: str, notes: Notes) -> Iterator[AgentEvent]:
    notes.reason = ""  # an error before it was one that it got over
    notes.turns = (notes.turns or 0) + 1
    if cost := _COST.search(text):
        notes.cost_usd = _number(cost[1])
    before = notes.tokens or Spending()
    spending = Spending(0, int(_number(found[1])), 0, int(_number(found[2])), notes.cost_usd)
    yield from notes.counts(
        Spending(
            0,
            before.input_tokens + spending.input_tokens,
            0,
            before.output_tokens + spending.output_tokens,
            notes.cost_usd,
        )
    )


def _number(text: str) -> float:
    """``1.2k``, ``3,456``; 0 for what is none."""
    scale = {"k": 1e3, "M": 1e6}.get(text[-1:], 1.0)
    try:
        return float(text.rstrip("kM").replace(",", "")) * scale
    except ValueError:
        return 0.0


def _finish(_: bytes, notes: Notes) -> Iterator[AgentEvent]:
    if notes.turns is None:  # what stands after the tokens is no message
        yield from notes.closes()
    if notes.reason:
        yield from notes.ends(AgentStatus.FAILED, notes.reason)
