"""The target is nobody's test."""

collect_ignore = ["target"]
