"""Appraisal reports of a release: pages, one per project and one for the period, and a workbook.

Read only from the frozen tables of schema ``release``; byte for byte the same whenever they are made. Beside
them the page of who has delivered what (``deliveries``), which is about now.
"""

from yardstick.reports.publication import alert_late, index, publish, show_deliveries
from yardstick.reports.rows import ReportError

__all__ = ["ReportError", "alert_late", "index", "publish", "show_deliveries"]
