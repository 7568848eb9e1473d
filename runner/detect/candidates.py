"""All ways to run a repository's tests that its files speak of, before any is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.detect.commands import MARKED, Reason, Use, enter, found, with_tools
from runner.detect.environments import nox_scripts, tox_scripts
from runner.detect.framework import Project, evidence
from runner.detect.globs import literal
from runner.detect.makefiles import JUSTFILES, MAKEFILES, just_scripts, make_scripts
from runner.detect.manifests import composer_scripts, npm_scripts, python_scripts
from runner.detect.model import Found, Level, Unchosen
from runner.detect.recognise import recognise, segments
from runner.detect.scripts import Script, Scripts
from runner.detect.shell import parse
from runner.detect.table import BY_NAME, FRAMEWORKS, OVER_PYTEST
from runner.detect.tree import Tree, at
from runner.measure.reports import Format

TASK_FILE = "oppie.toml"
TEST_NAMES = ("test", "tests", "py")
OTHER_NAMES = (
    *("check", "test:unit", "test-unit", "test_unit", "unit", "unittest", "unittests", "pytest"),
    *("test:ci", "test-ci", "test:node", "spec", "specs", "ci"),
)
ANY = "any"  # the ecosystem of a script that doesn't say which


@dataclass(frozen=True, slots=True)
class Shelf:
    """The scripts of one folder, and the projects of each ecosystem there."""

    folder: str
    scripts: Scripts
    projects: dict[str, Project]


def from_task(tree: Tree) -> Iterator[Found]:
    """The checks of a task file that is there already, just as they are."""
    checks = at(tree.toml(TASK_FILE), "checks")
    for number, check in enumerate(checks if isinstance(checks, list) else (), start=1):
        command, name = at(check, "command"), at(check, "name")
        if not isinstance(command, str) or not command.strip():
            continue
        known = [recognise(call) for call in parse(command) or ()]
        framework = next((each.framework for each in known if each), None)
        results = at(check, "results")
        form = at(check, "format") or Format.JUNIT
        yield Found(
            framework=framework.name if framework else str(name or "check"),
            ecosystem=framework.ecosystem if framework else ANY,
            folder="",
            command=command,
            level=Level.TASK,
            why=(f"{TASK_FILE}: checks[{number}] ({name})",),
            results=results if isinstance(results, str) else "",
            format=Format(str(form)) if results and form in set(Format) else None,
            needs=framework.needs if framework else (),
        )


def shelves(tree: Tree, projects: Sequence[Project]) -> Iterator[Shelf]:
    """The scripts of the top and of each project's folder."""
    folders = dict.fromkeys(["", *(project.folder for project in projects)])
    for folder in folders:
        here = {project.ecosystem: project for project in projects if project.folder == folder}
        yield Shelf(folder, Scripts(tuple(_scripts(tree, folder))), here)


def _scripts(tree: Tree, folder: str) -> Iterator[Script]:
    prefix = f"{folder}/" if folder else ""
    yield from npm_scripts(tree, f"{prefix}package.json")
    yield from composer_scripts(tree, f"{prefix}composer.json")
    for name in ("tox.ini", "tox.toml", "setup.cfg", "pyproject.toml"):
        yield from tox_scripts(tree, prefix + name)
    yield from nox_scripts(tree, f"{prefix}noxfile.py")
    yield from python_scripts(tree, f"{prefix}pyproject.toml")
    for name in MAKEFILES:
        yield from make_scripts(tree, prefix + name)
    for name in JUSTFILES:
        yield from just_scripts(tree, prefix + name)


def from_scripts(tree: Tree, shelf: Shelf) -> Iterator[Found | Unchosen]:
    """What the scripts that are named after tests come down to, one of each runner."""
    for runner in shelf.scripts.runners:
        script = _main_script(shelf, runner)
        if script is None:
            continue
        if script.empty:
            yield Unchosen(script.source, "it runs nothing")
        elif script.fans_out:
            yield Unchosen(
                script.source, "it runs the scripts of other folders, which are looked at"
            )
        else:
            yield from _of_script(tree, shelf, script)


