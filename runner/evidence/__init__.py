"""Each node's source tree as a commit in a bare git repository; the target as a tar stream."""

from runner.evidence.archive import ArchiveLimits
from runner.evidence.claims import Claims
from runner.evidence.errors import GitMissing, Refused, TreeTooLarge
from runner.evidence.ignore import IgnoreRules
from runner.evidence.publish import apply, publish, uncommitted
from runner.evidence.repository import EMPTY_TREE, Evidence, Recorded
from runner.evidence.target import pack_folder, pack_target

__all__ = [
    "EMPTY_TREE",
    "ArchiveLimits",
    "Claims",
    "Evidence",
    "GitMissing",
    "IgnoreRules",
    "Recorded",
    "Refused",
    "TreeTooLarge",
    "apply",
    "pack_folder",
    "pack_target",
    "publish",
    "uncommitted",
]
