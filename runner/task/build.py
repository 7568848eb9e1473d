"""From the file's shape to the task's values, and to what is wrong with them.

What can be wrong here is what no single key shows: names that don't match, files that aren't
there. Problems are collected, so that the user sees all of them at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from runner.agents.catalogue import load_catalogue
from runner.errors import TaskError
from runner.images import agents_of
from runner.measure.judge import Benchmark, Trials
from runner.measure.loaders import Loaders
from runner.model import Action, ActionKind, AgentSpec, Limits
from runner.planner.budget import BudgetLimits
from runner.planner.mode import ModeSettings
from runner.planner.policy import SearchSettings
from runner.planner.reward import Thresholds
from runner.task.agents import agent_action, aids_of, danger, image_of, models_of
from runner.task.file import (
    ActionSection,
    BudgetSection,
    LimitsSection,
    SandboxSection,
    SearchSection,
    TaskFile,
)
from runner.task.files import unmatched
from runner.task.judges import (
    benchmark_of,
    checks_of,
    hidden_by,
    repeated,
    sealed_of,
    tests_first_of,
)
from runner.task.mounts import mounts_of
from runner.task.problems import shown
from runner.task.quantity import wish
from runner.task.section import Section
from runner.task.spec import Hooks, ImageSpec, Task

# Where neither evaluations nor time are limited, a search of all combinations would never end.
DEFAULT_NODES = 32
_MODE_KEYS = ("mode", "complexity", "reflections")


def build_task(path: Path, file: TaskFile, problems: list[str]) -> Task:
    """The task of a file at ``path``; what is wrong with it is added to ``problems``, and the
    task is then of no use."""
    folder = path.parent
    target = (folder / file.target).resolve()
    limits = _limits(file.limits, file.sandbox)
    limits = replace(limits, mounts=mounts_of(folder, file.sandbox.mounts, problems))
    problems += _network_problems(file.sandbox)
    problems += danger(file)
    actions = _actions(folder, file.actions, problems)
    aids = aids_of(folder, file, problems)
    agents = [action.agent for action in actions if action.agent]
    agents += [aids.reviewer] if aids.reviewer else []
    benchmark = benchmark_of(file, limits, problems)
    sealed = sealed_of(folder, target, file, limits, problems)
    exclude = (*file.exclude, *hidden_by(path, target, sealed))
    problems += _target_problems(target, file, exclude)
    return Task(
        name=file.name,
        path=path,
        target=target,
        exclude=exclude,
        image=_image(folder, file, agents, problems),
        setup=tuple(file.setup),
        setup_timeout_s=file.setup_timeout_s or limits.time_s,
        actions=actions,
        checks=checks_of("checks", file.checks, limits, problems),
        benchmark=benchmark,
        protected=tuple(file.protected),
        limits=limits,
        search=_search(file.search),
        budget=_budget(file.budget, benchmark, problems),
        hooks=_hooks(folder, file, problems),
        verify_top=file.search.verify_top,
        verify_pairs=file.search.verify_pairs,
        loaders=Loaders(**_given(file.loaders, "allow"), allow=tuple(file.loaders.allow)),  # type: ignore[arg-type]
        sealed=sealed,
        tests_first=tests_first_of(file.tests_first, limits),
        trials=Trials(**_given(file.trials)),  # type: ignore[arg-type]
        hosts=tuple(file.sandbox.hosts),
        read_only=file.sandbox.read_only,
        secrets=tuple(file.sandbox.secrets),
        kind=file.sandbox.kind,
        unsafe_agents=file.sandbox.unsafe_agents,
        models=models_of(file.gateway, agents, problems),
        aids=aids,
        mode=_mode(file),
    )





def _target_problems(target: Path, file: TaskFile, exclude: tuple[str, ...]) -> Iterator[str]:
    if not target.is_dir():
        yield f"target = {shown(file.target)}: {target} is no directory"
        return
    for glob, guess in unmatched(target, file.protected, exclude).items():
        yield f"protected = {shown(glob)}: matches no file in {target}{guess}"


def _given(section: Section, *without: str) -> dict[str, object]:
    """What the file has for a section; the rest is left to the defaults of a dataclass."""
    return {key: getattr(section, key) for key in section.model_fields_set if key not in without}


def _network_problems(section: SandboxSection) -> Iterator[str]:
    if section.network == "allow" and not section.hosts:
        yield 'sandbox.hosts: is missing; with network = "allow" it lists what may be reached'
    if section.network != "allow" and section.hosts:
        yield 'sandbox.hosts: has no effect without network = "allow"'


def _limits(section: LimitsSection, sandbox: SandboxSection) -> Limits:
    names = {
        "time": "time_s",
        "memory": "memory_bytes",
        "log": "log_bytes",
        "tmp": "tmp_bytes",
        "shm": "shm_bytes",
        "disk": "disk_bytes",
    }
    given = {names.get(key, key): value for key, value in _given(section).items()}
    runtime = sandbox.runtime or ""
    return Limits(**given, runtime=runtime)  # type: ignore[arg-type]


def _search(section: SearchSection) -> SearchSettings:
    thresholds = Thresholds(**_given(section.thresholds))  # type: ignore[arg-type]
    given = _given(section, "thresholds", "verify_top", "verify_pairs", *_MODE_KEYS)
    return SearchSettings(**given, thresholds=thresholds)  # type: ignore[arg-type]


def _mode(file: TaskFile) -> ModeSettings:
    given = _given(file.search, *(SearchSection.model_fields.keys() - _MODE_KEYS))
    min_gain = file.search.thresholds.min_gain or 0.0
    return ModeSettings(**given, min_gain=min_gain, targets=bool(file.budget.target))  # type: ignore[arg-type]


def _budget(section: BudgetSection, benchmark: Benchmark, problems: list[str]) -> BudgetLimits:
    targets = tuple(wish(text) for text in section.target)
    names = [metric.name for metric in benchmark.metrics]
    for text, target in zip(section.target, targets, strict=True):
        if target.metric not in names:
            problems.append(
                f"budget.target = {shown(text)}: no such metric; declared: {', '.join(names)}"
            )
    limits = section.nodes, section.wall_time, section.container_time, section.cost
    limited = any(limit is not None for limit in limits)
    return BudgetLimits(
        nodes=section.nodes if limited else DEFAULT_NODES,
        wall_time_s=section.wall_time,
        container_s=section.container_time,
        snapshot_bytes=section.snapshot_bytes,
        cost_usd=section.cost,
        targets=targets,
    )


def _image(
    folder: Path, file: TaskFile, agents: Sequence[AgentSpec], problems: list[str]
) -> ImageSpec:
    image = file.image
    if "image" not in file.model_fields_set and image_of(agents):
        return ImageSpec(agents=image_of(agents))
    if image.agents:
        try:
            agents_of(image.agents)
        except TaskError as error:
            problems.append(f"image.{error}")
    if image.dockerfile is None:
        return ImageSpec(image.agent, tuple(image.agents or ()), image.name or "")
    dockerfile = (folder / image.dockerfile).resolve()
    if not dockerfile.is_file():
        problems.append(f"image.dockerfile = {shown(image.dockerfile)}: {dockerfile} is no file")
    return ImageSpec(dockerfile=dockerfile)


def _actions(
    folder: Path, sections: Iterable[ActionSection], problems: list[str]
) -> tuple[Action, ...]:
    actions: list[Action] = []
    for number, section in enumerate(sections, start=1):
        if section.agent is not None:
            actions.append(agent_action(folder, number, section, problems))
            continue
        if section.catalogue is None:
            actions.append(_command(section))
            continue
        try:
            actions += load_catalogue(folder / section.catalogue)
        except TaskError as error:
            shown_value = shown(section.catalogue)
            problems.append(f"actions[{number}].catalogue = {shown_value}: {error}")
    problems += repeated("actions", (action.key for action in actions))
    return tuple(actions)


def _command(section: ActionSection) -> Action:
    return Action(
        key=section.name or "",
        kind=ActionKind.COMMAND,
        body=(section.command or "").encode(),
        description=section.description,
        group=section.group or "",
        prior=section.prior,
        tag=section.tag or "",
        open_ended=section.open_ended,
    )




def _hooks(folder: Path, file: TaskFile, problems: list[str]) -> Hooks:
    section = file.hooks
    for key in ("pre_execution", "post_execution", "backtrack"):
        program = (getattr(section, key) or [""])[0]
        if "/" in program and not os.access(folder / program, os.X_OK):
            problems.append(
                f"hooks.{key} = {shown(program)}: {folder / program} is no executable file; "
                "a hook is a program and its arguments, each as text of its own"
            )
    return Hooks(
        pre_execution=tuple(section.pre_execution or ()),
        post_execution=tuple(section.post_execution or ()),
        backtrack=tuple(section.backtrack or ()),
        timeout_s=section.timeout_s,
    )
