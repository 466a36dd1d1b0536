"""Landing: one delivered file becomes rows of text in ``raw``, with its ledger, in one transaction.

A file is read whole before anything is written. It is split into one delivery per day it vouches for;
a day whose rows are what the file brought before makes no new delivery, so the same bytes again change
nothing and a corrected file lands exactly its changed days.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from yardstick import warehouse
from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.files import DueFile, Reading, RefusedError
from yardstick.sources.site import Entity, Site

APPLICATION = "yardstick-land"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Landed:
    """What became of one file.

    Attributes:
        status: ``landed``, ``unchanged`` (nothing new in it), ``refused`` (whole, see reason) or
            ``waiting`` (it changed while it was read; look again later).
        reason: why it was refused; on a landed file, what is worth telling (a new column); else None.
        file_name: the file.
        arrival_id: its row in ``ops.arrival``; None while waiting.
        days: partitions that got a new delivery, in order.
        delivery_ids: those deliveries, in the order of ``days``.
        rows_read: rows of the file.
        rows_landed: rows of the new deliveries.
    """

    status: str
    reason: str | None
    file_name: str
    arrival_id: int | None = None
    days: tuple[date, ...] = ()
    delivery_ids: tuple[int, ...] = ()
    rows_read: int = 0
    rows_landed: int = 0


@dataclass
class _Day:
    """The rows of one partition, in file order."""

    numbers: list[int] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    content_sha256: str = ""


def land(
    settings: Settings,
    site: Site,
    entity: Entity,
    due_file: DueFile,
    run_id: str | None = None,
    *,
    connection: psycopg.Connection[Any] | None = None,
) -> Landed:
    """Land one file; safe to repeat, to run twice at once and to kill at any moment.

    Args:
        settings: where the warehouse and the store of original bytes are.
        site: the site; must be registered.
        entity: one of its entities.
        due_file: the file, from ``files.due``.
        run_id: the run that lands it, for the ledger.
        connection: a session to use for many files one after the other; nothing may be open in it.
            Default: one of our own.

    Returns:
        What became of it. A file that cannot be trusted is a result (``refused``), not an error.

    Raises:
        psycopg.Error: for trouble with the database; nothing was written then.
        OSError: for trouble with the disk; nothing was written then.
    """
    if connection is None:
        with warehouse.connect(settings.require_database_url(), name=APPLICATION) as own:
            return _land(settings, own, site, entity, due_file, run_id)
    try:
        return _land(settings, connection, site, entity, due_file, run_id)
    finally:
        connection.rollback()  # what was to stay is committed


def _land(
    settings: Settings,
    connection: psycopg.Connection[Any],
    site: Site,
    entity: Entity,
    due_file: DueFile,
    run_id: str | None,
) -> Landed:
    reading_sha256 = entity.reading_sha256(site.time_zone, site.valid_from)
    refusal = _Refusal(connection, site, entity, due_file, reading_sha256, run_id)
    waiting = Landed("waiting", f"{due_file.name} is still being written.", due_file.name)
    try:
        stream = files.open_delivery(due_file)
    except FileNotFoundError:
        return Landed("waiting", f"{due_file.name} is gone since it was listed.", due_file.name)
    except RefusedError as error:
        return refusal.write(str(error))
    with stream:
        before = _stamp(stream)
        refusal.sha256, refusal.size = files.digest(stream)
        known = _same_bytes(connection, site, entity, due_file, refusal.sha256, reading_sha256)
        if known:
            return _write_unchanged(connection, known, run_id, due_file)
        connection.rollback()  # no open transaction while reading
        try:
            reading = files.read(entity, due_file.name, stream)
            days, first, last = _split(site, entity, due_file, reading)
        except RefusedError as error:
            if _stamp(stream) != before or _replaced(stream, due_file):
                return waiting
            _keep_original(settings, stream, refusal.sha256)
            return refusal.write(str(error))
        if _stamp(stream) != before or reading.sha256 != refusal.sha256:
            return waiting
        _keep_original(settings, stream, reading.sha256)
    return _write(connection, site, entity, due_file, reading, days, (first, last), reading_sha256, run_id)


def _stamp(stream: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _replaced(stream: IO[bytes], due_file: DueFile) -> bool:
    """Whether the name points to another file by now."""
    try:
        return due_file.path.lstat().st_ino != os.fstat(stream.fileno()).st_ino
    except FileNotFoundError:
        return True


def _keep_original(settings: Settings, stream: IO[bytes], sha256: str) -> Path:
    """Keep the delivered bytes under their hash: written aside, made durable, then named."""
    folder = settings.store / sha256[:2]
    path = folder / sha256
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    stream.seek(0)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as kept:
            while chunk := stream.read(files.CHUNK):
                kept.write(chunk)
            kept.flush()
            os.fsync(kept.fileno())
        Path(temporary).chmod(0o640)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _split(
    site: Site, entity: Entity, due_file: DueFile, reading: Reading
) -> tuple[dict[date, _Day], date, date]:
    """File the rows by business day.

    Returns:
        The rows by partition, and the first and last day the file vouches for. Every day between has
        an entry, empty when the file brings nothing for it.

    Raises:
        RefusedError: for an undated file of dated rows none of which has a readable date.
    """
    form = files.event_format(entity)
    first, last = due_file.first_day, due_file.last_day
    if form is None:
        partition = last or site.valid_from
        if partition is None:
            raise RefusedError(f"{due_file.name} carries no date and the site declares no valid_from.")
        day = _Day()
        for block in reading.blocks:
            day.numbers += block.numbers
            day.bodies += block.bodies
        days = {partition: day}
        first, last = first or partition, partition
    else:
        zone = site.zone
        found = [[form.day(value, zone) for value in block.event_values] for block in reading.blocks]
        if first is None or last is None:
            seen = {day for block_days in found for day in block_days if day}
            if not seen:
                raise RefusedError(
                    f"{due_file.name}: no row has a readable {entity.contract.event_date} "
                    f"(declared format {form.text}). Correct the format in the site file."
                )
            first, last = min(seen), max(seen)
        days = {first + timedelta(days=number): _Day() for number in range((last - first).days + 1)}
        rest = days[last]
        for block, block_days in zip(reading.blocks, found, strict=True):
            for number, body, event_day in zip(block.numbers, block.bodies, block_days, strict=True):
                target = days.get(event_day, rest) if event_day else rest
                target.numbers.append(number)
                target.bodies.append(body)
    # The header belongs to the content: the same cells under swapped names are another delivery.
    header = "\x1f".join(reading.header).encode() + b"\n"
    for day in days.values():
        sha256 = hashlib.sha256(header)
        sha256.update("\n".join(day.bodies).encode())
        day.content_sha256 = sha256.hexdigest()
    return days, first, last


def _same_bytes(
    connection: psycopg.Connection[Any],
    site: Site,
    entity: Entity,
    due_file: DueFile,
    sha256: str,
    reading: str,
) -> tuple[Any, ...] | None:
    """The last arrival of this file name, when it brought these very bytes, read the same way, soundly."""
    row = connection.execute(
        """
        select arrival_id, file_sha256, reading_sha256, status
        from ops.arrival
        where source_id = %s and entity = %s and file_name = %s
        order by arrival_id desc
        limit 1
        """,
        [site.source_id, entity.name, due_file.name],
    ).fetchone()
    if row and row[1] == sha256 and row[2] == reading and row[3] != "refused":
        return tuple(row)
    return None


def _write_unchanged(
    connection: psycopg.Connection[Any], known: tuple[Any, ...], run_id: str | None, due_file: DueFile
) -> Landed:
    row = connection.execute(
        """
        insert into ops.arrival (
            source_id, entity, file_name, file_sha256, reading_sha256, byte_size, header, rows_read,
            first_date, last_date, status, run_id
        )
        select
            source_id, entity, file_name, file_sha256, reading_sha256, byte_size, header, rows_read,
            first_date, last_date, 'unchanged', %s
        from ops.arrival
        where arrival_id = %s
        returning arrival_id, rows_read
        """,
        [run_id, known[0]],
    ).fetchone()
    connection.commit()
    assert row is not None  # noqa: S101 (the arrival was just read and is never deleted)
    return Landed("unchanged", None, due_file.name, arrival_id=row[0], rows_read=row[1])


@dataclass
class _Refusal:
    """Writes the ledger row of a file that is refused whole."""

    connection: psycopg.Connection[Any]
    site: Site
    entity: Entity
    due_file: DueFile
    reading_sha256: str
    run_id: str | None
    sha256: str = ""
    size: int = 0

    def write(self, reason: str) -> Landed:
        """Record the refusal; nothing of the file stands in ``raw``."""
        row = self.connection.execute(
            """
            insert into ops.arrival (
                source_id, entity, file_name, file_sha256, reading_sha256, byte_size, first_date, last_date,
                status, reason, run_id
            )
            values (%s, %s, %s, %s, %s, %s, %s, %s, 'refused', %s, %s)
            returning arrival_id
            """,
            [
                self.site.source_id, self.entity.name, self.due_file.name, self.sha256, self.reading_sha256,
                self.size, self.due_file.first_day, self.due_file.last_day, reason, self.run_id,
            ],
        ).fetchone()  # fmt: skip
        self.connection.commit()
        return Landed("refused", reason, self.due_file.name, arrival_id=row[0] if row else None)


def _write(
    connection: psycopg.Connection[Any],
    site: Site,
    entity: Entity,
    due_file: DueFile,
    reading: Reading,
    days: dict[date, _Day],
    span: tuple[date, date],
    reading_sha256: str,
    run_id: str | None,
) -> Landed:
    """One transaction: lock, compare with what stands, write arrival, deliveries and rows."""
    # One writer per source and entity: whoever comes second compares with what the first has written.
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"land {site.source_id} {entity.name}"]
    )
    changed = _changed(connection, site, entity, due_file, days)
    notice = _column_notice(connection, site, entity, reading)
    row = connection.execute(
        """
        insert into ops.arrival (
            source_id, entity, file_name, file_sha256, reading_sha256, byte_size, header, rows_read,
            first_date, last_date, status, reason, run_id
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        returning arrival_id
        """,
        [
            site.source_id, entity.name, due_file.name, reading.sha256, reading_sha256, reading.byte_size,
            reading.header, reading.rows, *span, "landed" if changed else "unchanged", notice, run_id,
        ],
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 (an insert returns its row)
    arrival_id = row[0]
    partitions = sorted(changed)
    written = connection.execute(
        """
        insert into ops.delivery (
            arrival_id, source_id, entity, partition_date, file_name, revision, content_sha256, rows_landed
        )
        select %s, %s, %s, day.partition_date, %s, day.revision, day.content_sha256, day.rows_landed
        from unnest(%s::date [], %s::int [], %s::text [], %s::int []) with ordinality
            as day (partition_date, revision, content_sha256, rows_landed, position)
        order by day.position
        returning partition_date, delivery_id
        """,
        [
            arrival_id, site.source_id, entity.name, due_file.name, partitions,
            [changed[day] for day in partitions], [days[day].content_sha256 for day in partitions],
            [len(days[day].numbers) for day in partitions],
        ],
    ).fetchall()  # fmt: skip
    delivery_ids = dict(written)
    landed = _copy(connection, entity, [(delivery_ids[day], days[day]) for day in partitions])
    connection.commit()
    return Landed(
        "landed" if changed else "unchanged",
        notice,
        due_file.name,
        arrival_id=arrival_id,
        days=tuple(partitions),
        delivery_ids=tuple(delivery_ids[day] for day in partitions),
        rows_read=reading.rows,
        rows_landed=landed,
    )


def _changed(
    connection: psycopg.Connection[Any], site: Site, entity: Entity, due_file: DueFile, days: dict[date, _Day]
) -> dict[date, int]:
    """The days that need a new delivery, with its revision.

    A day is compared with the current delivery of the same file name. A name that never brought the day
    is compared with every other name's current delivery, so that the same content under a new name is
    nothing new.
    """
    current: dict[date, tuple[int, str]] = {}
    others: dict[date, set[str]] = defaultdict(set)
    for partition, file_name, revision, content_sha256 in connection.execute(
        """
        select distinct on (partition_date, file_name) partition_date, file_name, revision, content_sha256
        from ops.delivery
        where source_id = %s and entity = %s and partition_date = any(%s)
        order by partition_date, file_name, revision desc
        """,
        [site.source_id, entity.name, list(days)],
    ):
        if file_name == due_file.name:
            current[partition] = (revision, content_sha256)
        else:
            others[partition].add(content_sha256)
    changed = {}
    for partition, day in days.items():
        if partition in current:
            revision, content_sha256 = current[partition]
            if content_sha256 != day.content_sha256:
                changed[partition] = revision + 1
        elif day.content_sha256 not in others[partition]:
            changed[partition] = 1
    return changed


def _column_notice(
    connection: psycopg.Connection[Any], site: Site, entity: Entity, reading: Reading
) -> str | None:
    """Tell a column that is new, or gone, against what is declared and what was delivered last."""
    mapped = {column for mapping in entity.fields.values() for column in mapping.columns}
    declared = mapped | set(entity.other_columns)
    row = connection.execute(
        "select header from ops.arrival where source_id = %s and entity = %s and status <> 'refused' "
        "order by arrival_id desc limit 1",
        [site.source_id, entity.name],
    ).fetchone()
    before = set(row[0] or ()) if row else None
    if entity.other_columns:
        known = declared | (before or set())
    elif before is not None:
        known = declared | before
    else:
        known = set(reading.header)
    notices = []
    if new := [column for column in reading.header if column and column not in known]:
        notices.append(f"new column {', '.join(map(repr, new))}: kept in raw, not mapped")
    if before and (gone := sorted(before - set(reading.header) - {""})):
        notices.append(f"column {', '.join(map(repr, gone))} is no longer delivered")
    return "; ".join([*notices, *reading.notices]) or None


def _copy(connection: psycopg.Connection[Any], entity: Entity, deliveries: list[tuple[int, _Day]]) -> int:
    """Copy the rows; their cells are in COPY text form already."""
    landed = 0
    statement = sql.SQL(
        "copy raw.{} (delivery_id, row_number, cells, problem_rule, problem_detail) from stdin"
    ).format(sql.Identifier(entity.name))
    with connection.cursor().copy(statement) as copy:
        pending: list[str] = []
        size = 0
        for delivery_id, day in deliveries:
            landed += len(day.numbers)
            for number, body in zip(day.numbers, day.bodies, strict=True):
                line = f"{delivery_id}\t{number}\t{body}\n"
                pending.append(line)
                size += len(line)
                if size > _COPY_BYTES:
                    copy.write("".join(pending))
                    pending.clear()
                    size = 0
        copy.write("".join(pending))
    return landed
