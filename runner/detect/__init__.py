"""What a repository tests and measures with, found out from its files alone."""

from runner.detect.find import detect, detect_in
from runner.detect.model import Detection, Found, FoundBenchmark, Level, Unchosen
from runner.detect.tree import Tree

__all__ = [
    "Detection",
    "Found",
    "FoundBenchmark",
    "Level",
    "Tree",
    "Unchosen",
    "detect",
    "detect_in",
]
