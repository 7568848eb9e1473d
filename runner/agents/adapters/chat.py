"""No program at all: the runner itself asks a model for a change, which is applied in the container.

For servers that speak OpenAI's Chat Completions or Anthropic's Messages, such as vLLM, llama.cpp and
Ollama, and for images without any agent in them: the container only needs git.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from runner.agents.access import needed_access, needed_model
from runner.agents.diffing import patch
from runner.agents.edits import edits
from runner.agents.places import Unusable
from runner.agents.probing import Program
from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import MAX_SAID, MAX_TEXT, LineReader, Notes, heard
from runner.agents.script import script
from runner.agents.shapes import Json, at, objects, short, whole, words
from runner.errors import TaskError
from runner.gateway import Dialect
from runner.model import Action, ActionKind, Spending
from runner.report.text import clean, clean_block

MAX_SOURCES_BYTES = 200_000
MAX_SOURCE_BYTES = 60_000
MAX_SOURCES = 60
_MAX_TOKENS = 16_000

_PROGRAM = Program(
    agent="chat", name="git", version="git --version", help="git --version", needed=()
)

_SYSTEM = """\
You change the source code of a project. Answer with the changes and a few words about them.
Each change is the file's path on a line of its own, then a block of this form:

<<<<<<< SEARCH
lines of the file, exactly as they are, enough of them to be there only once
=======
what they become
>>>>>>> REPLACE

An empty SEARCH part makes a new file. Change only files that you were given, or new ones."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered. ``reason`` says why there is no ``patch``, "" if there is one."""

    patch: bytes
    said: str
    reason: str
    model: str
    spending: Spending


class Chat:
    """A model, without a program around it."""

    name = "chat"
    dialects = (Dialect.OPENAI, Dialect.ANTHROPIC)
    resumes = False
    tools = False
    has_own_model = False
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """Whether there is git."""
        return _PROGRAM.read(text)

    def ask(
        self,
        assignment: Assignment,
        sources: Mapping[str, bytes],
        call: Callable[[Json], object],
    ) -> Answer:
        """Ask for a change of ``sources``, which should be ``chosen``.

        ``call`` is given the request's body and returns the response's, parsed. What it raises goes
        through. Raises ``TaskError`` without a model's name or a way to it.
        """
        dialect = needed_access(self, assignment).dialect
        shown = {path: body for path, body in sources.items() if _is_text(body)}
        body = _request(dialect, needed_model(self, assignment), _prompt(assignment.prompt, shown))
        response = call(body)
        text, cut = _text(dialect, response)
        spending, model = _spending(dialect, response), clean(words(response, "model"), 100)
        said = clean_block(text.strip(), MAX_SAID)
        try:
            if at(response, "error") is not None or not text.strip():
                raise Unusable(f"the model answers nothing: {short(at(response, 'error'))}")
            if cut:
                raise Unusable("the answer is cut off: it is longer than the model may answer")
            made = patch(edits(text, shown), shown)
        except Unusable as error:
            return Answer(b"", said, clean(str(error), MAX_TEXT), model, spending)
        return Answer(made, said, "", model, spending)

    def script(self, assignment: Assignment) -> bytes:
        """The script that applies the answer's patch."""
        if not assignment.patch:
            raise TaskError("agent chat: there is no patch to apply")
        return script([Action("chat", ActionKind.PATCH, assignment.patch)])

    def reader(self) -> LineReader:
        """A reader of what git says."""
        return LineReader(_understand, result=False)


def chosen(sizes: Mapping[str, int], prompt: str, first: Iterable[str] = ()) -> list[str]:
    """The files that a model is given, of those with these sizes in bytes.

    Those of ``first`` and those that the prompt names come first, then the smallest ones that look
    like sources; up to ``MAX_SOURCES`` files and ``MAX_SOURCES_BYTES`` in all.
    """
    wanted = frozenset(first)
    told = {word.strip("./") for word in re.findall(r"[\w./+-]+", prompt)}

    def rank(path: str) -> tuple[bool, bool, bool, int, str]:
        named = path in told or path.rpartition("/")[2] in told
        return path not in wanted, not named, not path.endswith(_SOURCES), sizes[path], path

    result: list[str] = []
    room = MAX_SOURCES_BYTES
    for path in sorted(sizes, key=rank):
        if len(result) == MAX_SOURCES:
            break
        if sizes[path] <= min(room, MAX_SOURCE_BYTES) and (rank(path) < _LAST):
            result.append(path)
            room -= sizes[path]
    return result


_SOURCES = (
    *(".c", ".cc", ".cpp", ".cu", ".cxx", ".h", ".hh", ".hpp", ".m", ".f90", ".zig", ".rs", ".go"),
    *(".java", ".kt", ".scala", ".cs", ".swift", ".hs", ".ml", ".ex", ".jl", ".r", ".lua", ".pl"),
    *(".js", ".jsx", ".mjs", ".ts", ".tsx", ".php", ".py", ".pyx", ".rb", ".sh", ".sql"),
)
_LAST = (True, True, True)


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _prompt(prompt: str, sources: Mapping[str, bytes]) -> str:
    files = "".join(_shown(path, sources[path].decode()) for path in sorted(sources))
    return f"{prompt}\n\nThe files:\n\n{files}" if files else prompt


def _shown(path: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{path}\n{fence}\n{text.removesuffix(chr(10))}\n{fence}\n\n"


def _request(dialect: Dialect, model: str, prompt: str) -> Json:
    user = {"role": "user", "content": prompt}
    if dialect is Dialect.ANTHROPIC:
        return {"model": model, "max_tokens": _MAX_TOKENS, "system": _SYSTEM, "messages": [user]}
    return {"model": model, "messages": [{"role": "system", "content": _SYSTEM}, user]}


def _text(dialect: Dialect, response: object) -> tuple[str, bool]:
    """What is said, and whether it was cut off."""
    if dialect is Dialect.ANTHROPIC:
        said = "".join(
            words(part, "text")
            for part in objects(response, "content")
            if words(part, "type") == "text"
        )
        return said, words(response, "stop_reason") == "max_tokens"
    choice = next(iter(objects(response, "choices")), {})
    parts = "".join(words(part, "text") for part in objects(choice, "message", "content"))
    said = words(choice, "message", "content") or parts
    return said, words(choice, "finish_reason") == "length"


def _spending(dialect: Dialect, response: object) -> Spending:
    usage = at(response, "usage")
    if dialect is Dialect.ANTHROPIC:
        read, made, cached, written = (
            whole(usage, key) or 0
            for key in (
                "input_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
                "output_tokens",
            )
        )
        return Spending(1, read + made + cached, cached, written, None)
    read, written = (whole(usage, key) or 0 for key in ("prompt_tokens", "completion_tokens"))
    cached = whole(usage, "prompt_tokens_details", "cached_tokens") or 0
    return Spending(1, read, cached, written, None)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    yield from heard(line, notes)
