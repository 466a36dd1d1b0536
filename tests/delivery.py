"""A site and an inbox for tests: write a file, land it, look at what stands in the warehouse."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from yardstick import warehouse
from yardstick.landing import Landed, land
from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.register import register
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

HEADER = ["Ticket No", "Opened At", "Closed At", "State", "Project", "Item", "Note"]
SITE: dict[str, Any] = {
    "kind": "site",
    "source_id": "test_site",
    "names": {"zh": "测试", "en": "Test"},
    "connector": "files",
    "time_zone": "America/New_York",
    "valid_from": "2015-01-01",
    "entities": {
        "ticket": {
            "folder": {"data": "tickets"},
            "files": "{month:%Y-%m}.csv",
            "fields": {
                "source_ticket_id": "Ticket No",
                "opened_at": {"column": "Opened At", "format": "%d/%m/%Y %H:%M"},
                "closed_at": {"column": "Closed At", "format": "%d/%m/%Y %H:%M"},
                "status": {"column": "State", "codes": {"Open": "open", "Closed": "closed"}},
                "project_id": "Project",
                "service_item_id": "Item",
                "closure_note": "Note",
            },
        }
    },
}


def site_content(source_id: str = "test_site", **ticket: Any) -> dict[str, Any]:
    """The content of a site file, with keys of its ticket entity replaced."""
    content = copy.deepcopy(SITE)
    content["source_id"] = source_id
    content["entities"]["ticket"].update(ticket)
    return content


def write_site(folder: Path, content: dict[str, Any] | None = None) -> Path:
    """Write a site file and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "site.yml"
    path.write_text(yaml.safe_dump(content or SITE, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def ticket(number: int | str, day: int = 1, note: str = "", month: int = 2, **cells: str) -> list[str]:
    """One row of the month 2015-02 (or another), as HEADER says."""
    key = number if isinstance(number, str) else f"{number:06}"
    row = [key, f"{day:02}/{month:02}/2015 08:30", "", "Open", "p1", "i1", note]
    for name, value in cells.items():
        row[{"opened": 1, "closed": 2, "state": 3, "project": 4, "item": 5}[name]] = value
    return row


def csv_text(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> str:
    """Rows as a csv file's text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerows([header, *rows])
    return stream.getvalue()


def xlsx_bytes(sheets: dict[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> bytes:
    """A workbook; text stays text, datetimes become date cells."""
    import xlsxwriter

    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False})
    moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(number, column, value, moment)
                elif value is not None:
                    sheet.write(number, column, value)
        if name in hidden:
            sheet.hide()
    workbook.close()
    return stream.getvalue()


@dataclass
class Inbox:
    """A registered site, its drop folder and the warehouse behind it."""

    settings: Settings
    site: Site

    @property
    def folder(self) -> Path:
        return self.settings.data / "tickets"

    def put(self, name: str, content: str | bytes) -> Path:
        """Drop a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self) -> dict[str, Landed]:
        """Land everything due, by file name."""
        entity = self.site.entities["ticket"]
        due = files.due(self.site, entity, self.settings)
        return {file.name: land(self.settings, self.site, entity, file, "test") for file in due}

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with warehouse.connect(self.settings.require_database_url()) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def raw(self) -> list[tuple[Any, ...]]:
        """Row number, cells and rule of every landed row, in order."""
        return self.query(
            "select row_number, string_to_array(cells, chr(31)), problem_rule "
            "from raw.ticket order by delivery_id, row_number"
        )

    def counts(self) -> tuple[int, int, int]:
        """Arrivals, deliveries and rows that stand."""
        return self.query(
            "select (select count(*) from ops.arrival), (select count(*) from ops.delivery), "
            "(select count(*) from raw.ticket)"
        )[0]  # type: ignore[return-value]


def make_inbox(settings: Settings, folder: Path, content: dict[str, Any] | None = None) -> Inbox:
    """Write and register a site, and make its drop folder."""
    site = load_sites(write_site(folder / "sites", content))[0]
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    (settings.data / "tickets").mkdir(parents=True, exist_ok=True)
    return Inbox(settings, site)
