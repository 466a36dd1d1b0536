"""Writing HR's files of a released month, and the ledger of what was written."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import psycopg

from yardstick import warehouse
from yardstick.errors import BadInputError
from yardstick.hr import workbook
from yardstick.hr.words import LANGUAGES
from yardstick.periods import period_bounds
from yardstick.settings import Settings
from yardstick.whole_file import put

_FOR_OWNER = 0o600
Kind = Literal["payroll", "workbook"]
Row = dict[str, Any]


class HrError(BadInputError):
    """The files cannot be written as asked; the message says what to do first."""


def payroll(settings: Settings, period: str, *, written_by: str, version: int | None = None) -> list[Path]:
    """Write the month's hand-off to payroll: the file, its control totals and their checksums.

    The file is made from what the release froze and nothing else: the same release gives the same bytes. The
    checksums are written last, so whoever waits for them finds whole files; ``sha256sum -c`` reads them.

    Args:
        settings: the installation.
        period: a month, ``2026-01``.
        written_by: who asked for it; stands in ``release.hand_off``.
        version: of the release; None for the newest.

    Returns:
        ``payroll-<release>.csv``, ``.control.csv`` and ``.sha256``.

    Raises:
        HrError: when the period is no month, or not released.
        ValueError: when it is no period at all.
    """
    with _session(settings) as connection:
        release = _release(connection, period, version)
        rows = warehouse.rows(connection, workbook.query("payroll"), {"release_id": release["release_id"]})
        if not rows:
            raise HrError(f"{release['release_id']} names no person: there is nothing to be paid by it")
        files = _payroll_files(release, rows)
        return _hand_over(
            settings, connection, release, "payroll", files, rows=len(rows), written_by=written_by
        )


def workbooks(
    settings: Settings,
    period: str,
    *,
    written_by: str,
    languages: Sequence[str] = LANGUAGES,
    version: int | None = None,
) -> list[Path]:
    """Write the month's workbook in each language.

    Args:
        settings: the installation.
        period: a month, ``2026-01``.
        written_by: who asked for it; stands in ``release.hand_off``.
        languages: of ``LANGUAGES``.
        version: of the release; None for the newest.

    Returns:
        The files.

    Raises:
        HrError: when the period is no month, or not released.
        ValueError: when it is no period at all.
    """
    with _session(settings) as connection:
        release = _release(connection, period, version)
        month = workbook.read(connection, release)
        files = {
            f"staff-{release['release_id']}.{code}.xlsx": workbook.write(month, code) for code in languages
        }
        return _hand_over(
            settings, connection, release, "workbook", files, rows=len(month.persons), written_by=written_by
        )


@contextmanager
def _session(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A session that sees one state of the database throughout; it ends with a commit."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-hr") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


def _release(connection: psycopg.Connection[Any], period: str, version: int | None) -> Row:
    kind, _, _ = period_bounds(period)
    if kind != "month":
        raise HrError(f"{period} is a {kind}; HR's files are of months, such as {period[:4]}-01")
    found = warehouse.rows(connection, workbook.query("release"), {"period": period, "version": version})
    if not found:
        what = period if version is None else f"version {version} of {period}"
        raise HrError(
            f"{what} is not released, so nothing may be paid by it and nothing was written; sign it first "
            "(Airflow, appraise_month), and see what is released: ./scripts/yardstick release list"
        )
    return found[0]


def _payroll_files(release: Row, rows: Sequence[Row]) -> dict[str, bytes]:
    name = f"payroll-{release['release_id']}"
    control = {
        "file": f"{name}.csv",
        "release_id": release["release_id"],
        "version": release["version"],
        "adjustment_reason": release["reason"],
        "content_sha256": release["content_sha256"],
        "rows": len(rows),
        "persons": len({row["person_id"] for row in rows}),
        **{
            f"total_{column}": sum((row[column] for row in rows if row[column] is not None), Decimal(0))
            for column in (
                "days",
                "overtime_workday_minutes",
                "overtime_rest_day_minutes",
                "overtime_public_holiday_minutes",
                "coefficient",
                "coefficient_adjustment",
            )
        },
    }
    files = {f"{name}.csv": _csv(rows), f"{name}.control.csv": _csv([control])}
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {file}\n" for file, body in files.items())
    return {**files, f"{name}.sha256": sums.encode()}


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_plain(value) for value in row.values()] for row in rows)
    return text.getvalue().encode()


def _plain(value: Any) -> Any:
    """A number without an exponent or zeros that say nothing; empty for nothing."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return "" if value is None else value


def _hand_over(
    settings: Settings,
    connection: psycopg.Connection[Any],
    release: Row,
    kind: Kind,
    files: dict[str, bytes],
    *,
    rows: int,
    written_by: str,
) -> list[Path]:
    """Write files for their owner's eyes only, in order, and say so in the ledger."""
    if not written_by.strip():
        raise HrError("who writes the file? A name is kept beside its checksum (--by)")
    folder = settings.hr / release["period"] / f"v{release['version']}"
    for place in (settings.hr, folder.parent, folder):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.chmod(0o700)
    written = []
    for name, body in files.items():
        written.append(put(folder / name, body, mode=_FOR_OWNER))
        connection.execute(
            "insert into release.hand_off (release_id, kind, path, sha256, byte_size, row_count, written_by) "
            "values (%s, %s, %s, %s, %s, %s, %s)",
            [
                release["release_id"],
                kind,
                (folder / name).relative_to(settings.hr).as_posix(),
                hashlib.sha256(body).hexdigest(),
                len(body),
                rows,
                written_by,
            ],
        )
    return written
