"""Writing a drafted task: whole files, nothing replaced unasked, and only what loads."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.detect import Detection, Tree, detect_in
from runner.detect.draft import CATALOGUE, DOCKERFILE, TASK_FILE, Draft, dockerfile, draft
from runner.errors import TaskError
from runner.evidence import pack_target
from runner.task import load_task


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, from what, and what their user should know."""

    files: tuple[Path, ...]
    detection: Detection
    hints: tuple[str, ...]


def write_draft(folder: Path, actions: tuple[str, ...], *, force: bool) -> Written | None:
    """Write a task file for ``folder``, and a Dockerfile if it needs one; ``None``, and nothing is
    written, if there are neither tests nor a benchmark.

    Raises ``TaskError`` for a folder that can't be read or written, an action that is no command,
    and a file that is there already, unless ``force`` is true.
    """
    tree = Tree(folder)
    detection = detect_in(tree, task=False)
    if not detection.benchmarks:
        return None
    image = dockerfile(tree, detection, detection.benchmarks[0])
    names = (TASK_FILE, DOCKERFILE) if image else (TASK_FILE,)
    for name in names if not force else ():
        if (folder / name).exists() or (folder / name).is_symlink():
            raise TaskError(f"{folder / name}: is there already; --force replaces it")
    text = draft(
        Draft(
            name=folder.absolute().name,
            files=_copied(folder),
            detection=detection,
            benchmark=detection.benchmarks[0],
            actions=actions,
            catalogue=_is_catalogue(folder / CATALOGUE),
            dockerfile=bool(image),
        )
    )
    _write_both(folder, text, image)
    written = tuple(folder / name for name in reversed(names))
    return Written(written, detection, tuple(_hints(actions, folder)))


def _hints(actions: tuple[str, ...], folder: Path) -> list[str]:
    hints = []
    if not actions and not _is_catalogue(folder / CATALOGUE):
        hints.append(
            f"nothing is tried yet: put patches into {CATALOGUE}/ and run `oppie init --force`, "
            f"or name commands under [[actions]] in {TASK_FILE}"
        )
    return hints


def _copied(folder: Path) -> tuple[str, ...]:
    """The files that a run would copy: the packer asks about each, and is given none."""
    files: list[str] = []

    def leave_out(path: str) -> bool:
        files.append(path)
        return True

    for _ in pack_target(folder, leave_out):
        pass
    return tuple(sorted(files))


def _is_catalogue(folder: Path) -> bool:
    return folder.is_dir() and any(
        path.suffix in (".patch", ".sh") for path in folder.iterdir() if path.is_file()
    )


def _write_both(folder: Path, text: str, image: str) -> None:
    """Write the task file, after it was loaded under another name, and the Dockerfile that it names;
    a new one goes again if the task doesn't load."""
    dockerfile = folder / DOCKERFILE
    new = not dockerfile.exists()
    if image:
        with _scratch(dockerfile, image) as scratch:
            scratch.keep()
    try:
        with _scratch(folder / TASK_FILE, text) as scratch:
            load_task(scratch.path)
            scratch.keep()
    except TaskError:
        if image and new:
            dockerfile.unlink(missing_ok=True)
        raise


class _scratch:  # noqa: N801 - used like a function
    """A file beside ``path`` that takes its place when it is kept, and goes if it isn't."""

    def __init__(self, path: Path, text: str) -> None:
        self._target = path
        try:
            handle, name = tempfile.mkstemp(prefix=".oppie-", suffix=path.suffix, dir=path.parent)
            self.path = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TaskError(f"{path}: can't be written: {error.strerror}") from error

    def __enter__(self) -> _scratch:
        return self

    def keep(self) -> None:
        """Take the place of the target; a link there is replaced, not followed."""
        try:
            self.path.chmod(0o644)
            self.path.replace(self._target)
        except OSError as error:
            raise TaskError(f"{self._target}: can't be written: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()
