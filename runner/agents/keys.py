"""What an action may be called: its key becomes part of file names, labels and log lines."""

from __future__ import annotations

import re

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,63}")


def check_key(text: str) -> str:
    """Why ``text`` can't be a key (a group or a tag), such as ``tile=8``; "" if it can."""
    if _KEY.fullmatch(text):
        return ""
    return "must be 1 to 64 of A-Z a-z 0-9 . _ = + -, a letter or digit first"
