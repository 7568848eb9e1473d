"""The tools by name: what each is for, what it takes, what it answers, how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from runner.mcp import arguments as args
from runner.mcp import results
from runner.mcp.desk import Group, Over

_QUICK_S = 30.0  # of a tool that looks something up
GRACE_S = 60.0  # on top of a time limit that the client gives: for containers to come and go

Call = Callable[[Any, Any, Over], object]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``call`` is given the desk's part, the arguments, and ``Over``."""

    name: str
    group: Group
    says: str
    takes: type[BaseModel]
    gives: type[Any]
    call: Call
    changes: bool = False

    def limit_s(self, taken: BaseModel) -> float:
        """Seconds after which its answer is no longer waited for."""
        asked = getattr(taken, "time_s", None)
        return _QUICK_S if asked is None else float(asked) + GRACE_S


TOOLS: tuple[Tool, ...] = (
    Tool(
        "tests_detect",
        Group.TESTS,
        "What judges your work: the checks that every state has to pass, the test frameworks in the "
        "repository with the command of each, and the protected files that you must not change.",
        args.Nothing,
        results.Setup,
        lambda part, _, __: part.detect(),
    ),
    Tool(
        "tests_skeleton",
        Group.TESTS,
        "The text of a new test file that fails until you complete it: write it to the path it names.",
        args.SkeletonArguments,
        results.Skeleton,
        lambda part, taken, _: part.skeleton(taken.framework, taken.subject),
    ),
    Tool(
        "tests_run",
        Group.TESTS,
        "Run the checks on the state of your workspace as it is now, as the gate will: in fresh "
        "containers, with protected files put back. Answers which tests failed and how.",
        args.RunArguments,
        results.ChecksResult,
        lambda part, taken, over: part.run(taken.checks, taken.time_s, over),
    ),
    Tool(
        "benchmark_run",
        Group.BENCHMARK,
        "Run the benchmark on the state of your workspace as it is now. One run says little: use "
        "benchmark_compare to know whether a change is a gain.",
        args.TimeArguments,
        results.Benchmarked,
        lambda part, taken, over: part.run(taken.time_s, over),
    ),
    Tool(
        "benchmark_compare",
        Group.BENCHMARK,
        "Measure the state of your workspace against the one that you began from, in turn, until "
        "enough is known. Answers the gain in per cent with its 95 % interval.",
        args.TimeArguments,
        results.Compared,
        lambda part, taken, over: part.compare(taken.time_s, over),
    ),
    Tool(
        "knowledge_similar",
        Group.KNOWLEDGE,
        "What earlier work of this kind has taught: what was tried, what came of it, and why.",
        args.SimilarArguments,
        results.Lessons,
        lambda part, taken, _: part.similar(taken.what, taken.most),
    ),
    Tool(
        "knowledge_prompt",
        Group.KNOWLEDGE,
        "A prompt that has led to gains in this category of work before.",
        args.CategoryArguments,
        results.ReferencePrompt,
        lambda part, taken, _: part.prompt(taken.category),
    ),
    Tool(
        "knowledge_store",
        Group.KNOWLEDGE,
        "Keep a pattern for the agents that come after you.",
        args.StoreArguments,
        results.Stored,
        lambda part, taken, _: part.store(taken.category, taken.pattern, taken.tags),
        changes=True,
    ),
    Tool(
        "models_presets",
        Group.MODELS,
        "The presets of models: what each is for.",
        args.Nothing,
        results.Presets,
        lambda part, _, __: part.presets(),
    ),
    Tool(
        "models_best",
        Group.MODELS,
        "The model that has done best in a category of work, by success and cost, and why.",
        args.BestArguments,
        results.Choice,
        lambda part, taken, _: part.best(taken.category, taken.preset),
    ),
    Tool(
        "tree_node",
        Group.TREE,
        "Where you are in the search: the state that you began from, how it came to be, its metrics "
        "and the root's, and what is wanted of you.",
        args.Nothing,
        results.MyNode,
        lambda part, _, __: part.node(),
    ),
    Tool(
        "tree_siblings",
        Group.TREE,
        "What else was tried on the state that you began from, and what came of it.",
        args.MostArguments,
        results.Nodes,
        lambda part, taken, _: part.siblings(taken.most),
    ),
    Tool(
        "tree_failures",
        Group.TREE,
        "What failed around here and why: don't try it again in the same way.",
        args.MostArguments,
        results.Nodes,
        lambda part, taken, _: part.failures(taken.most),
    ),
    Tool(
        "features_list",
        Group.FEATURES,
        "What the agents of this run work on, so that no two of them do the same.",
        args.Nothing,
        results.Features,
        lambda part, _, __: part.all(),
    ),
    Tool(
        "features_claim",
        Group.FEATURES,
        "Say that you work on something. If somebody else does already, choose something else.",
        args.FeatureArguments,
        results.Features,
        lambda part, taken, _: part.claim(taken.name, taken.note),
        changes=True,
    ),
    Tool(
        "features_update",
        Group.FEATURES,
        "Change the note of a feature that you have claimed.",
        args.FeatureArguments,
        results.Features,
        lambda part, taken, _: part.update(taken.name, taken.note),
        changes=True,
    ),
    Tool(
        "features_done",
        Group.FEATURES,
        "Say that a feature that you have claimed is done.",
        args.FeatureArguments,
        results.Features,
        lambda part, taken, _: part.done(taken.name, taken.note),
        changes=True,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
