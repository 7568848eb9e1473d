"""The prompts of a run: templates, filled for a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.measure.judge import Benchmark, Check, NewTests
from runner.model import Action, Briefing, Measurement, Round
from runner.prompts import sections
from runner.prompts.command import slash_command
from runner.prompts.essence import Essence
from runner.prompts.gains import measured
from runner.prompts.parts import Part, fill, foreign, inline, own, words
from runner.prompts.templates import Kind, load_templates
from runner.report.figures import percent

MAX_BYTES = 24 << 10  # of a prompt

_REQUEST_BYTES = 6 << 10
_PROFILE_BYTES = 3 << 10
_DIFF_BYTES = 14 << 10
_EVIDENCE_BYTES = 3 << 10


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for all nodes of a run. ``tools``: the MCP server is there."""

    benchmark: Benchmark
    checks: tuple[Check, ...] = ()
    protected: tuple[str, ...] = ()
    tests_first: NewTests | None = None
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Prompts:
    """Each method gives one prompt of at most 24 KiB. What is foreign in it (test names, log lines,
    what agents said) is cleaned, bounded, and in fences that it can't close; where something had to
    be cut, a line says so."""

    templates: Mapping[Kind, str]

    @classmethod
    def load(cls, folder: Path | None) -> Prompts:
        """The package's templates, or those of the same names in a folder of the task's.

        Raises ``TaskError`` for an unknown file or placeholder; see ``load_templates``.
        """
        return cls(load_templates(folder))

    def opening(
        self,
        label: str,
        briefing: Briefing,
        action: Action,
        scene: Scene,
        *,
        profile: str = "",
        threshold: float = 0.0,
    ) -> str:
        """What the agent is told as it begins to make the node ``label``.

        ``profile`` is what is known of where the parent spends its time; ``threshold`` the gain
        that the node has to reach, as a delta (0.02 is 2 % better).
        """
        work = _work(briefing, scene, threshold)
        cycle = fill(self.templates[Kind.TDD], work, MAX_BYTES // 2)
        parts = {
            "node": words(inline(label)),
            "parent": words(inline(briefing.parent)),
            "cycle": words(cycle.strip()),
            "request": _request(action),
            **work,
            "metrics": sections.metrics(briefing),
            "siblings": sections.siblings(briefing),
            "lessons": sections.lessons(briefing),
            "path": sections.path(briefing),
            "profile": _or_none(profile, _PROFILE_BYTES, "No profile was taken."),
        }
        return fill(self.templates[Kind.TRANSITION], parts, MAX_BYTES)

    def reflection(
        self, label: str, done: Sequence[Round], of: int, found: Essence, scene: Scene
    ) -> str:
        """What goes back to the session after the last of ``done``, of at most ``of`` rounds."""
        kept = (
            "The folder is as you left it."
            if done[-1].kept
            else "The folder is again as it was before this round."
        )
        parts = _after(label, done, of, found, scene) | {"kept": words(kept)}
        return fill(self.templates[Kind.REFLECT], parts, MAX_BYTES)

    def backtrack(
        self,
        label: str,
        done: Sequence[Round],
        of: int,
        found: Essence,
        scene: Scene,
        *,
        state: str,
    ) -> str:
        """What goes back after a round that made things worse and was rolled back to ``state``,
        such as ``"after round 1"``: another way, or none (``read_backtrack``)."""
        parts = _after(label, done, of, found, scene) | {"state": words(inline(state))}
        return fill(self.templates[Kind.BACKTRACK], parts, MAX_BYTES)

    def review(
        self,
        label: str,
        briefing: Briefing,
        action: Action,
        diff: str,
        measurement: Measurement | None,
        evidence: Sequence[str] = (),
    ) -> str:
        """What a reviewer is given of a node; its answer is read by ``read_review``.

        ``evidence`` are lines such as ``tests: 42 tests passed``.
        """
        parts = {
            "node": words(inline(label)),
            "request": _request(action),
            "objective": sections.objective(briefing),
            "measured": measured(measurement, briefing.objective),
            "diff": _or_none(diff, _DIFF_BYTES, "No file differs."),
            "evidence": _or_none("\n".join(evidence), _EVIDENCE_BYTES, "No checks are told of."),
        }
        return fill(self.templates[Kind.REVIEW], parts, MAX_BYTES)

    def command(self) -> tuple[str, bytes]:
        """The slash command: its path below the agent's home, and its content."""
        return slash_command(self.templates[Kind.COMMAND])


def _work(briefing: Briefing, scene: Scene, threshold: float) -> dict[str, Part]:
    """What opening and cycle both tell, most useful first."""
    return {
        "protected": sections.protected(scene.protected),
        "checks": sections.checks(scene.checks),
        "benchmark": sections.benchmark(scene.benchmark),
        "objective": sections.objective(briefing),
        "expected": sections.expected(briefing, threshold),
        "new_tests": sections.new_tests(scene.tests_first),
        "tools": sections.tools(scene.tools),
    }


def _after(
    label: str, done: Sequence[Round], of: int, found: Essence, scene: Scene
) -> dict[str, Part]:
    """What is told after a round, most useful first."""
    last = done[-1]
    left = max(of - last.number, 0)
    more = f"You have {left} more round{'s' * (left != 1)}." if left else "This is the last round."
    gain = words(f"Gain of the round over the parent: {percent(last.gain)}.")
    return {
        "round": words(f"{last.number} of {of}"),
        "node": words(inline(label)),
        "outcome": foreign(f"It came out as {last.outcome}.", [last.reason], 1 << 10),
        "essence": foreign("", found.text, 2 << 10),
        "gain": gain if last.gain is not None else words(""),
        "protected": sections.protected(scene.protected),
        "rounds": sections.rounds(done),
        "left": words(more),
        "state": words(""),
    }


def _request(action: Action) -> Part:
    return own(sections.request(action.body.decode("utf-8", "replace")), _REQUEST_BYTES)


def _or_none(text: str, limit_bytes: int, otherwise: str) -> Part:
    return foreign("", text, limit_bytes) if text.strip() else words(otherwise)
