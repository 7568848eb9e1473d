"""A run as one self-contained HTML file: readable offline, printable, without scripts."""

from runner.report.html.nodes import ALL_DIFFS_LIMIT, DIFF_LIMIT
from runner.report.html.page import render_html

__all__ = ["ALL_DIFFS_LIMIT", "DIFF_LIMIT", "render_html"]