def _main_script(shelf: Shelf, runner: str) -> Script | None:
    """The one that is called `test`; else of those with other names the first that runs a known
    framework, or else the first of which nothing is known."""
    main = next(shelf.scripts.named(runner, TEST_NAMES), None)
    if main:
        return main
    # Sessions of nox have names of all kinds.
    names = [each.name for each in shelf.scripts.listed] if runner == "nox" else []
    others = [*shelf.scripts.named(runner, (*OTHER_NAMES, *names))]
    telling = (each for each in others if any(segments(shelf.scripts.calls(each) or ())))
    unknown = (each for each in others if each.name in OTHER_NAMES and each.lines is None)
    return next(telling, None) or next(unknown, None)


def _of_script(tree: Tree, shelf: Shelf, script: Script) -> Iterator[Found]:
    calls = shelf.scripts.calls(script)
    recognised = tuple(segments(calls)) if calls else ()
    for each in recognised:
        framework = each.framework
        project = shelf.projects.get(framework.ecosystem) or Project(
            shelf.folder, framework.ecosystem, tree.below(shelf.folder)
        )
        why = [f"{script.source} runs {framework.name}"]
        if framework.name != script.runner:
            why.append("called directly, so that its results can be had")
        why += evidence(tree, project, framework)
        reason = Reason(Level.SCRIPT, tuple(why), _via(script, framework.name))
        yield from found(tree, project, framework, reason, each.use)
    if not recognised:
        yield _as_it_is(tree, shelf, script)


def _via(script: Script, framework: str) -> str:
    return "" if script.runner == framework else script.command


def _as_it_is(tree: Tree, shelf: Shelf, script: Script) -> Found:
    """A script in which no framework is seen: its tests are counted from what it prints."""
    why = (f"{script.source}: it doesn't say which framework, or says more than plain commands",)
    if script.runner in OVER_PYTEST:
        return _in_environment(tree, shelf, script, why)
    exports = ["CI=1", "NO_COLOR=1"]
    if tools := with_tools(tree, script.ecosystem, shelf.folder):
        exports.append(tools)
    steps = [*enter(shelf.folder), f"export {' '.join(exports)}", script.command]
    return Found(
        framework=script.runner,
        ecosystem=script.ecosystem,
        folder=shelf.folder,
        command=" && ".join(steps),
        level=Level.SCRIPT,
        why=why,
        notes=("leaves no results for programs; its tests are counted from what it prints",),
        needs=("make",) if script.runner == "make" else (),
        judged=(literal(script.source.partition(":")[0]),),
    )


def _in_environment(tree: Tree, shelf: Shelf, script: Script, why: tuple[str, ...]) -> Found:
    """What tox or nox runs: by them, if they need no network for it; else pytest by itself, where
    it is pytest that they run."""
    over_pytest = "pytest" in tree.text(script.source.partition(":")[0])
    project = shelf.projects.get("python") or Project(shelf.folder, "python", ())
    if over_pytest and script.builds:
        told = f"{script.source} runs pytest in an environment that takes a network to be made"
        reason = Reason(Level.SCRIPT, (told, "called directly, without"), script.command)
        return found(tree, project, BY_NAME["pytest"], reason)[0]
    tool = (OVER_PYTEST if over_pytest else BY_NAME)[script.runner]
    use = Use(args=()) if script.runner == "tox" else _named(script)
    return found(tree, project, tool, Reason(Level.SCRIPT, why), use)[0]


def _named(script: Script) -> Use:
    calls = parse(f"-s {script.name}")
    return Use(args=calls[0].words) if calls else MARKED


def from_markers(tree: Tree, project: Project) -> Iterator[Found]:
    """The frameworks that a project's configuration, folders and imports speak of."""
    for framework in FRAMEWORKS:
        if framework.ecosystem != project.ecosystem:
            continue
        why = evidence(tree, project, framework)
        if why:
            yield from found(tree, project, framework, Reason(Level.MARKER, why))
