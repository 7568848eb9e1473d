"""Names in a state's tree, and of its refs.

Git keeps nothing that is called ``.git``, and the workspace of a node holds such a folder: the
repository that patches are applied in. So these names get a ``%`` on their way into a tree, and lose
it on their way out.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_ODD = re.compile(r"\.git(modules)?%*", re.IGNORECASE)

STATES = "refs/oppie-states"  # of each state, by its run and its id
TAGS = "refs/oppie-tags"
DISCARDED = "refs/oppie-discarded"
LEFT = "refs/oppie-left"  # what was found in a folder that had to go, and was in no state


def escaped(path: str) -> str:
    """A path of a folder as it is called in a tree."""
    return "/".join(f"{part}%" if _ODD.fullmatch(part) else part for part in path.split("/"))


def unescaped(path: str) -> str:
    """A path in a tree as it is called in a folder."""
    return "/".join(map(_without_mark, path.split("/")))


def _without_mark(part: str) -> str:
    return part[:-1] if part.endswith("%") and _ODD.fullmatch(part) else part


def tag_ref(tag: str) -> str:
    """The ref of an image's tag: one part of a path, whatever the tag holds."""
    return f"{TAGS}/{quote(tag, safe='')}"


def tag_of_ref(ref: str) -> str:
    """The tag that ``tag_ref`` made a ref of."""
    return unquote(ref.removeprefix(f"{TAGS}/"))
