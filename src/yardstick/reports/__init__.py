"""Appraisal reports of a release: pages, one per project and one for the period, and a workbook.

Read only from the frozen tables of schema ``release``; byte for byte the same whenever they are made.
"""

from yardstick.reports.content import ReportError
from yardstick.reports.publication import index, publish

__all__ = ["ReportError", "index", "publish"]
