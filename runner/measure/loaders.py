"""Files that change how the judged files are loaded, without being among them.

A test file is as it was; but a ``conftest.py`` beside it skips it, a ``sitecustomize.py`` patches the
clock before it runs, a ``random.py`` stands in for the standard library's, a hook of git runs with
the next command. What becomes of a node that adds or changes such a file is the task's policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.measure.loader_rules import (
    GIT,
    INSTALLED,
    JUDGES,
    LIBRARY,
    PLUGIN,
    RULES,
    SHADOWS,
    Names,
    folded,
    folded_rules,
    links,
)
from runner.measure.protected import change_word, matches, shown


class LoaderPolicy(StrEnum):
    """What becomes of a node that touches such a file."""

    TAMPERED = "tampered"
    NOTE = "note"  # it goes on, and the node says so
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Loaders:
    """The task's policy; ``allow`` are globs of files that it doesn't hold for."""

    policy: LoaderPolicy = LoaderPolicy.TAMPERED
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """A workspace: paths and what identifies their content, of the recorded ``files``
    (``<mode> <blob id>``), and of those that are ``watched`` although they are ignored, or git's
    own."""

    files: Mapping[str, str]
    watched: Mapping[str, str]


_LINK = "120000 "  # the mode of a symbolic link, in git's words
_SOURCE_ROOTS = frozenset({"", "src", "lib", "python"})
_MODULES = (".py", ".pyc", ".so", ".pyd")
_SCRIPTS = frozenset({"", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"})
_ANYWHERE = Names(folded_rules(RULES))
_IN_SOURCES = Names(folded_rules(RULES + INSTALLED))
_LINKED = Names(links(folded_rules(RULES + INSTALLED)))
_NEW = Names(SHADOWS)


def watches(protected: Iterable[str]) -> Callable[[str], bool]:
    """Which files to identify although no evidence is kept of them: git's own configuration, and
    ignored files that are protected, or would load others."""
    globs = tuple(protected)
    return lambda path: (
        _is_configuration_of_git(path)
        or matches(globs, path)
        or _ANYWHERE.what(folded(path)) != ""
        or _hidden(path, _SOURCE_ROOTS) != ""
    )


def loader_changes(
    root: Sources,
    node: Sources,
    protected: Iterable[str],
    loaders: Loaders,
    asked: Iterable[str] = (),
    sealed: Iterable[str] = (),
) -> tuple[str, ...]:
    """What was added or changed, each as ``added conftest.py (the test runner's configuration)``.

    Empty where the policy allows it. Removing such a file counts as well; what is protected is not
    told again, but for what is ``asked`` for (globs) and may be added there. ``sealed`` are paths that will be
    laid over the workspace, and judge as well.
    """
    if loaders.policy is LoaderPolicy.ALLOW:
        return ()
    judged, allowed, asked = tuple(protected), loaders.allow, tuple(asked)

    def concerns(path: str) -> bool:
        told = matches(judged, path) and not matches(asked, path)
        return not told and not matches(allowed, path)

    return tuple(_changes(root, node, concerns, _Judged.of(judged, root.files, sealed)))


def ignored_changes(root: Sources, node: Sources, protected: Iterable[str]) -> tuple[str, ...]:
    """Protected files that git ignores, and that were changed, added or removed all the same.

    Compiled Python is passed over: judging containers don't read it.
    """
    globs = tuple(protected)
    return tuple(
        f"{change_word(path, root.watched, node.watched)} {shown(path)}"
        for path in _touched(root.watched, node.watched)
        if matches(globs, path) and "__pycache__" not in path.split("/")
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """The judged files, as others may stand in their way.

    ``globs`` are theirs, and ``names`` the same folded. ``places`` are the folders in which imports begin: a
    script's own comes first. ``modules`` and ``scripts`` are paths without a suffix. ``own`` are
    all modules of the root, judged or not, which may be called like a library.
    """

    globs: tuple[str, ...]
    names: tuple[str, ...]
    places: frozenset[str]
    modules: frozenset[str]
    scripts: frozenset[str]
    own: frozenset[str]

    @classmethod
    def of(
        cls, protected: tuple[str, ...], files: Mapping[str, str], sealed: Iterable[str]
    ) -> _Judged:
        paths = [*(path for path in files if matches(protected, path)), *sealed]
        bare = [path for path in map(_split, paths) if path[1]]
        return cls(
            protected,
            tuple(map(folded, protected)),
            _SOURCE_ROOTS | {path.rpartition("/")[0] for path in paths},
            frozenset(stem for stem, suffix in bare if suffix == ".py"),
            frozenset(stem for stem, suffix in bare if suffix in (*_SCRIPTS, ".json")),
            frozenset(_split(path)[0] for path in files if path.endswith(_MODULES)),
        )


def _changes(
    root: Sources, node: Sources, concerns: Callable[[str], bool], judged: _Judged
) -> Iterator[str]:
    for path in _touched(root.files, node.files):
        about, was = node.files.get(path, ""), root.files.get(path, "")
        if concerns(path) and (what := _what_recorded(path, was, about, judged)):
            yield f"{change_word(path, root.files, node.files)} {shown(path)} ({what})"
    for path in _touched(root.watched, node.watched):
        new = path not in root.watched
        if concerns(path) and (what := _what_watched(path, new, judged)):
            yield f"{change_word(path, root.watched, node.watched)} {shown(path)} ({what})"


def _what_recorded(path: str, was: str, about: str, judged: _Judged) -> str:
    """What a path of the sources has influence on, by what identified it before and does now; empty
    if on nothing that a rule knows."""
    linked = about.startswith(_LINK)
    if what := _IN_SOURCES.what(folded(path)):
        return what
    if linked and (what := _LINKED.what(folded(path)) or _hidden_by_link(path, judged)):
        return what
    if was or not about:
        return ""
    hidden = _hidden(path, judged.places, judged.own)
    return _NEW.what(path) or hidden or _in_the_way(path, judged)


def _what_watched(path: str, new: bool, judged: _Judged) -> str:
    """The same of a path that is no part of the sources."""
    if what := _ANYWHERE.what(folded(path)):
        return what
    if _is_configuration_of_git(path):
        return "git's configuration"
    return _hidden(path, judged.places, judged.own) if new else ""


def _is_configuration_of_git(path: str) -> bool:
    return path.startswith(".git") and matches(GIT, path)


def _hidden(path: str, places: frozenset[str], own: frozenset[str] = frozenset()) -> str:
    """Which library a Python module of this path would hide, if it is where imports begin."""
    if not path.endswith(_MODULES):
        return ""
    module, _ = _split(path)
    folder, _, name = module.rpartition("/")
    if folder.rpartition("/")[2] in JUDGES:  # a part of such a package, and not the whole of it
        folder, _, name = folder.rpartition("/")
    if folder not in places or "/".join(filter(None, (folder, name))) in own:
        return ""
    return _library(name)


def _hidden_by_link(path: str, judged: _Judged) -> str:
    """The same of a link that may lead to a package, or to a folder in which imports begin."""
    folder, _, name = path.rpartition("/")
    if path in judged.places:
        return "where imports begin"
    return _library(name) if folder in judged.places else ""


def _library(module: str) -> str:
    if module in JUDGES or module.startswith(PLUGIN):
        return "the test runner, which it shadows"
    return "the standard library, which it shadows" if module in LIBRARY else ""


def _in_the_way(path: str, judged: _Judged) -> str:
    """Whether a new file is found in place of a judged one: under its name in other letters, as a
    package or a library beside a module, as a script of another kind."""
    if matches(judged.names, folded(path)) and not matches(judged.globs, path):
        return "a judged file's name in other letters"
    stem, suffix = _split(path)
    package = path.endswith(_MODULES) and path.rpartition("/")[2].startswith("__init__.")
    library = path.endswith((".so", ".pyd"))
    if (package or library) and stem in judged.modules:
        return "a judged module, which it shadows"
    if suffix in _SCRIPTS and stem in judged.scripts:
        return "a judged script, which it may shadow"
    return ""


def _split(path: str) -> tuple[str, str]:
    """The path without its suffix, and that; a package's own file stands for the package."""
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.partition(".")
    if stem == "__init__" and folder:
        return folder, dot + suffix
    return folder + slash + stem, dot + suffix


def _touched(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    paths = before.keys() | after.keys()
    return sorted(path for path in paths if before.get(path) != after.get(path))
