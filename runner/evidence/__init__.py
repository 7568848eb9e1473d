"""Each node's source tree as a commit in a bare git repository; the target as a tar stream; what
becomes of a node in the user's own repository."""

from runner.evidence.archive import ArchiveLimits
from runner.evidence.claims import Claims
from runner.evidence.errors import BranchMoved, Conflicting, GitMissing, Refused, TreeTooLarge
from runner.evidence.ignore import IgnoreRules
from runner.evidence.landing import TARGET, Merge, Prepared, land, prepare
from runner.evidence.merge import (
    Conflict,
    Merged,
    merge_trees,
    overlay,
    record_tree,
)
from runner.evidence.place import found_at, prefix_of
from runner.evidence.publish import apply, publish, uncommitted
from runner.evidence.push import push
from runner.evidence.refs import (
    CRASH_REPORT,
    drop_ref,
    refs_of,
    set_ref,
    unfinished_in,
    with_commits,
)
from runner.evidence.repository import EMPTY_TREE, Evidence, Recorded
from runner.evidence.sources import content_of, sizes_of
from runner.evidence.surroundings import Surroundings, surroundings
from runner.evidence.target import files_in, pack_folder, pack_target

__all__ = [
    "CRASH_REPORT",
    "EMPTY_TREE",
    "TARGET",
    "ArchiveLimits",
    "BranchMoved",
    "Claims",
    "Conflict",
    "Conflicting",
    "Evidence",
    "GitMissing",
    "IgnoreRules",
    "Merge",
    "Merged",
    "Prepared",
    "Recorded",
    "Refused",
    "Surroundings",
    "TreeTooLarge",
    "apply",
    "content_of",
    "drop_ref",
    "files_in",
    "found_at",
    "land",
    "merge_trees",
    "overlay",
    "pack_folder",
    "pack_target",
    "prefix_of",
    "prepare",
    "publish",
    "push",
    "record_tree",
    "refs_of",
    "set_ref",
    "sizes_of",
    "surroundings",
    "uncommitted",
    "unfinished_in",
    "with_commits",
]
