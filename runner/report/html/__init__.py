"""A run as one self-contained HTML file: readable offline, printable, without scripts."""

from runner.report.html.page import render_html

__all__ = ["render_html"]
