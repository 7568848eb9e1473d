"""The command line: the only room that prints, and the only one that puts the parts together."""

from __future__ import annotations

import os
import sys

import click
from rich.console import Console

from runner.cli.app import app
from runner.errors import ExitCode, OppieError
from runner.report.text import clean_block


def main() -> None:
    """Entry point of ``oppie``. Every end has an exit code of its own (``errors.ExitCode``)."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except OppieError as error:
        Console(stderr=True).print(f"oppie: {clean_block(str(error))}", markup=False, soft_wrap=True)
        return error.exit_code
    except BrokenPipeError:
        # The reader left (`oppie tree | head`); don't let the interpreter complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERNAL
    return code if isinstance(code, int) else ExitCode.IMPROVED
