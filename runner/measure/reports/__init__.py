"""One careful reader for the reports that test runners write: bounded, streaming, never raising."""

from runner.measure.reports.cases import Format, Report, Status, TestCase
from runner.measure.reports.read import read_report

__all__ = ["Format", "Report", "Status", "TestCase", "read_report"]
