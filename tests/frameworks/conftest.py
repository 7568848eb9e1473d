"""The projects in here have tests of their own, some of which fail on purpose: none is collected."""

collect_ignore_glob = ["*"]
