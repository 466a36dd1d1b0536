"""Reports published from release tables in a real PostgreSQL."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import psycopg
import pytest
from tests import reports_company as company
from tests.integration.release_world import PERSON, build_world

from yardstick import appraisal, reports, warehouse
from yardstick.settings import LANGUAGES, Settings


@pytest.fixture
def released(settings: Settings) -> list[str]:
    """Three months and a quarter, released; their ids."""
    with warehouse.connect(settings.require_database_url()) as connection:
        return company.release_all(connection)


class _Page(HTMLParser):
    """What the browser would load, follow and run, and the text that people read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "data", "poster", "srcset") and tag != "use":
                self.loads.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _bytes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _record(settings: Settings, release_id: str, paths: list[Path]) -> None:
    with warehouse.connect(settings.require_database_url()) as connection:
        for path in paths:
            body = path.read_bytes()
            connection.execute(
                "insert into release.artifact values (%s, %s, %s, %s)",
                [
                    release_id,
                    path.relative_to(settings.reports).as_posix(),
                    hashlib.sha256(body).hexdigest(),
                    len(body),
                ],
            )


def test_each_language_gets_a_page_for_the_period_one_per_project_and_a_workbook(
    settings: Settings, released: list[str]
) -> None:
    paths = reports.publish(settings, released[0])
    names = [path.relative_to(settings.reports).as_posix() for path in paths]
    assert names == sorted(names)
    assert all(path.is_file() for path in paths)
    for code in LANGUAGES:
        folder = f"2015-01/v1/{code}/"
        own = [name for name in names if name.startswith(folder)]
        assert f"{folder}index.html" in own
        assert f"{folder}appraisal-2015-01.xlsx" in own
        assert len(own) == 2 + len(company.PROJECTS)
    assert len(names) == len(LANGUAGES) * (2 + len(company.PROJECTS))


def test_publishing_again_gives_the_same_bytes_whatever_the_clock_locale_and_later_releases(
    settings: Settings, released: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for release_id in released:
        reports.publish(settings, release_id)
    first = _bytes(settings.reports)
    assert len(first) > 150
    with warehouse.connect(settings.require_database_url()) as connection:
        restated = company.restate(connection)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("LC_ALL", "C")
    again = replace(settings, home=tmp_path / "elsewhere")
    for release_id in [restated, *reversed(released)]:
        reports.publish(again, release_id)
    second = _bytes(again.reports)
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"index.html", *(f"index.{code}.html" for code in LANGUAGES)}


def test_every_link_leads_to_a_page_and_nothing_is_loaded_from_anywhere(
    settings: Settings, released: list[str]
) -> None:
    with warehouse.connect(settings.require_database_url()) as connection:
        released.append(company.restate(connection))
    for release_id in released:
        reports.publish(settings, release_id)
    pages = sorted(settings.reports.rglob("*.html"))
    followed = 0
    for path in pages:
        page = _Page(path.read_text(encoding="utf-8"))
        assert page.loads == [], path
        assert page.handlers == []
        assert page.tags.count("script") == 1
        for link in page.links:
            assert not re.match(r"[a-z]+:|/", link), link
            if not link.startswith("#"):
                target = Path(os.path.normpath(path.parent / unquote(link)))
                assert target.is_file(), f"{path}: {link}"
                followed += 1
    assert followed > 1000
    assert not list(settings.reports.rglob(".*.part"))


