"""The only way into the user's branch: verification, merge, and the synthesis of the best parts.

No model has a say here. What is judged is built in a clean room from recorded sources.
"""

from runner.gate.clean_room import CleanRoom, best_of, opened, verified
from runner.gate.merging import Examined, examine_merge
from runner.gate.synthesis import Part, Synthesis, job_of, parts_of, settle, synthesise, with_merges

__all__ = [
    "CleanRoom",
    "Examined",
    "Part",
    "Synthesis",
    "best_of",
    "examine_merge",
    "job_of",
    "opened",
    "parts_of",
    "settle",
    "synthesise",
    "verified",
    "with_merges",
]
