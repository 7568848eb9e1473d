"""The script that runs an agent's program in a container.

Whatever comes from elsewhere (prompts, models' names, tokens) is quoted once, here. Files are made
in a folder of their own below TMPDIR or /tmp, which is memory in a container and in no snapshot. The
token is in the environment of the agent's program alone: never in a file, nor in an argument, nor in the
environment that a snapshot inherits.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import uuid4

from runner.agents.protocol import MCP_PORT, Access
from runner.agents.script import FIRST_WORDS
from runner.errors import TaskError

# Neither colours nor questions, and no proxy before the container's own loopback.
_QUIET = {
    "NO_COLOR": "1",
    "CI": "1",
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


# Stands for the folder, whose name only the shell knows; nobody else can know this one.
_FOLDER = f"@oppie-{uuid4().hex}@"
# The folder's name gets into JSON and TOML, so that it must be plain; TMPDIR is the node's own where
# nodes share a /tmp.
_BEGIN = """\
oppie_mask=$(umask); umask 077; oppie_folder=${TMPDIR:-/tmp}
case $oppie_folder in *[!A-Za-z0-9/._+-]*) oppie_folder=/tmp;; esac
oppie_folder=$(mktemp -d "$oppie_folder/oppie.XXXXXX") || exit 1
"""


class Script:
    """A script in the making: files first, then the environment, then one program."""

    folder = _FOLDER

    def __init__(self, name: str) -> None:
        self._exports = {name: quoted(value) for name, value in _QUIET.items()}
        said = quoted(f"{FIRST_WORDS.decode()}agent {name}")
        # Braces make the shell read all of it before it runs any of it.
        self._parts = [f"{{ printf '%s\\n' {said} >&2\n", _BEGIN]

    def file(self, name: str, body: str) -> str:
        """Have a file made, and return its path, which is good with quotes and without."""
        path = f"{_FOLDER}/{name}"
        # The shell's own printf takes words of any length, and is no process whose arguments show.
        self._parts.append(f"printf '%s' {quoted(body)} >{path} || exit 1\n")
        return path

    def tools(self, bridge: bytes) -> str:
        """Have a program made that is the MCP server, and return its path, for ``sh``.

        It has the port in it: agents' programs start servers with an environment of their choice.
        """
        program = self.file("bridge.py", bridge.decode("utf-8", "surrogateescape"))
        path = f"{_FOLDER}/tools"
        start = quoted(f"exec python3 {program} ")
        port = f'"${{OPPIE_PORT_{MCP_PORT}:-{MCP_PORT}}}"'
        self._parts.append(f"printf '%s%s\\n' {start} {port} >{path} || exit 1\n")
        return path

    def export(self, **words: str) -> None:
        """Have these in the program's environment. ``words`` are the shell's, quoted already."""
        self._exports |= words

    def ending_with(self, command: str, finally_: str = "") -> bytes:
        """The script that runs ``command``, shell text, and exits with its exit code.

        ``finally_`` is run after it whatever it did.
        """
        exports = "".join(f"export {name}={word}\n" for name, word in self._exports.items())
        ending = f'\noppie_code=$?\n{finally_}\nrm -rf -- {_FOLDER}\nexit "$oppie_code"\n}}\n'
        text = "".join([*self._parts, 'umask "$oppie_mask"\n', exports, command, ending])
        return text.replace(_FOLDER, '"$oppie_folder"').encode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """One word of the shell that is ``text`` and nothing else; paths of a ``Script``'s files in it
    are what they turn out to be.

    Raises ``TaskError`` for a NUL, which no shell can hold.
    """
    if "\0" in text:
        raise TaskError(f"an agent can't be given a NUL character: {text[:40]!r}")
    word = "'" + text.replace("'", "'\\''") + "'"
    return word.replace(_FOLDER, "'\"$oppie_folder\"'")


def address(access: Access) -> str:
    """The word for the base URL, with the port at which the gateway really is."""
    parts = urlsplit(access.base_url)
    port = parts.port or 80
    before = f'"{parts.scheme}://{parts.hostname}:${{OPPIE_PORT_{port}:-{port}}}"'
    return before + quoted(parts.path)


def options(**given: str | int | float | None) -> str:
    """Options with values, such as ``--model 'x'``; those without a value are left out."""
    return "".join(
        f" --{name.replace('_', '-')} {quoted(str(value))}"
        for name, value in given.items()
        if value not in (None, "")
    )
