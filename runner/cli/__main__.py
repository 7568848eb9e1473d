"""``python -m runner.cli``: the ``oppie`` command where no script of that name is installed."""

from runner.cli import main

main()
