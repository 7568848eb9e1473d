"""One careful reader for the reports that test runners write: bounded, streaming, never raising."""

from runner.measure.reports.cases import MISSING, Format, Report, Status, TestCase
from runner.measure.reports.read import read_report

__all__ = ["MISSING", "Format", "Report", "Status", "TestCase", "read_report"]
