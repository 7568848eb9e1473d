"""The command line: the only room that prints, and the only one that puts the parts together."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from runner.errors import ExitCode, OppieError
from runner.report.text import clean_block


def main() -> None:
    """Entry point of ``oppie``. Every end has an exit code of its own (``errors.ExitCode``)."""
    from runner.cli.app import app  # all commands, which one imported part need not pay for

    try:
        app(prog_name="oppie")
    except OppieError as error:
        said = clean_block(str(error))
        Console(stderr=True, highlight=False).print(f"oppie: {said}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader left (`oppie tree | head`); don't let the interpreter complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.INTERNAL)
