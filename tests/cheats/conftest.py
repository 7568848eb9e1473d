"""The target has tests of its own, which run in containers only."""

collect_ignore = ["target", "sealed"]
