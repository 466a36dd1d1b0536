"""Landing: one delivery becomes rows of text in ``raw``, with its ledger, in one transaction.

A delivery is read whole before anything is written. It is split into one delivery per day it vouches for;
a day whose rows are what the same name brought before makes no new delivery, so the same bytes again change
nothing and a corrected file lands exactly its changed days. Memory stays bounded: what is read waits in a
temporary file once it is large.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from yardstick import drift, sources, warehouse
from yardstick.settings import Settings
from yardstick.sources.delivery import RECORD, Due, Page, Reading, RefusedError
from yardstick.sources.site import Entity, Site

APPLICATION = "yardstick-land"
_CHUNK = 1 << 20
_IN_MEMORY = 16 << 20


@dataclass(frozen=True)
class Landed:
    """What became of one delivery.

    Attributes:
        status: ``landed``, ``unchanged`` (nothing new in it), ``refused`` (whole, see reason) or
            ``waiting`` (it changed while it was read; look again later).
        reason: why it was refused; on a landed one, what is worth telling (a new column); else None.
        name: the file or pull.
        arrival_id: its row in ``ops.arrival``; None while waiting.
        days: partitions that got a new delivery, in order.
        delivery_ids: those deliveries, in the order of ``days``.
        rows_read: rows of the delivery.
        rows_landed: rows of the new deliveries.
    """

    status: str
    reason: str | None
    name: str
    arrival_id: int | None = None
    days: tuple[date, ...] = ()
    delivery_ids: tuple[int, ...] = ()
    rows_read: int = 0
    rows_landed: int = 0


def land(
    settings: Settings,
    site: Site,
    entity: Entity,
    due: Due,
    run_id: str | None = None,
    *,
    connection: psycopg.Connection[Any] | None = None,
) -> Landed:
    """Land one delivery; safe to repeat, to run twice at once and to kill at any moment.

    Args:
        settings: where the warehouse and the store of original bytes are.
        site: the site; must be registered.
        entity: one of its entities.
        due: the delivery, from the connector's ``due``.
        run_id: the run that lands it, for the ledger.
        connection: a session to use for many deliveries one after the other; nothing may be open in it.
            Default: one of our own.

    Returns:
        What became of it. A delivery that cannot be trusted is a result (``refused``), not an error.

    Raises:
        UnreachableError: when the source does not answer; nothing was written then.
        CredentialsError: when the source refuses the login; nothing was written then.
        psycopg.Error: for trouble with the database; nothing was written then.
        OSError: for trouble with the disk; nothing was written then.
    """
    if connection is None:
        with warehouse.connect(settings.require_database_url(), name=APPLICATION) as own:
            return _Landing(settings, own, site, entity, due, run_id).run()
    try:
        return _Landing(settings, connection, site, entity, due, run_id).run()
    finally:
        connection.rollback()  # what was to stay is committed


@dataclass
class _Landing:
    """One delivery on its way."""

    settings: Settings
    connection: psycopg.Connection[Any]
    site: Site
    entity: Entity
    due: Due
    run_id: str | None
    sha256: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        self.reading_sha256 = self.entity.reading_sha256(self.site.time_zone, self.site.valid_from)

    def run(self) -> Landed:
        """Fetch, compare, read, write."""
        connector = sources.connector(self.site.connector)
        try:
            with connector.fetch(self.site, self.entity, self.due, self.settings) as fetched:
                self.sha256, self.size = _digest(fetched.stream)
                if known := self._same_bytes():
                    landed = self._write_unchanged(known)
                else:
                    self.connection.rollback()  # no open transaction while reading
                    with _Days() as days:
                        try:
                            reading = connector.read(self.entity, self.due.name, fetched.stream)
                            span = self._collect(reading, days)
                        except RefusedError as error:
                            if fetched.is_changing():
                                return self._waiting("is still being written")
                            self._keep_original(fetched.stream)
                            return self._refuse(error)
                        if fetched.is_changing():
                            return self._waiting("is still being written")
                        self._keep_original(fetched.stream)
                        landed = self._write(reading, days, span)
                fetched.landed()
                return landed
        except FileNotFoundError:
            return self._waiting("is gone since it was listed")
        except RefusedError as error:
            return self._refuse(error)

    def _waiting(self, why: str) -> Landed:
        return Landed("waiting", f"{self.due.name} {why}.", self.due.name)

    # --- reading ---

    def _collect(self, reading: Reading, days: _Days) -> tuple[date, date]:
        """Read every page and file its rows by business day.

        Returns:
            The first and last day the delivery vouches for. Every day between stands in ``days``, empty
            when nothing was brought for it.

        Raises:
            RefusedError: for a delivery without rows where that is no delivery, one whose rows are not as
                many as the source says, and dated rows none of which has a readable date.
        """
        first, last = self.due.first_day, self.due.last_day
        form = self.entity.event_format()
        zone = self.site.zone
        for page in reading.pages:
            if form is None or (first is not None and first == last):
                days.add([None], page)
            else:
                days.add(form.days(page.event_values, zone), page)
        if days.rows == 0 and not self.entity.may_be_empty:
            raise RefusedError(
                f"{self.due.name} holds a header and no rows. Deliver it again, or declare may_be_empty: "
                f"true for {self.entity.name} if nothing can happen on a day."
            )
        if reading.total is not None and reading.total != days.rows:
            raise RefusedError(
                f"{self.due.name}: the source says {reading.total:,} rows and delivered {days.rows:,}. "
                "Rows may have moved between its pages; the next run asks again."
            )
        header = "\x1f".join(reading.header).encode() + b"\n"
        if first is None or last is None:
            if form is None:
                last = last or self.site.valid_from
                if last is None:
                    raise RefusedError(
                        f"{self.due.name} carries no date and the site declares no valid_from."
                    )
                first = first or last
            else:
                first, last = self._seen(days, form.text)
        days.close(first, last, header)
        return first, last

    def _seen(self, days: _Days, form: str) -> tuple[date, date]:
        seen = [day for day in days.parts if day]
        if seen:
            return min(seen), max(seen)
        if days.rows == 0 and self.site.valid_from:
            return self.site.valid_from, self.site.valid_from
        raise RefusedError(
            f"{self.due.name}: no row has a readable {self.entity.contract.event_date} "
            f"(declared format {form}). Correct the format in the site file."
        )

    def _keep_original(self, stream: IO[bytes]) -> Path:
        """Keep the delivered bytes under their hash: written aside, made durable, then named."""
        folder = self.settings.store / self.sha256[:2]
        path = folder / self.sha256
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        stream.seek(0)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "wb") as kept:
                while chunk := stream.read(_CHUNK):
                    kept.write(chunk)
                kept.flush()
                os.fsync(kept.fileno())
            Path(temporary).chmod(0o640)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path

    # --- the ledger ---

    def _same_bytes(self) -> int | None:
        """The last arrival of this name, when it brought these very bytes, read the same way, soundly."""
        row = self.connection.execute(
            """
            select arrival_id, file_sha256, reading_sha256, status
            from ops.arrival
            where source_id = %s and entity = %s and file_name = %s
            order by arrival_id desc
            limit 1
            """,
            [self.site.source_id, self.entity.name, self.due.name],
        ).fetchone()
        if row and row[1] == self.sha256 and row[2] == self.reading_sha256 and row[3] != "refused":
            return int(row[0])
        return None

    def _write_unchanged(self, arrival_id: int) -> Landed:
        row = self.connection.execute(
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
            [self.run_id, arrival_id],
        ).fetchone()
        self.connection.commit()
        assert row is not None  # noqa: S101 (the arrival was just read and is never deleted)
        return Landed("unchanged", None, self.due.name, arrival_id=row[0], rows_read=row[1])

    def _refuse(self, error: RefusedError) -> Landed:
        """Record the refusal; nothing of the delivery stands in ``raw``."""
        self.connection.rollback()
        reason = str(error)
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
                self.site.source_id, self.entity.name, self.due.name, self.sha256, self.reading_sha256,
                self.size, self.due.first_day, self.due.last_day, reason, self.run_id,
            ],
        ).fetchone()  # fmt: skip
        assert row is not None  # noqa: S101 (an insert returns its row)
        drift.record(self.connection, self.site, self.entity, row[0], drift.of_refusal(error))
        self.connection.commit()
        return Landed("refused", reason, self.due.name, arrival_id=row[0])

    def _write(self, reading: Reading, days: _Days, span: tuple[date, date]) -> Landed:
        """One transaction: lock, compare with what stands, write arrival, deliveries and rows."""
        connection, site, entity = self.connection, self.site, self.entity
        # One writer per source and entity: whoever comes second compares with what the first has written.
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"land {site.source_id} {entity.name}"]
        )
        changed = self._changed(days)
        events = drift.compare(connection, site, entity, reading.header)
        notice = "; ".join([*(event.text for event in events), *reading.notices]) or None
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
                site.source_id, entity.name, self.due.name, self.sha256, self.reading_sha256, self.size,
                reading.header, days.rows, *span, "landed" if changed else "unchanged", notice, self.run_id,
            ],
        ).fetchone()  # fmt: skip
        assert row is not None  # noqa: S101 (an insert returns its row)
        arrival_id = row[0]
        drift.record(connection, site, entity, arrival_id, events)
        partitions = sorted(changed)
        written = connection.execute(
            """
            insert into ops.delivery (
                arrival_id, source_id, entity, partition_date, file_name, revision, content_sha256, rows_landed
            )
            select %s, %s, %s, day.partition_date, %s, day.revision, day.content_sha256, day.rows_landed
            from unnest(%s::date [], %s::integer [], %s::text [], %s::integer [])
            with ordinality as day (partition_date, revision, content_sha256, rows_landed, position)
            order by day.position
            returning partition_date, delivery_id
            """,
            [
                arrival_id, site.source_id, entity.name, self.due.name, partitions,
                [changed[day] for day in partitions], [days.sha256(day) for day in partitions],
                [days.count(day) for day in partitions],
            ],
        ).fetchall()  # fmt: skip
        delivery_ids = dict(written)
        self._copy(days, [(day, delivery_ids[day]) for day in partitions])
        connection.commit()
        return Landed(
            "landed" if changed else "unchanged",
            notice,
            self.due.name,
            arrival_id=arrival_id,
            days=tuple(partitions),
            delivery_ids=tuple(delivery_ids[day] for day in partitions),
            rows_read=days.rows,
            rows_landed=sum(days.count(day) for day in partitions),
        )

    def _changed(self, days: _Days) -> dict[date, int]:
        """The days that need a new delivery, with its revision.

        A day is compared with the current delivery of the same name. A name that never brought the day is
        compared with every other name's current delivery, so that the same content under a new name is
        nothing new.
        """
        current: dict[date, tuple[int, str]] = {}
        others: dict[date, set[str]] = defaultdict(set)
        for partition, name, revision, content_sha256 in self.connection.execute(
            """
            select distinct on (partition_date, file_name) partition_date, file_name, revision, content_sha256
            from ops.delivery
            where source_id = %s and entity = %s and partition_date = any(%s)
            order by partition_date, file_name, revision desc
            """,
            [self.site.source_id, self.entity.name, days.all_days()],
        ):
            if name == self.due.name:
                current[partition] = (revision, content_sha256)
            else:
                others[partition].add(content_sha256)
        changed = {}
        for partition in days.all_days():
            content = days.sha256(partition)
            if partition in current:
                revision, before = current[partition]
                if before != content:
                    changed[partition] = revision + 1
            elif content not in others[partition]:
                changed[partition] = 1
        return changed

    def _copy(self, days: _Days, deliveries: list[tuple[date, int]]) -> None:
        statement = sql.SQL(
            "copy raw.{} (row_number, cells, problem_rule, problem_detail, delivery_id) from stdin"
        ).format(sql.Identifier(self.entity.name))
        with self.connection.cursor().copy(statement) as copy:
            for day, delivery_id in deliveries:
                for lines in days.lines(day, delivery_id):
                    copy.write(lines)


def _digest(stream: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a stream, which is left at its start."""
    sha256, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        sha256.update(chunk)
        size += len(chunk)
    stream.seek(0)
    return sha256.hexdigest(), size


