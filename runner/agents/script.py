"""The shell script that applies actions in a container's workspace."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import assert_never

from runner.model import Action, ActionKind

# Braces make the shell read all of the script before it runs any of it, so that nothing which it
# starts can eat the rest from the shared stdin.
_BEGIN = b"{ set -e\n"
_END = b"}\n"

# What such a script prints before anything that it was given; and after all of it was read.
FIRST_WORDS = b"oppie: "

# Patches need the index in step with the files. Nothing is committed: HEAD stays at the root, and
# `git diff HEAD` in a node's container shows all that was changed on the way to it.
_INDEX = b"""\
command -v git >/dev/null || { echo 'oppie: a patch needs git in the image' >&2; exit 127; }
git add -A
"""


def script(actions: Iterable[Action], secrets: Mapping[str, str] | None = None) -> bytes:
    """What to feed to ``sh -s``, in the workspace, to apply ``actions`` one after another.

    Commands, and only they, have ``secrets`` in their environment.

    It stops at the first that fails, with that one's exit code. A patch that doesn't apply leaves
    conflict markers and exits with 1. A command has nothing on its stdin. The name of each action
    goes to stderr before the action's own words.

    Raises ``ValueError`` for a body with a NUL byte, which no shell can hold, and for an agent.
    """
    exports = _exports(secrets or {})
    return b"".join([_BEGIN, *(_part(action, exports) for action in actions), _END])


def _part(action: Action, exports: bytes) -> bytes:
    if b"\0" in action.body:
        raise ValueError(f"the body of action {action.key!r} holds a NUL byte")
    said = b"printf '%s\\n' " + _quoted(FIRST_WORDS + action.key.encode()) + b" >&2\n"
    match action.kind:
        case ActionKind.PATCH | ActionKind.MERGE:
            return said + _INDEX + _patch(action.body)
        case ActionKind.COMMAND:
            return said + _command(action.body, exports)
        case ActionKind.AGENT:
            raise ValueError(f"action {action.key!r} is an agent's: an adapter makes its script")
        case _:
            assert_never(action.kind)


def _patch(body: bytes) -> bytes:
    if not body.endswith(b"\n"):
        body += b"\n"
    end = _delimiter(body)
    apply = b"git apply --3way --whitespace=nowarn - <<'" + end + b"'\n"
    return apply + body + end + b"\n"


def _command(body: bytes, exports: bytes) -> bytes:
    # `eval` of one quoted word keeps a syntax error inside, and has no limit of length as an
    # argument of `sh -c` would. No `||` around it: that would switch off the command's own `set -e`.
    return b"( set +e; " + exports + b"eval " + _quoted(body) + b" ) </dev/null\n"


def _exports(secrets: Mapping[str, str]) -> bytes:
    """The shell's own words, which are in no process's arguments."""
    return b"".join(
        b"export %s=%s; " % (name.encode(), _quoted(os.fsencode(value)))
        for name, value in secrets.items()
    )


def _delimiter(body: bytes) -> bytes:
    """A word that isn't in ``body``; the same one each time."""
    word = hashlib.sha256(body).hexdigest()[:32].encode()
    while word in body:
        word = hashlib.sha256(word).hexdigest()[:32].encode()
    return b"OPPIE_" + word


def _quoted(text: bytes) -> bytes:
    return b"'" + text.replace(b"'", b"'\\''") + b"'"
