"""Which files change how others are loaded, by name.

A file at any depth may be found by a tool that looks upwards or walks down, so most globs begin
with ``**``. Where a file system knows no case, a name in other letters is the same name: what is
matched is folded (``folded``), the globs as well.
"""

from __future__ import annotations

import re
import sys
import unicodedata

Rules = tuple[tuple[str, tuple[str, ...]], ...]

# Looked for among the files that git ignores, too.
RULES: Rules = (
    (
        "the interpreter's start",
        (
            *("**/sitecustomize.py", "**/usercustomize.py", "**/*.pth", "**/*._pth"),
            *("**/pyvenv.cfg", "**/.python-version", "**/.ruby-version", "**/.node-version"),
            *("**/.nvmrc", "**/.tool-versions", "**/rust-toolchain", "**/rust-toolchain.toml"),
        ),
    ),
    (
        "the test runner's configuration",
        (
            *("**/conftest.py", "**/pytest.ini", "**/.pytest.ini", "**/tox.ini", "**/setup.cfg"),
            *("**/pytest.toml", "**/.pytest.toml", "**/pyproject.toml", "**/noxfile.py"),
            *("**/.coveragerc", "**/package.json", "**/.npmrc", "**/bunfig.toml"),
            *("**/jest.config.*", "**/vitest.config.*", "**/vitest.workspace.*"),
            *("**/vite.config.*", "**/.mocharc*", "**/playwright.config.*"),
            *("**/.babelrc*", "**/babel.config.*"),
            *("**/.rspec", "**/.bundle/config", "**/phpunit.xml*", "**/.phpunit.xml*"),
            *("**/.cargo/config", "**/.cargo/config.toml", "**/.config/nextest.toml"),
            *("**/.mvn/**", "**/gradle.properties", "**/junit-platform.properties"),
            *("**/CTestCustom.cmake", "**/CMakePresets.json", "**/CMakeUserPresets.json"),
            *("**/testng.xml", "**/*.runsettings", "**/Directory.Build.*", "**/xunit.runner.json"),
        ),
    ),
    (
        # With the workspace on its path, Python takes it for a package that was installed.
        "plugins of what judges",
        (
            *("**/*.dist-info/entry_points.txt", "**/*.egg-info/entry_points.txt"),
            *("**/EGG-INFO/entry_points.txt", "**/META-INF/services/org.junit.*"),
        ),
    ),
    (
        "a lock file",
        (
            *("**/package-lock.json", "**/npm-shrinkwrap.json", "**/yarn.lock"),
            *("**/pnpm-lock.yaml", "**/poetry.lock", "**/Pipfile.lock", "**/uv.lock"),
            "**/pdm.lock",
            *("**/go.mod", "**/go.sum", "**/go.work", "**/go.work.sum"),
            *("**/Cargo.lock", "**/Gemfile.lock", "**/composer.lock", "**/mix.lock"),
            *("**/packages.lock.json", "**/Package.resolved", "**/requirements*.txt"),
        ),
    ),
    ("git's configuration", ("**/.gitattributes", "**/.gitmodules")),
)

# Looked for among the sources only: where git ignores them, they are the set-up's work.
INSTALLED: Rules = (
    ("installed packages", ("**/node_modules/**", "**/site-packages/**", "**/vendor/modules.txt")),
)

# What counts only where it is new, because it comes before something of the same name.
SHADOWS: Rules = (
    ("make's recipes, before which it is read", ("**/GNUmakefile", "**/makefile")),
    (
        "the test runner, which it shadows",
        (
            *("**/org/junit/**", "**/junit/framework/**", "**/org/testng/**", "**/org/hamcrest/**"),
            *("**/org/openjdk/jmh/**", "**/lib/minitest.rb", "**/lib/rspec.rb"),
            *("**/lib/test/unit.rb", "**/lib/benchmark.rb", "**/lib/timeout.rb"),
        ),
    ),
)

# Inside git's own folder, which is no part of the sources: what makes other git commands act
# differently. Commits, branches and the index are an action's own business.
GIT = (
    *(".git", ".git/config", ".git/config.worktree", ".git/hooks/**", ".git/info/attributes"),
    *(".git/info/grafts", ".git/info/sparse-checkout", ".git/objects/info/alternates"),
    *(".git/refs/replace/**", ".git/commondir", ".git/gitdir", ".git/modules/**"),
)

LIBRARY = frozenset(sys.stdlib_module_names)
# Python packages that judge, and those that pytest imports: one of the same name in the sources
# would be imported instead. So would one in place of any plugin of pytest's.
JUDGES = frozenset(
    {
        *("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "exceptiongroup", "tomli"),
        *("attr", "attrs", "pygments", "colorama", "typing_extensions", "hypothesis", "coverage"),
        *("xdist", "execnet", "nose2", "tox", "nox", "pip", "setuptools", "pkg_resources"),
    }
)
PLUGIN = "pytest_"


def folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFKC", name).casefold()


class Names:
    """Rules in a form that asks one question of a path, however many globs there are.

    A workspace may hold a hundred thousand files, each of which is asked about.
    """

    def __init__(self, rules: Rules) -> None:
        self._whats = [what for what, _ in rules]
        # A group for each rule; the first that matches tells the number of its rule.
        groups = (f"({'|'.join(map(_pattern, globs))})" for _, globs in rules)
        self._match = re.compile(f"(?:.*/)?(?:{'|'.join(groups)})", re.DOTALL).fullmatch

    def what(self, path: str) -> str:
        """What the first rule that a path matches is about; "" if it matches none."""
        found = self._match(path)
        return self._whats[(found.lastindex or 1) - 1] if found else ""


def folded_rules(rules: Rules) -> Rules:
    """The rules for folded names."""
    return tuple((what, tuple(map(folded, globs))) for what, globs in rules)


def links(rules: Rules) -> Rules:
    """The rules for the folders that their globs go through: a link of such a name brings in what
    is below another."""
    named = ((what, tuple(filter(None, map(_folder_of, globs)))) for what, globs in rules)
    return tuple((what, globs) for what, globs in named if globs)


def _folder_of(glob: str) -> str:
    """``**/.cargo`` of ``**/.cargo/config``; "" of what lies in no folder of a certain name."""
    folder = glob.rpartition("/")[0]
    return "" if folder.rpartition("/")[2] in ("", "**") else folder


def _pattern(glob: str) -> str:
    """What follows ``**/``, as a regular expression; ``protected.matches`` says what a glob means."""
    first, *names = glob.split("/")
    assert first == "**" and "**" not in names[:-1], glob
    return "/".join(map(_name_pattern, names))


def _name_pattern(name: str) -> str:
    return ".+" if name == "**" else re.escape(name).replace(r"\*", "[^/]*")
