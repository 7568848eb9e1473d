"""What agents are told: templates, what goes into them, and what a reviewer says back."""

from runner.prompts.command import slash_command
from runner.prompts.essence import Essence, essence
from runner.prompts.gains import gain_essence
from runner.prompts.prompts import MAX_BYTES, Prompts, Scene
from runner.prompts.review import Review, read_backtrack, read_review

__all__ = [
    "MAX_BYTES",
    "Essence",
    "Prompts",
    "Review",
    "Scene",
    "essence",
    "gain_essence",
    "read_backtrack",
    "read_review",
    "slash_command",
]