@dataclass
class _Part:
    """The rows of one day, in the order they were delivered."""

    rows: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)
    content: Any = field(default_factory=hashlib.sha256)
    digest: str = ""


class _Days:
    """Rows by business day, as lines of COPY text that lack only the delivery's id at their end.

    Attributes:
        parts: by day; the rows whose day cannot be read, or lies outside, under None until ``close``.
        rows: how many in all.
    """

    def __init__(self) -> None:
        self.parts: dict[date | None, _Part] = defaultdict(_Part)
        self.rows = 0
        self._held = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> _Days:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def add(self, days: Sequence[date | None], page: Page) -> None:
        """Take a page.

        Args:
            days: the day of each of its rows; one for all when it has one entry.
            page: the rows.
        """
        if not page.rows:
            return
        self.rows += len(page.rows)
        text = _escape(RECORD.join(page.rows))
        if len(set(days)) == 1:
            self._keep(days[0], page.numbers, text.split(RECORD), text, page.problems)
            return
        rows = text.split(RECORD)
        by_day: dict[date | None, list[int]] = defaultdict(list)
        for index, day in enumerate(days):
            by_day[day].append(index)
        for day, indexes in by_day.items():
            some = [rows[index] for index in indexes]
            problems = {
                at: page.problems[index] for at, index in enumerate(indexes) if index in page.problems
            }
            self._keep(day, [page.numbers[index] for index in indexes], some, RECORD.join(some), problems)

    def _keep(
        self,
        day: date | None,
        numbers: Sequence[int],
        rows: list[str],
        text: str,
        problems: dict[int, tuple[str, str]],
    ) -> None:
        part = self.parts[day]
        part.rows += len(rows)
        part.content.update(text.encode())
        part.content.update(b"\x1e")  # after every row, so that it does not matter where a page ends
        lines = [f"{number}\t{row}\t\\N\t\\N\n" for number, row in zip(numbers, rows, strict=True)]
        for index, (rule, detail) in problems.items():
            part.content.update(f"{index}{rule}".encode())
            lines[index] = f"{numbers[index]}\t{rows[index]}\t{rule}\t{_escape(detail)}\n"
        held = "".join(lines).encode()
        part.places.append((self._held.tell(), len(held)))
        self._held.write(held)

    def close(self, first: date, last: date, header: bytes) -> None:
        """File under the last day what belongs to no day of the span, and settle what each day holds."""
        outside = [day for day in self.parts if day is None or not first <= day <= last]
        strays = [self.parts.pop(day) for day in sorted(outside, key=lambda day: day or date.min)]
        for number in range((last - first).days + 1):
            self.parts[first + timedelta(days=number)]
        for day, part in self.parts.items():
            found = [part, *strays] if day == last else [part]
            # The header belongs to the content: the same cells under swapped names are another delivery.
            part.digest = hashlib.sha256(
                header + b"".join(one.content.digest() for one in found if one.rows)
            ).hexdigest()
            if day == last:
                part.rows += sum(stray.rows for stray in strays)
                part.places += [place for stray in strays for place in stray.places]

    def all_days(self) -> list[date]:
        """Every day the delivery vouches for."""
        return sorted(day for day in self.parts if day is not None)

    def sha256(self, day: date) -> str:
        """Hash of what the day holds."""
        return self.parts[day].digest

    def count(self, day: date) -> int:
        """Number of rows of the day."""
        return self.parts[day].rows

    def lines(self, day: date, delivery_id: int) -> Iterator[bytes]:
        """The day's rows as COPY text."""
        end = f"\t{delivery_id}\n".encode()
        for offset, length in self.parts[day].places:
            self._held.seek(offset)
            yield self._held.read(length).replace(b"\n", end)


def _escape(text: str) -> str:
    """Text as it stands in a COPY text field."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
