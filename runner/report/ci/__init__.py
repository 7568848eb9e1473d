"""What continuous integration reads: JUnit XML, a job summary in Markdown, SARIF.

All of it is made from what was recorded, and from nothing else: the same run gives the same bytes.
"""

from runner.report.ci.cases import Case, CaseState, cases_of
from runner.report.ci.junit import junit
from runner.report.ci.sarif import sarif
from runner.report.ci.summary import SUMMARY_LIMIT_BYTES, job_summary

__all__ = [
    "SUMMARY_LIMIT_BYTES",
    "Case",
    "CaseState",
    "cases_of",
    "job_summary",
    "junit",
    "sarif",
]
