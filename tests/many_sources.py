"""A company of many small sources: one site file and a few csv files each."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

SITE = """\
kind: site
source_id: {source}
names: {{zh: 第{number}号小区工单, en: "Tickets of estate {number}"}}
connector: files
time_zone: Asia/Shanghai
valid_from: {first}
entities:
  ticket:
    expected: {{every: day, by: "06:00", if_missing: {if_missing}}}
    folder: {{data: {source}}}
    files: "tickets-{{day:%Y-%m-%d}}.csv"
    fields:
      source_ticket_id: no
      opened_at: opened
      status: {{column: state, codes: {{open: open, closed: closed}}}}
      project_id: estate
      service_item_id: item
"""


def write_source(
    sites: Path, data: Path, number: int, days: list[date], *, rows: int = 3, if_missing: str = "wait"
) -> str:
    """Write one source's site file and its files for some days; returns its id."""
    source = f"s{number:03}"
    sites.mkdir(parents=True, exist_ok=True)
    (data / source).mkdir(parents=True, exist_ok=True)
    text = SITE.format(source=source, number=number, first=days[0], if_missing=if_missing)
    (sites / f"{source}.yml").write_text(text, encoding="utf-8")
    for day in days:
        lines = [f"{source}-{day:%m%d}-{row},{day} 09:{row:02},open,P{number:03},lift" for row in range(rows)]
        (data / source / f"tickets-{day}.csv").write_text(
            "\n".join(["no,opened,state,estate,item", *lines, ""]), encoding="utf-8"
        )
    return source


def write_company(folder: Path, count: int, last: date, days: int = 1) -> tuple[Path, Path]:
    """Write so many sources with files for the days up to the last; returns the folders of sites and data."""
    sites, data = folder / "sites", folder / "data"
    span = [last - timedelta(days=n) for n in reversed(range(days))]
    for number in range(1, count + 1):
        write_source(sites, data, number, span)
    return sites, data
