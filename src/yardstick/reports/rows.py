"""The rows of a release, as the tables of schema ``release`` have them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime

_SAFE_PERIOD = re.compile(r"[0-9]{4}(-(Q[1-4]|[0-9]{2}))?")


class ReportError(RuntimeError):
    """A release cannot be published; the message names it and says why."""


@dataclass(frozen=True)
class Release:
    """One row of ``release.release``."""

    release_id: str
    period_kind: str
    period: str
    period_start: date
    period_end: date
    version: int
    status: str
    reason: str | None
    standards_release: str
    code_version: str
    tickets: int
    rejects: int
    content_sha256: str
    previous_sha256: str | None
    release_sha256: str
    signed_by: str
    signed_how: str
    signed_at: datetime

    @property
    def folder(self) -> str:
        """Where the release's files are, relative to the folder of reports."""
        if not _SAFE_PERIOD.fullmatch(self.period):
            raise ReportError(f"release {self.release_id}: {self.period!r} is not a month, quarter or year")
        return f"{self.period}/v{self.version}"

    @property
    def is_auto_signed(self) -> bool:
        """True when no person signed."""
        return self.signed_how != "person"


@dataclass(frozen=True)
class Score:
    """One row of ``release.score``."""

    release_id: str
    project_id: str
    project_names: dict[str, str]
    region: str | None
    project_grade: str
    score: float | None
    score_low: float | None
    score_high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    grade: str | None
    coefficient: float | None
    weight_measured: float
    tickets_opened: int
    tickets_closed: int
    is_vetoed: bool | None = None


@dataclass(frozen=True)
class Indicator:
    """One row of ``release.indicator``."""

    release_id: str
    project_id: str
    indicator: str
    indicator_names: dict[str, str]
    reform_part: str
    unit: str
    direction: str
    numerator: float | None
    denominator: float | None
    value: float | None
    value_low: float | None
    value_high: float | None
    floor_value: float | None
    target_value: float | None
    points: float | None
    weight: float
    weight_effective: float
    is_sample_sufficient: bool
    minimum_sample: int
    position: int
    days_incomplete: int | None = None
    sample_effective: float | None = None

    @property
    def is_measured(self) -> bool:
        """True when the indicator has points, so that it counts in the score."""
        return self.points is not None

    @property
    def sample(self) -> float:
        """How many cases, or of weighted ones how many equal ones would tell as much."""
        return self.sample_effective or self.denominator or 0

    @property
    def cases_to_target(self) -> int | None:
        """How many more cases had to go well for the target to be met.

        Returns:
            None where cases cannot be counted so: no share of equal cases, or one where less is better.
        """
        if (
            self.unit != "ratio"
            or self.direction != "higher"
            or self.numerator is None
            or self.denominator is None
            or self.target_value is None
            or self.sample_effective is not None
        ):
            return None
        return max(0, math.ceil(self.target_value * self.denominator - self.numerator - 1e-9))


@dataclass(frozen=True)
class Item:
    """One row of ``release.item``: the tickets of one service item."""

    release_id: str
    project_id: str
    service_item_id: str
    service_item_names: dict[str, str]
    tickets_opened: int
    tickets_due: int
    tickets_due_met: int
    tickets_open_at_end: int

    @property
    def tickets_missed(self) -> int:
        """Tickets whose promised time passed before they were closed."""
        return self.tickets_due - self.tickets_due_met


@dataclass(frozen=True)
class Day:
    """Tickets of one day: of one row of ``release.day``, or of several added up."""

    day: date
    tickets_opened: int
    tickets_closed: int
    tickets_open: int
    tickets_due: int
    tickets_due_met: int


@dataclass(frozen=True)
class RejectCount:
    """One row of ``release.reject_count``."""

    source_id: str
    entity: str
    rule: str
    field: str
    rows: int
