"""What HR takes away: a workbook a month, and the file that pay is computed from.

Both are of a released month and name its release and version. They hold persons, so they lie in the installation's
folder ``hr``, which nobody but its owner may read and no page serves; who wrote which stands in ``release.hand_off``.
"""

from yardstick.hr.handing import HrError, payroll, workbooks
from yardstick.hr.words import LANGUAGES

__all__ = ["LANGUAGES", "HrError", "payroll", "workbooks"]
