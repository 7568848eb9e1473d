"""What one response came to, in tokens."""

from __future__ import annotations

from dataclasses import dataclass

CHARS_PER_TOKEN = 4  # what tokens are guessed by, where nobody has counted them


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by what they cost. ``fresh`` were read anew, ``cached`` from a cache, ``written`` into
    one that lasts five minutes, ``written_1h`` into one that lasts an hour; no token is in two of
    them. ``output`` includes what a model thinks. ``estimated`` if they were counted here."""

    fresh: int = 0
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    output: int = 0
    estimated: bool = False

    @property
    def input(self) -> int:
        """All tokens that were read."""
        return self.fresh + self.cached + self.written + self.written_1h


def tokens_of(chars: int) -> int:
    """About how many tokens so many characters are; never 0 for any."""
    return -(-chars // CHARS_PER_TOKEN)
