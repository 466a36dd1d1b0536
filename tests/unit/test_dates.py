"""Date formats: read alike one by one, many at a time and by PostgreSQL; nothing inferred."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yardstick.sources.dates import EXCEL_SERIAL, ISO, compile_format, excel_moment, excel_serial

SHANGHAI = ZoneInfo("Asia/Shanghai")
FORMS = (
    ISO, EXCEL_SERIAL, "%d/%m/%Y %H:%M", "%Y%m%d%H%M%S", "%d-%b-%y %H:%M", "%H:%M %d.%m.%Y", "%d %b %Y",
    "%Y年%m月%d日", "%Y年%m月%d日 %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y%m%d%H",
)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("%m/%d/%Y %I:%M:%S %p", "01/02/2015 12:20:09 AM", date(2015, 1, 2)),
        ("%m/%d/%Y %I:%M:%S %p", "01/02/2015 00:20:09 AM", None),
        ("%m/%d/%Y %I:%M:%S %p", "13/02/2015 01:20:09 AM", None),
        ("%d/%m/%Y", "31/02/2015", None),
        ("%d/%m/%Y", "29/02/2016", date(2016, 2, 29)),
        ("%d/%m/%Y", "1/2/2016", date(2016, 2, 1)),
        ("%d/%m/%Y", "2016-02-01", None),
        ("%Y%m%d%H%M%S", "20160229235959", date(2016, 2, 29)),
        ("%Y%m%d%H%M%S", "2016229235959", None),
        ("%d-%b-%y", "07-Mar-26", date(2026, 3, 7)),
        ("%Y年%m月%d日 %H:%M", "2026年7月1日 08:30", date(2026, 7, 1)),
        (ISO, "2026-07-01", date(2026, 7, 1)),
        (ISO, " 2026-07-01T08:30:15.25 ", date(2026, 7, 1)),
        (ISO, "2026-07-01 08:30", date(2026, 7, 1)),
        (ISO, "2026-7-1", None),
        (ISO, "2026-07-01\n2026-07-02", None),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-03-31T23:30:00Z", date(2026, 4, 1)),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-04-01T07:30:00+08:00", date(2026, 4, 1)),
        ("%Y-%m-%d %I:%M %p %z", "2026-03-31 11:30 PM +0000", date(2026, 4, 1)),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-04-01T07:30:00", None),
        ("%d/%m/%Y", "", None),
        (EXCEL_SERIAL, "46204", date(2026, 7, 1)),
        (EXCEL_SERIAL, " 46204.3541666667 ", date(2026, 7, 1)),
        (EXCEL_SERIAL, "46203.9999999999", date(2026, 7, 1)),
        (EXCEL_SERIAL, "61", date(1900, 3, 1)),
        (EXCEL_SERIAL, "60", None),
        (EXCEL_SERIAL, "59", None),
        (EXCEL_SERIAL, "2958464.5", date(9999, 12, 30)),
        (EXCEL_SERIAL, "2958465", None),
        (EXCEL_SERIAL, "20260701", None),
        (EXCEL_SERIAL, "2026-07-01", None),
        (EXCEL_SERIAL, "46,204", None),
        ("iso_offset", "2026-03-31T23:30:00.25Z", date(2026, 4, 1)),
        ("iso_offset", "2026-04-01 07:30:00+08", date(2026, 4, 1)),
        ("iso_offset", "2026-03-31 16:30-0330", date(2026, 4, 1)),
        ("iso_offset", "2026-04-01 07:30:00", None),
    ],
)
def test_day_of_a_value(form: str, value: str, expected: date | None) -> None:
    assert compile_format(form).day(value, SHANGHAI) == expected


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)))
def test_what_strftime_writes_is_read_back(moment: datetime) -> None:
    for form in ("%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M", "%d %b %Y"):
        compiled = compile_format(form)
        assert compiled.day(moment.strftime(form), SHANGHAI) == moment.date()


@given(st.text())
def test_no_text_is_a_surprise_to_a_date_format(text: str) -> None:
    for form in (ISO, "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M%z"):
        found = compile_format(form).day(text, SHANGHAI)
        assert found is None or isinstance(found, date)


@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2032, 12, 31)), min_size=1))
def test_many_days_at_once_are_the_days_one_by_one(moments: list[datetime]) -> None:
    for form in FORMS:
        compiled = compile_format(form)
        values = [pad + show(moment, form) for moment in moments for pad in ("", " ")]
        assert compiled.days(values, SHANGHAI) == [moment.date() for moment in moments for _ in range(2)]


PIECES = st.sampled_from(
    ["2026-07-01", "2026-02-31", "01/07/2026", "31/02/2026", "20260701", "2026年7月1日", "7-Mar-26", " ", "  ", "\t",
     "\n", "T", "08:30", "8:5", "99:99", "083015", "Z", "+08:00", "46204", ".25", "日", "x", ""]
)  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=6))
def test_what_was_read_before_changes_no_reading(values: list[str]) -> None:
    for form in FORMS:
        compiled = compile_format(form)
        assert compiled.days(values, SHANGHAI) == [compiled.day(value, SHANGHAI) for value in values], form


@given(st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 30)))
def test_excel_counts_there_and_back(moment: datetime) -> None:
    found = excel_moment(excel_serial(moment))
    assert found is not None
    assert abs(found - moment) <= timedelta(seconds=0.5)


def show(moment: datetime, form: str) -> str:
    if form == EXCEL_SERIAL:
        return excel_serial(moment.replace(microsecond=0))
    if form.endswith("%z"):
        return moment.strftime("%Y-%m-%dT%H:%M:%S+08:00")
    return moment.strftime("%Y-%m-%d %H:%M:%S" if form == ISO else form)
