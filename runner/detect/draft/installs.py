"""What a project depends on, and how an image build installs it, for each kind of lock file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from runner.detect.draft.python import python_install
from runner.detect.draft.steps import Install, copy
from runner.detect.model import Found
from runner.detect.tree import Tree, at


def installs(tree: Tree, tests: Sequence[Found], tools: Sequence[str]) -> Iterator[Install]:
    """What to install for the projects of ``tests``; ``tools`` are further packages of PyPI."""
    places = dict.fromkeys((test.ecosystem, test.folder) for test in tests)
    python = [folder for ecosystem, folder in places if ecosystem in ("python", "any")]
    if step := python_install(tree, python, tools):
        yield step
    for ecosystem, folder in places:
        match ecosystem:
            case "javascript":
                yield from _javascript(tree, folder)
            case "go":
                yield from _go(tree, folder)
            case "rust":
                yield from _from_sources(tree, folder, "Cargo.lock", "cargo fetch --locked")
            case "ruby":
                yield from _ruby(tree, folder)
            case "php":
                yield from _php(tree, folder)
            case "java":
                yield from _java(tree, folder)
            case "elixir":
                yield from _elixir(tree, folder)
            case "dotnet":
                yield from _from_sources(tree, folder, "", "dotnet restore")


def _javascript(tree: Tree, folder: str) -> Iterator[Install]:
    """The manager that the lock file is of. Scripts of the project itself aren't run."""
    prefix = f"{folder}/" if folder else ""
    manifests = [p for p in tree.below(folder) if p.rpartition("/")[2] == "package.json"]
    if not any(_depends(tree.json(path)) for path in manifests):
        return
    tool, command = "", "npm install --no-package-lock"
    locks = {
        "yarn.lock": ("yarn", "yarn install --frozen-lockfile --non-interactive --ignore-scripts"),
        "pnpm-lock.yaml": ("pnpm", "pnpm install --frozen-lockfile --ignore-scripts"),
        "npm-shrinkwrap.json": ("", "npm ci"),
        "package-lock.json": ("", "npm ci"),
    }
    lock = next((name for name in locks if prefix + name in tree), "")
    if lock:
        tool, command = locks[lock]
    if command.startswith("npm"):
        command += " --no-audit --no-fund --ignore-scripts && npm rebuild"
    extra = [prefix + name for name in (lock, ".npmrc", "pnpm-workspace.yaml") if name]
    copies = [path for path in (*manifests, *extra) if path in tree]
    yield Install(
        as_root=(f"RUN npm install --global {tool}",) if tool else (),
        as_user=_beside_sources(folder, copies, command),
        packages=("nodejs", "npm"),
    )


def _depends(manifest: Mapping[str, object]) -> bool:
    return any(at(manifest, key) for key in ("dependencies", "devDependencies"))


def _go(tree: Tree, folder: str) -> Iterator[Install]:
    prefix = f"{folder}/" if folder else ""
    copies = [prefix + name for name in ("go.mod", "go.sum") if prefix + name in tree]
    if "require" in tree.text(f"{prefix}go.mod"):
        yield Install(as_user=_beside_sources(folder, copies, "go mod download"))
    yield Install(as_user=("ENV GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false",))


def _ruby(tree: Tree, folder: str) -> Iterator[Install]:
    prefix = f"{folder}/" if folder else ""
    gems = "ENV BUNDLE_PATH=/opt/bundle"
    room = "RUN install -d -o 1000 -g 1000 /opt/bundle"
    packages = ("bundler", "ruby-dev", "build-essential")
    if f"{prefix}Gemfile" not in tree:
        return
    if "gemspec" in tree.text(f"{prefix}Gemfile"):
        step = _copied_whole(folder, "bundle install --quiet")
    else:
        names = [prefix + name for name in ("Gemfile", "Gemfile.lock") if prefix + name in tree]
        step = _beside_sources(folder, names, "bundle install --quiet")
    yield Install(as_root=(room, gems), as_user=step, packages=packages)


def _php(tree: Tree, folder: str) -> Iterator[Install]:
    prefix = f"{folder}/" if folder else ""
    manifest = tree.json(f"{prefix}composer.json")
    if at(manifest, "require") or at(manifest, "require-dev"):
        copies = [prefix + n for n in ("composer.json", "composer.lock") if prefix + n in tree]
        command = "composer install --no-interaction --no-progress --no-scripts"
        step = _beside_sources(folder, copies, command)
        yield Install(as_user=step, packages=("composer", "unzip"))


def _java(tree: Tree, folder: str) -> Iterator[Install]:
    """A build with its tests: both tools fetch what tests need only when they run some."""
    prefix = f"{folder}/" if folder else ""
    if f"{prefix}pom.xml" in tree:
        command = "mvn -B -q -Dmaven.test.failure.ignore=true test"
    elif f"{prefix}gradlew" in tree:
        command = "(./gradlew --no-daemon --continue test || true)"
    else:
        command = "(gradle --no-daemon --continue test || true)"
    yield Install(as_user=_copied_whole(folder, command))


def _elixir(tree: Tree, folder: str) -> Iterator[Install]:
    prefix = f"{folder}/" if folder else ""
    if f"{prefix}mix.lock" in tree:
        command = "mix local.hex --force && mix local.rebar --force && mix deps.get"
        copies = [f"{prefix}mix.exs", f"{prefix}mix.lock"]
        yield Install(as_user=_beside_sources(folder, copies, command))


def _from_sources(tree: Tree, folder: str, lock: str, command: str) -> Iterator[Install]:
    """What needs all of a project's manifests, and says itself where they are."""
    prefix = f"{folder}/" if folder else ""
    if not lock or prefix + lock in tree:
        yield Install(as_user=_copied_whole(folder, command))


def _beside_sources(folder: str, copies: Sequence[str], command: str) -> tuple[str, ...]:
    """Install where the sources will be; the manifests themselves come with those."""
    lines = []
    for place in dict.fromkeys(path.rpartition("/")[0] for path in copies):
        names = [path for path in copies if path.rpartition("/")[0] == place]
        lines.append(copy(names, f"/workspace/{place}/" if place else "/workspace/"))
    enter = f"cd {quote(folder)} && " if folder else ""
    gone = " ".join(quote(f"/workspace/{path}") for path in copies)
    return (*lines, f"RUN {enter}{command} && rm -f {gone}")


def _copied_whole(folder: str, command: str) -> tuple[str, ...]:
    """Run with a copy of all sources, of which nothing is left but what the tool keeps at home."""
    return (
        "COPY --chown=1000:1000 . /tmp/sources/",
        f"RUN cd {quote(f'/tmp/sources/{folder}'.rstrip('/'))} && {command} && rm -rf /tmp/sources",
    )