def test_names_from_a_site_are_text_and_nothing_more(settings: Settings, released: list[str]) -> None:
    paths = reports.publish(settings, released[1])
    assert all(settings.reports in path.resolve().parents for path in paths)
    english = settings.reports / "2015-02/v1/en"
    text = (english / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    for code in LANGUAGES:
        for path in (settings.reports / f"2015-02/v1/{code}").rglob("*.html"):
            assert _Page(path.read_text(encoding="utf-8")).tags.count("script") == 1


def test_personal_names_are_in_no_report(settings: Settings, released: list[str]) -> None:
    for path in reports.publish(settings, released[0]):
        body = path.read_bytes()
        texts = [body]
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                texts = [archive.read(name) for name in archive.namelist()]
        assert not any(company.PERSON_NAME.encode() in text for text in texts), path


def test_the_page_says_what_was_not_measured_and_who_did_not_sign(
    settings: Settings, released: list[str]
) -> None:
    reports.publish(settings, released[0])
    reports.publish(settings, released[1])
    signed = (settings.reports / "2015-01/v1/en/index.html").read_text(encoding="utf-8")
    unsigned = (settings.reports / "2015-02/v1/en/index.html").read_text(encoding="utf-8")
    assert "Signed by 王经理" in signed
    assert "No person has reviewed" not in signed
    assert "No person has reviewed this release" in unsigned
    assert re.search(r"not measured: \d+ cases, needs 30", unsigned)
    assert "not measured: nothing delivered" in unsigned
    assert "Without a score" in unsigned
    assert "not a time in the declared format" in unsigned
    assert "a_new_rule" in unsigned
    assert ">None<" not in unsigned
    with warehouse.connect(settings.require_database_url()) as connection:
        digest, chain = connection.execute(
            "select content_sha256, release_sha256 from release.release where release_id = %s", [released[1]]
        ).fetchone() or ("", "")
    assert digest in unsigned
    assert chain in unsigned


def test_figures_of_a_project_page_are_those_of_the_release(settings: Settings, released: list[str]) -> None:
    reports.publish(settings, released[2])
    with warehouse.connect(settings.require_database_url()) as connection:
        score, opened = connection.execute(
            "select score, tickets_opened from release.score "
            "where release_id = %s and project_id = 'jade_square'",
            [released[2]],
        ).fetchone() or (0, 0)
        lost = connection.execute(
            "select weight_effective * (100 - points) / 100 from release.indicator "
            "where release_id = %s and project_id = 'jade_square' and weight_effective > 0 order by 1 desc",
            [released[2]],
        ).fetchall()
        before = connection.execute(
            "select score from release.score where release_id = %s and project_id = 'jade_square'",
            [released[1]],
        ).fetchone() or (0,)
    text = (settings.reports / "2015-03/v1/en/projects/jade_square.html").read_text(encoding="utf-8")
    assert f"<b>{score:.1f}</b>" in text
    assert f"Opened {opened:,}" in text
    shown = [float(value) for value in re.findall(r"</i></span><b>([0-9.]+)</b>", text)]
    assert shown == [round(value, 1) for (value,) in lost]
    assert sum(value for (value,) in lost) == pytest.approx(100 - score)
    difference = score - before[0]
    sign = "+" if difference > 0 else "−"
    assert f"Since February 2015, {sign}{abs(difference):.1f} points." in text


def test_the_workbook_holds_text_as_text_and_figures_as_figures(
    settings: Settings, released: list[str]
) -> None:
    reports.publish(settings, released[1])
    body = (settings.reports / "2015-02/v1/en/appraisal-2015-02.xlsx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 6
        assert not any(b"<f>" in sheet for sheet in sheets)
        assert not any(b"hyperlink" in sheet for sheet in sheets)
    book = openpyxl.load_workbook(io.BytesIO(body))
    names = ["Appraisal", "Indicators", "Service items", "Inspections", "Rejects", "About"]
    assert book.sheetnames == names
    table = book["Appraisal"]
    assert table.freeze_panes == "E5"
    assert table.auto_filter.ref
    head = {str(cell.value): place for place, cell in enumerate(table[4])}
    rows = [list(row) for row in table.iter_rows(min_row=5)]
    assert len(rows) == len(company.PROJECTS)
    nasty = next(row for row in rows if row[head["Project code"]].value == company.NASTY_ID)
    assert nasty[head["Project"]].value == company.NASTY_NAME
    assert nasty[head["Project"]].data_type == "s"
    assert isinstance(nasty[head["Score"]].value, float)
    unscored = next(row for row in rows if row[head["Project code"]].value == company.UNSCORED)
    assert unscored[head["Score"]].value is None
    assert unscored[head["Grade"]].value is None
    assert rows[0][head["Accountable person (code)"]].value.startswith("P-")
    assert book.properties.created.isoformat() == "2015-03-04T01:30:00"


def test_inspections_are_shown_by_category_the_worst_first(settings: Settings, released: list[str]) -> None:
    reports.publish(settings, released[2])
    with warehouse.connect(settings.require_database_url()) as connection:
        found = warehouse.rows(
            connection,
            "select category_names ->> 'en' as name, category, items_checked, items_checked - items_passed as failed, "
            "weight_passed / weight_checked as share, nonconformities_overdue as overdue from release.category "
            "where release_id = %s and project_id = 'jade_square' and depth = 1 "
            "order by weight_checked - weight_passed desc, overdue desc",
            [released[2]],
        )
    text = (settings.reports / "2015-03/v1/en/projects/jade_square.html").read_text(encoding="utf-8")
    shown = re.findall(r'<tr class="level-1"><th scope="row">(.*?)</th><td class="num">(\d+)</td>', text)
    assert shown[0][0] == found[0]["name"]
    assert dict(shown).items() <= {row["name"]: str(row["items_checked"]) for row in found}.items()
    first = found[0]
    advice = re.search(r"In inspections, ([^<]*?) lost most: (\d+) of (\d+) items failed", text)
    assert advice
    assert advice[1].split(" › ")[0] == first["name"]
    assert int(advice[2]) <= first["failed"]
    assert "more categories" in text
    period = (settings.reports / "2015-03/v1/en/index.html").read_text(encoding="utf-8")
    cells = re.findall(r'<td class="num stand [a-z-]+" data-sort="([0-9.]+)">([0-9.]+)%', period)
    assert len(cells) == 9 * len(company.PROJECTS)
    assert all(abs(100 * float(share) - float(told)) < 0.06 for share, told in cells)
    book = openpyxl.load_workbook(settings.reports / "2015-03/v1/en/appraisal-2015-03.xlsx")
    rows = list(book["Inspections"].iter_rows(min_row=5, values_only=True))
    assert len(rows) == len(company.CATEGORIES) * len(company.PROJECTS)
    row = next(row for row in rows if row[0] == "jade_square" and row[3] == first["category"])
    assert row[6:9] == pytest.approx((first["items_checked"], first["failed"], first["share"]))


def test_a_veto_is_said_beside_grade_and_score(settings: Settings, released: list[str]) -> None:
    reports.publish(settings, released[1])
    folder = settings.reports / "2015-02/v1/en"
    text = (folder / f"projects/{company.VETOED}.html").read_text(encoding="utf-8")
    assert "An inspection was vetoed." in text
    assert "Settle what the inspection was vetoed for" in text
    assert re.search(r"Fail</span>\s*<span class=\"vetoed\"", text)
    other = (folder / "projects/jade_square.html").read_text(encoding="utf-8")
    assert "An inspection was vetoed." not in other
    assert (folder / "index.html").read_text(encoding="utf-8").count('<span class="vetoed"') == 1
    table = openpyxl.load_workbook(folder / "appraisal-2015-02.xlsx")["Appraisal"]
    place = next(cell.column for cell in table[4] if cell.value == "Veto")
    vetoed = {row[2].value for row in table.iter_rows(min_row=5) if row[place - 1].value == "vetoed"}
    assert vetoed == {company.VETOED}


def test_a_release_of_before_inspections_looks_as_it_did(settings: Settings, released: list[str]) -> None:
    reports.publish(settings, released[0])
    folder = settings.reports / "2015-01/v1/en"
    for name in ("index.html", "projects/jade_square.html"):
        body = (folder / name).read_text(encoding="utf-8").split("</style>")[1]
        assert "nspection" not in body
        assert "veto" not in body.lower()
    period = (folder / "index.html").read_text(encoding="utf-8")
    assert (
        period.count('<section class="league"') == 2
    )  # indicators beside the scores, and projects without one
    book = openpyxl.load_workbook(folder / "appraisal-2015-01.xlsx")
    assert book.sheetnames == ["Appraisal", "Indicators", "Service items", "Rejects", "About"]
    assert "Veto" not in [cell.value for cell in book["Appraisal"][4]]


def test_a_restatement_stands_beside_the_first_version_and_says_what_it_changed(
    settings: Settings, released: list[str]
) -> None:
    for release_id in released:
        reports.publish(settings, release_id)
    first = _bytes(settings.reports / "2015-02")
    with warehouse.connect(settings.require_database_url()) as connection:
        restated = company.restate(connection)
    reports.publish(settings, restated)
    kept = {
        name: digest
        for name, digest in _bytes(settings.reports / "2015-02").items()
        if name.startswith("v1/")
    }
    assert kept == first
    text = (settings.reports / "2015-02/v2/en/index.html").read_text(encoding="utf-8")
    assert "It restates version 1" in text
    assert "late tickets of the northern region &lt;i&gt;arrived&lt;/i&gt;" in text
    assert "What the restatement changed" in text
    listing = (settings.reports / "index.en.html").read_text(encoding="utf-8")
    assert "replaced by version 2" in listing


def test_the_index_lists_the_newest_first_in_the_language_asked_for(
    settings: Settings, released: list[str]
) -> None:
    reports.publish(settings, released[0])
    paths = reports.index(settings)
    assert {path.name for path in paths} == {"index.html", *(f"index.{code}.html" for code in LANGUAGES)}
    text = (settings.reports / "index.html").read_text(encoding="utf-8")
    assert text == (settings.reports / "index.en.html").read_text(encoding="utf-8")
    places = [
        text.index(f">{period}<") for period in ("March 2015", "February 2015", "January 2015", "Q1 2015")
    ]
    assert places == sorted(places)


def test_an_empty_installation_has_an_index_that_says_so(settings: Settings) -> None:
    reports.index(settings)
    assert "Nothing has been released yet" in (settings.reports / "index.html").read_text(encoding="utf-8")


def test_recorded_files_are_left_alone_and_lost_ones_come_back(
    settings: Settings, released: list[str]
) -> None:
    paths = reports.publish(settings, released[0])
    _record(settings, released[0], paths)
    stamps = {path: path.stat().st_mtime_ns for path in paths}
    assert reports.publish(settings, released[0]) == paths
    assert {path: path.stat().st_mtime_ns for path in paths} == stamps
    body = paths[0].read_bytes()
    paths[0].unlink()
    reports.publish(settings, released[0])
    assert paths[0].read_bytes() == body


def test_what_was_published_is_not_overwritten_by_code_that_would_write_otherwise(
    settings: Settings, released: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from yardstick.reports import pages

    paths = reports.publish(settings, released[0])
    _record(settings, released[0], paths)
    page = next(path for path in paths if path.suffix == ".html")
    body = page.read_bytes()
    paths[-1].unlink()
    monkeypatch.setattr(pages, "ITEMS_SHOWN", 2)
    with pytest.raises(reports.ReportError, match=r"2015-01\.v1: .* would differ"):
        reports.publish(settings, released[0])
    assert page.read_bytes() == body
    assert not paths[-1].exists()


def test_a_signed_period_is_published_recorded_and_verified(settings: Settings) -> None:
    build_world(settings)
    release_id = appraisal.release(settings, "month", "2015-01", PERSON)
    for _ in range(2):
        appraisal.record_artifacts(settings, release_id, reports.publish(settings, release_id))
        assert appraisal.verify(settings) == []
    page = settings.reports / "2015-01/v1/en/index.html"
    assert f"Signed by {PERSON.signed_by}" in page.read_text(encoding="utf-8")
    page.write_text("somebody else's", encoding="utf-8")
    assert len(appraisal.verify(settings)) == 1
    reports.publish(settings, release_id)
    assert appraisal.verify(settings) == []


def test_a_release_that_does_not_exist_is_named(settings: Settings) -> None:
    with pytest.raises(reports.ReportError, match=r"'2099-01\.v1' does not exist"):
        reports.publish(settings, "2099-01.v1")


def test_reading_a_release_writes_nothing_to_the_database(settings: Settings, released: list[str]) -> None:
    with psycopg.connect(settings.require_database_url()) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "select relname from pg_class where relnamespace = 'release'::regnamespace and relkind = 'r'"
            )
        ]
        before = [
            connection.execute(f"select count(*) from release.{name}".encode()).fetchone() for name in tables
        ]
        reports.publish(settings, released[3])
        after = [
            connection.execute(f"select count(*) from release.{name}".encode()).fetchone() for name in tables
        ]
    assert before == after
