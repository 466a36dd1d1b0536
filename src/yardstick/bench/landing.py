"""Landing against a bare COPY of the same rows, and against dlt's default pipeline."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import yaml

from yardstick import landing, settings, sources, warehouse
from yardstick.bench.report import Report, alternate, median_ratio, progress
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings
from yardstick.sources.register import register
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

SCALES = {"small": 100_000, "full": 1_000_000}
REPEATS = 3
PAGE_ROWS = 1000
COLUMNS = (
    "id", "opened_at", "due_at", "first_response_at", "closed_at", "status", "project", "item", "department",
    "team", "channel", "priority", "reopened", "title", "note",
)  # fmt: skip
_FIELDS: dict[str, Any] = {
    "source_ticket_id": "id",
    "opened_at": {"column": "opened_at", "format": "%Y-%m-%d %H:%M:%S"},
    "due_at": {"column": "due_at", "format": "%Y-%m-%d %H:%M:%S"},
    "first_response_at": {"column": "first_response_at", "format": "%Y-%m-%d %H:%M:%S"},
    "closed_at": {"column": "closed_at", "format": "%Y-%m-%d %H:%M:%S"},
    "status": "status",
    "project_id": "project",
    "service_item_id": "item",
    "department_id": "department",
    "team_id": "team",
    "channel": "channel",
    "priority": "priority",
    "reopened_count": "reopened",
    "title": "title",
    "closure_note": "note",
}


def tickets(count: int, seed: int = 1) -> Iterator[list[str]]:
    """Ticket rows of one month in order of opening: 15 cells, Chinese and English text, commas and quotes."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    opened = datetime(2026, 1, 1)
    step = timedelta(days=31) / count
    words = ("漏水", "电梯停运", "门禁失灵", "lamp out", "noise, again", 'the "big" gate', "停车占位")
    for number in range(count):
        opened += step
        moment = opened.replace(microsecond=0)
        closed = moment + timedelta(minutes=random.randrange(5, 4000))
        yield [
            f"20260101{number:010}",
            str(moment),
            str(moment + timedelta(hours=24)),
            str(moment + timedelta(minutes=random.randrange(2, 90))),
            str(closed) if number % 9 else "",
            "closed" if number % 9 else "open",
            f"P{random.randrange(300):03}",
            f"{random.randrange(25):04}",
            random.choice(("GC", "KF", "BJ", "ZX")),
            f"T{random.randrange(900):03}",
            random.choice(("phone", "app", "web")),
            random.choice(("1", "2", "3")),
            "0",
            f"{random.randrange(1, 30)}栋{random.randrange(1, 4)}单元 {random.choice(words)}",
            "已处理完毕" if number % 9 else "",
        ]


@contextmanager
def installation() -> Iterator[Settings]:
    """A fresh embedded server in a temporary folder, with our schemas."""
    with tempfile.TemporaryDirectory(prefix="yardstick-bench-") as folder:
        base = settings.load(home=Path(folder) / "home", data=Path(folder) / "data")
        server = Server(base.home)
        server.start()
        try:
            made = replace(base, database_url=server.url(), sites=Path(folder) / "sites")
            warehouse.migrate(made.require_database_url())
            yield made
        finally:
            server.stop()


def make_site(made: Settings, source_id: str, **content: Any) -> Site:
    """Write, read and register a site of one entity, ``ticket``."""
    path = made.sites / f"{source_id}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "kind": "site",
        "source_id": source_id,
        "names": {"zh": "基准", "en": "Benchmark"},
        "time_zone": "Asia/Shanghai",
        "valid_from": "2026-01-01",
        **content,
    }
    path.write_text(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), encoding="utf-8")
    (site,) = load_sites(path)
    with warehouse.connect(made.require_database_url()) as connection:
        register(connection, site)
    return site


def count(made: Settings, relation: str) -> int:
    """Rows of a relation."""
    with warehouse.connect(made.require_database_url()) as connection:
        row = connection.execute(f"select count(*) from {relation}".encode()).fetchone()  # noqa: S608 (our names)
    return int(row[0]) if row else 0


def run(scale: str) -> Report:
    """Measure both ratios."""
    rows = SCALES[scale]
    report = Report("landing", {"rows": rows, "columns": len(COLUMNS)})
    with installation() as made:
        _csv(made, rows, report)
    with installation() as made, served_pages(rows) as url:
        _json(made, rows, url, report)
    return report


