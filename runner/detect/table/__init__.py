"""The test frameworks that are known, as data."""

from __future__ import annotations

from runner.detect.framework import Framework
from runner.detect.table.managed import MANAGED
from runner.detect.table.native import NATIVE
from runner.detect.table.scripting import OVER_PYTEST, SCRIPTING
from runner.detect.table.web import WEB

# Of one ecosystem, the earlier one comes first where markers speak for several.
FRAMEWORKS: tuple[Framework, ...] = (*SCRIPTING, *WEB, *NATIVE, *MANAGED)
BY_NAME = {framework.name: framework for framework in FRAMEWORKS}

__all__ = ["BY_NAME", "FRAMEWORKS", "OVER_PYTEST"]
