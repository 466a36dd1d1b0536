"""Landing: one delivery becomes rows of text in ``raw``, with its ledger, in one transaction.

A delivery is committed whole or not at all. It is split into one delivery per day it vouches for; a day
whose rows are what the same name brought before makes no new delivery, so the same bytes again change
nothing and a corrected file lands exactly its changed days. Memory stays bounded: the rows of a name that
comes for the first time go to the server while they are read, in a transaction that a fault takes back; those
of a name that is known wait in a temporary file until it is clear which days are new.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from yardstick import drift, sources, warehouse
from yardstick.landing.days import COLUMNS, Days
from yardstick.landing.original import Original, digest
from yardstick.settings import Settings
from yardstick.sources.delivery import Connector, Due, Fetched, Reading, RefusedError
from yardstick.sources.site import Entity, Site

APPLICATION = "yardstick-land"


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
        """Fetch, compare with what came under that name before, land what is new."""
        connector = sources.connector(self.site.connector)
        try:
            with connector.fetch(self.site, self.entity, self.due, self.settings) as fetched:
                before = self._last_arrival()
                if before:
                    self.sha256, self.size = digest(fetched.stream)
                self.connection.rollback()  # nothing stays open while reading
                if before and before[1:] == (self.sha256, self.reading_sha256):
                    landed = self._write_unchanged(before[0])
                else:
                    with Original(self.settings.store, fetched.stream) as original:
                        landed = self._read(connector, fetched, original, is_new=before is None)
                if landed.status != "waiting":
                    fetched.landed()
                return landed
        except FileNotFoundError:
            return self._waiting("is gone since it was listed")
        except RefusedError as error:
            return self._refuse(error)

    def _waiting(self, why: str) -> Landed:
        self.connection.rollback()
        return Landed("waiting", f"{self.due.name} {why}.", self.due.name)

    def _read(self, connector: Connector, fetched: Fetched, original: Original, *, is_new: bool) -> Landed:
        """Read the rows and write them; a refusal keeps the bytes, too."""
        try:
            reading = self._open(connector, fetched)
            landed = self._pass_on(reading, fetched, original) if is_new else None
            if landed is None:
                if is_new:  # the reading is used up
                    fetched.stream.seek(0)
                    reading = self._open(connector, fetched)
                landed = self._set_aside(reading, fetched, original)
        except RefusedError as error:
            if fetched.is_changing():
                return self._waiting("is still being written")
            self.sha256, self.size = original.digest()
            original.keep()
            return self._refuse(error)
        return landed

    def _open(self, connector: Connector, fetched: Fetched) -> Reading:
        reading = connector.read(self.entity, self.due.name, fetched.stream)
        reading.total = fetched.total if reading.total is None else reading.total
        return reading

    def _pass_on(self, reading: Reading, fetched: Fetched, original: Original) -> Landed | None:
        """Rows go to the server while they are read; taken back unless every day turns out to be new.

        Returns:
            None when the rows have to be set aside first: the span of days is not known before they are
            read, or some of its days stand already.
        """
        span = self._declared_span()
        if span is None:
            return None
        self._lock()
        first, last = span
        days_asked = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        ids = self._reserve(days_asked)
        with Days(ids, last) as days:
            with self.connection.cursor().copy(self._copy_statement()) as copy:
                days.pass_to(copy.write)
                self._collect(reading, days)
            if fetched.is_changing():
                return self._waiting("is still being written")
            changed = self._changed(days)
            if list(changed) != days_asked:
                self.connection.rollback()
                return None
            return self._commit(reading, days, span, changed, ids, original)

    def _set_aside(self, reading: Reading, fetched: Fetched, original: Original) -> Landed:
        """Rows wait until all are read; then the days that are new are written."""
        with Days() as days:
            span = self._collect(reading, days)
            if fetched.is_changing():
                return self._waiting("is still being written")
            self._lock()
            changed = self._changed(days)
            ids = self._reserve(list(changed))
            if changed:
                with self.connection.cursor().copy(self._copy_statement()) as copy:
                    for day, delivery_id in ids.items():
                        for text in days.copy_text(day, delivery_id):
                            copy.write(text)
            return self._commit(reading, days, span, changed, ids, original)

    # --- reading ---

    def _declared_span(self) -> tuple[date, date] | None:
        """The days the delivery vouches for, as far as that is known before it is read."""
        first, last = self.due.first_day, self.due.last_day
        if first is not None and last is not None:
            return first, last
        if self.entity.event is not None:
            return None
        last = last or self.site.valid_from
        if last is None:
            raise RefusedError(f"{self.due.name} carries no date and the site declares no valid_from.")
        return first or last, last

    def _collect(self, reading: Reading, days: Days) -> tuple[date, date]:
        """Read every page and file its rows by business day.

        Returns:
            The first and last day the delivery vouches for.

        Raises:
            RefusedError: for a delivery without rows where that is no delivery, one whose rows are not as
                many as the source says, and dated rows none of which has a readable date.
        """
        form = self.entity.event_format()
        span = self._declared_span()
        is_one_day = span is not None and span[0] == span[1]
        zone = self.site.zone
        for page in reading.pages:
            days.add([None] if form is None or is_one_day else form.days(page.event_values, zone), page)
        if days.rows == 0 and not self.entity.may_be_empty:
            raise RefusedError(
                f"{self.due.name} holds a header and no rows. Deliver it again, or declare may_be_empty: "
                f"true for {self.entity.name} if nothing can happen on a day."
            )
        if reading.total is not None and reading.total != days.rows:
            raise RefusedError(
                f"{self.due.name}: the source says {reading.total:,} rows and delivered {days.rows:,}. "
                "It is cut off, or rows moved between its pages; the next run looks again."
            )
        if span is None:
            span = self._seen_span(days, form.text if form else "")
        days.close(*span, reading.header)
        return span

    def _seen_span(self, days: Days, form: str) -> tuple[date, date]:
        if seen := days.seen():
            return seen[0], seen[-1]
        if days.rows == 0 and self.site.valid_from:
            return self.site.valid_from, self.site.valid_from
        raise RefusedError(
            f"{self.due.name}: no row has a readable {self.entity.contract.event_date} "
            f"(declared format {form}). Correct the format in the site file."
        )

    # --- the ledger ---

    def _lock(self) -> None:
        """One writer per source and entity: whoever comes second compares with what the first has written."""
        self.connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"land {self.site.source_id} {self.entity.name}"],
        )

    def _copy_statement(self) -> sql.Composed:
        return sql.SQL("copy raw.{} ({}) from stdin").format(
            sql.Identifier(self.entity.name), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )

    def _reserve(self, days: list[date]) -> dict[date, int]:
        """An id for the delivery of each day, in order of days."""
        found = self.connection.execute(
            "select nextval(pg_get_serial_sequence('ops.delivery', 'delivery_id')) from generate_series(1, %s)",
            [len(days)],
        ).fetchall()
        return dict(zip(days, sorted(row[0] for row in found), strict=True))

    def _last_arrival(self) -> tuple[int, str, str] | None:
        """Id, hash and reading of the last arrival of this name; the hash of a refused one counts for none."""
        row = self.connection.execute(
            """
            select arrival_id, case when status <> 'refused' then file_sha256 end, reading_sha256
            from ops.arrival
            where source_id = %s and entity = %s and file_name = %s
            order by arrival_id desc
            limit 1
            """,
            [self.site.source_id, self.entity.name, self.due.name],
        ).fetchone()
        return (row[0], row[1], row[2]) if row else None

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

    def _commit(
        self,
        reading: Reading,
        days: Days,
        span: tuple[date, date],
        changed: dict[date, int],
        ids: dict[date, int],
        original: Original,
    ) -> Landed:
        """Arrival and deliveries beside the rows that are copied by now, the bytes kept; all stands or none."""
        connection, site, entity = self.connection, self.site, self.entity
        self.sha256, self.size = original.digest()
        original.keep()
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
        content = days.content()
        connection.execute(
            """
            insert into ops.delivery (
                delivery_id, arrival_id, source_id, entity, partition_date, file_name, revision,
                content_sha256, rows_landed
            )
            overriding system value
            select day.delivery_id, %s, %s, %s, day.partition_date, %s, day.revision, day.content_sha256,
                day.rows_landed
            from unnest(%s::bigint [], %s::date [], %s::integer [], %s::text [], %s::integer [])
                as day (delivery_id, partition_date, revision, content_sha256, rows_landed)
            """,
            [
                arrival_id, site.source_id, entity.name, self.due.name, list(ids.values()), list(ids),
                [changed[day] for day in ids], [content[day] for day in ids], [days.count(day) for day in ids],
            ],
        )  # fmt: skip
        connection.commit()
        return Landed(
            "landed" if changed else "unchanged",
            notice,
            self.due.name,
            arrival_id=arrival_id,
            days=tuple(ids),
            delivery_ids=tuple(ids.values()),
            rows_read=days.rows,
            rows_landed=sum(days.count(day) for day in ids),
        )

    def _changed(self, days: Days) -> dict[date, int]:
        """The days that need a new delivery, with its revision.

        A day is compared with the current delivery of the same name. A name that never brought the day is
        compared with every other name's current delivery, so that the same content under a new name is
        nothing new.
        """
        content = days.content()
        current: dict[date, tuple[int, str]] = {}
        others: dict[date, set[str]] = defaultdict(set)
        for partition, name, revision, content_sha256 in self.connection.execute(
            """
            select distinct on (partition_date, file_name) partition_date, file_name, revision, content_sha256
            from ops.delivery
            where source_id = %s and entity = %s and partition_date = any(%s)
            order by partition_date, file_name, revision desc
            """,
            [self.site.source_id, self.entity.name, list(content)],
        ):
            if name == self.due.name:
                current[partition] = (revision, content_sha256)
            else:
                others[partition].add(content_sha256)
        changed = {}
        for partition, digest_now in content.items():
            if partition in current:
                revision, before = current[partition]
                if before != digest_now:
                    changed[partition] = revision + 1
            elif digest_now not in others[partition]:
                changed[partition] = 1
        return changed