def _csv(made: Settings, rows: int, report: Report) -> None:
    progress(f"writing a csv file of {rows:,} rows")
    made.data.mkdir(parents=True)
    path = made.data / "2026-01.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(tickets(rows))
    report.sizes["csv_bytes"] = path.stat().st_size
    url = made.require_database_url()

    def copy(repeat: int) -> None:
        with psycopg.connect(url) as connection, path.open("rb") as stream:
            columns = ", ".join(f"{name} text" for name in COLUMNS)
            connection.execute(f"create table copied_{repeat} ({columns})".encode())
            statement = f"copy copied_{repeat} from stdin (format csv, header)".encode()
            with connection.cursor().copy(statement) as target:
                while chunk := stream.read(1 << 18):
                    target.write(chunk)

    sites = [
        make_site(
            made, f"csv_{repeat}", connector="files",
            entities={"ticket": {"folder": {"data": "."}, "files": "{month:%Y-%m}.csv", "fields": _FIELDS}},
        )
        for repeat in range(REPEATS)
    ]  # fmt: skip

    def land(repeat: int) -> None:
        _land(made, sites[repeat])

    seconds = alternate({"copy": copy, "landing": land}, REPEATS, progress)
    found = (count(made, "copied_0"), count(made, "raw.ticket") // REPEATS)
    if found != (rows, rows):
        raise AssertionError(f"{rows} rows were to be copied and landed; it was {found}")
    report.ratios["landing_csv_vs_copy"] = median_ratio(seconds["copy"], seconds["landing"])
    report.details["csv_seconds"] = {name: [round(one, 2) for one in each] for name, each in seconds.items()}
    report.details["csv_rows_per_second"] = {
        name: round(rows / sorted(each)[len(each) // 2]) for name, each in seconds.items()
    }


@contextmanager
def served_pages(rows: int) -> Iterator[str]:
    """The rows as pages of JSON on loopback, from a process of its own that does nothing but send them."""
    pages = []
    page: list[dict[str, str]] = []
    for row in tickets(rows):
        page.append(dict(zip(COLUMNS, row, strict=True)))
        if len(page) == PAGE_ROWS:
            pages.append(page)
            page = []
    bodies = [
        json.dumps(
            {"data": page, "next": number + 1 if number < len(pages) else None}, ensure_ascii=False
        ).encode()
        for number, page in enumerate(pages, start=1)
    ]
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(bodies, sender), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(bodies: list[bytes], sender: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = int(parse_qs(urlsplit(self.path).query).get("cursor", ["1"])[0])
            body = bodies[number - 1]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sender.send(server.server_port)
        server.serve_forever()


def _json(made: Settings, rows: int, url: str, report: Report) -> None:
    os.environ["AIRFLOW_CONN_BENCHMARK"] = url
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.rest_api import rest_api_source

    sites = [
        make_site(
            made, f"json_{repeat}", connector="rest", connection="benchmark",
            entities={
                "ticket": {
                    "path": "/tickets",
                    "records": "data",
                    "pagination": {"kind": "cursor", "param": "cursor", "next": "next"},
                    "fields": _FIELDS,
                }
            },
        )
        for repeat in range(REPEATS)
    ]  # fmt: skip

    def land(repeat: int) -> None:
        _land(made, sites[repeat])

    def load(repeat: int) -> None:
        source = rest_api_source(
            {
                "client": {
                    "base_url": url,
                    "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"},
                },
                "resources": [{"name": "tickets", "endpoint": {"path": "tickets", "data_selector": "data"}}],
            }
        )
        pipeline = dlt.pipeline(
            f"bench_{repeat}",
            pipelines_dir=str(made.home / "dlt"),
            destination=dlt.destinations.postgres(made.require_database_url()),
            dataset_name=f"dlt_{repeat}",
        )
        pipeline.run(source)

    seconds = alternate({"dlt": load, "landing": land}, REPEATS, progress)
    found = (count(made, "dlt_0.tickets"), count(made, "raw.ticket") // REPEATS)
    if found != (rows, rows):
        raise AssertionError(f"{rows} rows were to be loaded and landed; it was {found}")
    report.sizes["json_page_rows"] = PAGE_ROWS
    report.ratios["landing_json_vs_dlt"] = median_ratio(seconds["dlt"], seconds["landing"])
    report.details["json_seconds"] = {name: [round(one, 2) for one in each] for name, each in seconds.items()}
    report.details["json_rows_per_second"] = {
        name: round(rows / sorted(each)[len(each) // 2]) for name, each in seconds.items()
    }


def _land(made: Settings, site: Site) -> None:
    entity = site.entities["ticket"]
    for due in sources.connector(site.connector).due(site, entity, made):
        landed = landing.land(made, site, entity, due, "bench")
        if landed.status != "landed":
            raise AssertionError(f"{due.name}: {landed.status}, {landed.reason}")
