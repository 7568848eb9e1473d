"""Engines that people have, fetched from Debian and run beside the machine's own.

``python -m tests.engines --help`` says how; docs/engines.md shows what came of it.
"""
