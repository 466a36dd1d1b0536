"""The pages of who has delivered what, from a real ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from tests.integration.test_deadlines import TODAY, Ledger, days
from typer.testing import CliRunner

from yardstick import cli, reports
from yardstick.reports import deliveries
from yardstick.reports.deliveries import Line, Source, Status
from yardstick.reports.language import Language
from yardstick.settings import LANGUAGES, Settings

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return Ledger(settings)


def page(ledger: Ledger, code: str = "en", name: str = "index.html") -> str:
    return (ledger.settings.reports / "deliveries" / code / name).read_text(encoding="utf-8")


def status(
    day: str, kind: str = "delivered", start: str | None = None, *, is_expected: bool = True
) -> Status:
    at = datetime.fromisoformat(day).replace(tzinfo=SHANGHAI)
    return Status(
        "desk", "ticket", date.fromisoformat(day), date.fromisoformat(start or day), is_expected, True, "wait",
        at + timedelta(days=1, hours=6), at + timedelta(days=1) if kind in ("delivered", "late") else None, kind,
        1204, 3, 1, "a.csv", 0, None,
    )  # fmt: skip


def drawn(code: str, *statuses: Status) -> list[tuple[str, str, int]]:
    line = Line("desk", "ticket", {one.day: one for one in statuses})
    source = Source("desk", {}, SHANGHAI, [line])
    week = days(date(2026, 3, 1), date(2026, 3, 7))
    return [
        (cell.text, cell.kind, cell.span) for cell in deliveries.cells(source, line, week, Language(code))
    ]


def test_every_day_has_its_cell_in_words_and_a_month_spans_its_days():
    assert drawn("en", status("2026-03-02"), status("2026-03-05", "missing")) == [
        ("", "none", 1), ("✓", "delivered", 1), ("", "none", 1), ("", "none", 1), ("none", "missing", 1),
        ("", "none", 1), ("", "none", 1),
    ]  # fmt: skip
    assert drawn("zh-Hans", status("2026-02-28", "carried_on", "2026-02-01")) == [("", "none", 1)] * 7
    assert drawn("zh-Hans", status("2026-03-31", "carried_on", "2026-03-01")) == [("略", "carried_on", 7)]
    month = [status(f"2026-03-{day:02}", is_expected=False) for day in range(1, 31)]
    assert drawn("en", *month, status("2026-03-31", start="2026-03-01")) == [("✓", "delivered", 7)]
    assert drawn("en", status("2026-03-02", is_expected=False))[1] == ("✓", "unasked", 1)


def test_days_are_told_as_a_person_would():
    some = [date(2026, 11, day) for day in (3, 4, 5, 8)]
    assert Language("en").days(some) == "3–5\u00a0Nov, 8\u00a0Nov"
    assert Language("zh-Hans").days(some) == "11月3–5日、8日"
    over = days(date(2026, 10, 30), date(2026, 11, 2))
    assert Language("en").days(over) == "30\u00a0Oct – 2\u00a0Nov"
    assert Language("zh-Hant").days(over) == "10月30日–11月2日"
    alone = days(date(2026, 3, 1), date(2026, 3, 30))[::2]
    assert Language("en").days(alone, most=2) == "1\u00a0Mar, 3\u00a0Mar and 13 more"


def test_what_is_wrong_stands_on_top_in_every_language(ledger: Ledger):
    first = TODAY - timedelta(days=5)
    ledger.expect(since=first)
    ledger.expect("attendance", "hr", since=first, if_missing="carry_on")
    ledger.deliver(*days(first, TODAY - timedelta(days=3)))
    ledger.deliver(
        *days(first, TODAY - timedelta(days=1), TODAY - timedelta(days=4)),
        entity="attendance",
        source_id="hr",
    )
    ledger.look()
    ledger.look("attendance", "hr", outcome="credentials")
    ledger.do("update ops.look set message = 'hr attendance: the login was refused' where source_id = 'hr'")
    ledger.apply()
    written = reports.show_deliveries(ledger.settings)
    assert ledger.settings.reports / "index.html" in written
    for code, (missing, skipped, refused, heading) in {
        "en": ("Missing", "Skipped", "Login refused", "Who has delivered what"),
        "zh-Hans": ("缺送", "略过", "登录被拒", "数据送达情况"),
        "zh-Hant": ("缺送", "略過", "登入被拒", "數據送達情況"),
    }.items():
        text = page(ledger, code)
        assert heading in text
        marks = re.findall(r'<b class="mark \w+">(.+?)</b>', text)
        assert marks == [refused, missing, skipped]
        for cell in ("missing", "carried_on", "delivered"):
            assert f'class="cell {cell}"' in text
        index = (ledger.settings.reports / f"index.{code}.html").read_text(encoding="utf-8")
        assert f'href="deliveries/{code}/index.html"' in index
    assert '<td class="told">the login was refused; asked' in page(ledger)


def test_nothing_delivered_and_nothing_expected_is_a_page_too(ledger: Ledger):
    reports.show_deliveries(ledger.settings)
    assert "Nothing has been delivered or is expected yet." in page(ledger)


def test_without_deadlines_nothing_is_late(ledger: Ledger):
    ledger.deliver(*days(date(2015, 1, 1), date(2015, 1, 31)))
    reports.show_deliveries(ledger.settings)
    text = page(ledger)
    assert "nothing can be late" in text
    assert text.count('class="cell unasked"') == deliveries.DAYS + 1  # and the legend's
    assert "What needs a look" not in text


def test_many_sources_are_on_pages_and_the_first_shows_those_that_need_a_look(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deliveries, "ON_ONE_PAGE", 4)
    first = TODAY - timedelta(days=3)
    for number in range(10):
        source = f"s{number}"
        ledger.expect(source_id=source, since=first)
        ledger.do(
            "update ops.source set names = %s where source_id = %s", f'{{"en": "Estate {number}"}}', source
        )
        ledger.look(source_id=source)
        if number != 7:
            ledger.deliver(*days(first, TODAY), source_id=source)
    reports.show_deliveries(ledger.settings)
    text = page(ledger)
    assert re.findall(r'rowspan="1">(.+?)</th>', text) == ["Estate 7"]
    assert re.findall(r'href="(page-\d.html)"', text) == ["page-1.html", "page-2.html", "page-3.html"]
    assert re.findall(r'rowspan="1">(.+?)</th>', page(ledger, name="page-3.html")) == ["Estate 8", "Estate 9"]
    for code in LANGUAGES:
        folder = ledger.settings.reports / "deliveries" / code
        for name in sorted(path.name for path in folder.glob("*.html")):
            for link in re.findall(r'href="([^"#]+)"', page(ledger, code, name)):
                assert (folder / link).resolve().is_file(), (code, name, link)

    monkeypatch.setattr(deliveries, "ON_ONE_PAGE", 60)
    reports.show_deliveries(ledger.settings)
    assert sorted(p.name for p in (ledger.settings.reports / "deliveries/en").iterdir()) == ["index.html"]


def test_what_a_source_calls_itself_is_text_and_nothing_more(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=3))
    ledger.do("update ops.source set names = %s", '{"en": "<script>alert(1)</script>\u202e"}')
    ledger.look()
    settings = replace(ledger.settings)
    reports.show_deliveries(settings)
    text = page(ledger)
    assert "<script>alert" not in text
    assert "<script>alert(1)</script>�" in unescape(text)


def test_the_command_line_shows_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", ledger.url)
    first = TODAY - timedelta(days=4)
    ledger.expect(since=first)
    ledger.deliver(first)
    ledger.deliver(first + timedelta(days=1), late_by=timedelta(days=3))

    def shown(*arguments: str) -> list[str]:
        result = CliRunner().invoke(cli.app, ["deliveries", "--home", str(ledger.settings.home), *arguments])
        assert result.exit_code == 0, result.output
        return [",".join(line.split(",")[1:4]) for line in result.stdout.splitlines()[1:]]

    assert shown("--to", str(first + timedelta(days=2))) == [
        f"ticket,{first + timedelta(days=2)},missing",
        f"ticket,{first + timedelta(days=1)},late",
        f"ticket,{first},delivered",
    ]
    assert shown("--late", "--to", str(first + timedelta(days=1))) == [
        f"ticket,{first + timedelta(days=1)},late"
    ]
    assert shown("--source", "another") == []


def test_a_person_may_go_on_without_a_delivery(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", ledger.url)
    first, last, hole = date(2026, 3, 1), date(2026, 3, 4), date(2026, 3, 2)
    ledger.deliver(*days(first, last))
    ledger.expect("attendance", "hr", since=first, registered="1 hour")
    ledger.deliver(*days(first, last, hole), entity="attendance", source_id="hr")
    assert hole not in ledger.announce(ledger.build(), "run-1")

    def skip(day: date) -> Result:
        words = ["deliveries", "skip", "hr", "attendance", str(day), "--reason", "the terminal was stolen"]
        return CliRunner().invoke(cli.app, [*words, "--home", str(ledger.settings.home)])

    assert skip(hole).exit_code == 0
    assert ledger.status("attendance", "hr")[hole] == "carried_on"
    assert ledger.do("select reason from ops.deadline") == [("the terminal was stolen",)]
    ledger.look("attendance", "hr")
    assert ledger.apply("later") == [], "the rule of the site file does not take it back"
    assert ledger.announce(None, "run-2") == [hole]
    refused = skip(last)
    assert refused.exit_code == 1
    assert "nothing is missing for 2026-03-04" in refused.output
