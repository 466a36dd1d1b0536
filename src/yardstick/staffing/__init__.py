"""What staffing does to service: the fewest people per shift that answer so many tickets in so many minutes."""

from yardstick.staffing.what_if import HourNeed, ShiftNeed, StaffingError, WhatIf, ask

__all__ = ["HourNeed", "ShiftNeed", "StaffingError", "WhatIf", "ask"]
