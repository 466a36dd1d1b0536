"""Standards releases: read, check, compare and load the YAML of ``expectations/standards/``.

One folder is one release: ``release.yml``, ``indicators.yml``, ``grades.yml``, ``calendars.yml`` and, where
there are any, ``catalogue/*.yml`` (what inspectors check), ``data.yml`` (what is expected of the data),
``service.yml`` (what is expected of the service) and ``sla.yml`` (service levels of tickets). A file that the
folder lacks is that of the release it is ``based_on``. Each is in force from its ``effective_from`` until the
next one's. A release that a signed period names is as frozen as the period. The measures that indicators may
name are registered where they are produced, in ``dbt_project/models/appraisal``.
"""

from __future__ import annotations

from yardstick.standards.calendars import CalendarDay, calendar_days
from yardstick.standards.diff import Change, diff, told
from yardstick.standards.files import Loader
from yardstick.standards.load import load
from yardstick.standards.read import in_force, read
from yardstick.standards.registry import Measure, Registry, registry
from yardstick.standards.release import (
    Category,
    DataStandard,
    InspectionStandard,
    Release,
    ServiceStandard,
    SlaPolicy,
    SlaTarget,
    StandardsError,
    indicator_code,
)
from yardstick.standards.show import show
from yardstick.standards.use import check

__all__ = [
    "CalendarDay",
    "Category",
    "Change",
    "DataStandard",
    "InspectionStandard",
    "Loader",
    "Measure",
    "Registry",
    "Release",
    "ServiceStandard",
    "SlaPolicy",
    "SlaTarget",
    "StandardsError",
    "calendar_days",
    "check",
    "diff",
    "in_force",
    "indicator_code",
    "load",
    "read",
    "registry",
    "show",
    "told",
]
