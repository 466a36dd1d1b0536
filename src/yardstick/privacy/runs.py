"""Every run that removes, erases or hands out personal data: alone, in one transaction, and on record."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from yardstick import warehouse
from yardstick.errors import BadInputError
from yardstick.privacy.blanking import Connection
from yardstick.settings import Settings

_LOCK = 7_402_060


@dataclass
class Run:
    """A run under way.

    Attributes:
        connection: in its transaction.
        run_id: its row in ``ops.privacy_run``.
        as_of: the day it goes by.
        removed: rows (or files) by class, relation and first day kept.
        originals: hashes of delivered files whose bytes have to go.
        is_dry: everything is taken back at the end.
    """

    connection: Connection
    run_id: int
    as_of: date
    removed: Counter[tuple[str, str, date | None]] = field(default_factory=Counter)
    originals: set[str] = field(default_factory=set)
    is_dry: bool = False

    def note(self, name: str, counts: dict[str, int], cut_off: date | None = None) -> None:
        """Count what a class has lost, by relation."""
        self.removed.update({(name, relation, cut_off): count for relation, count in counts.items() if count})


@contextlib.contextmanager
def run(
    settings: Settings,
    kind: str,
    run_by: str,
    *,
    as_of: date | None = None,
    subject: str | None = None,
    reason: str | None = None,
    is_dry: bool = False,
) -> Iterator[Run]:
    """One transaction that may change ``raw`` and the logs, because it stands in ``ops.privacy_run``.

    It waits until no build is writing and lets none begin. What is removed is written to
    ``ops.privacy_removal`` with it; files go when it has been committed, and again after a crash.

    Args:
        settings: the installation.
        kind: ``retention``, ``erasure`` or ``extract``.
        run_by: who.
        as_of: the day it goes by; default today.
        subject: whose data, if one person's.
        reason: why.
        is_dry: take everything back at the end.
    """
    day = as_of or date.today()
    with warehouse.connect(settings.require_database_url(), name="yardstick-privacy") as connection:
        for lock in (_LOCK, warehouse.STAGING_LOCK, warehouse.SCORE_LOCK):
            connection.execute("select pg_advisory_xact_lock(%s)", [lock])
        row = connection.execute(
            "insert into ops.privacy_run (kind, subject, reason, as_of, run_by) values (%s, %s, %s, %s, %s) "
            "returning privacy_run_id",
            [kind, subject, reason, day, run_by],
        ).fetchone()
        assert row is not None  # noqa: S101 (an insert returns its row)
        under_way = Run(connection, row[0], day, is_dry=is_dry)
        yield under_way
        if under_way.is_dry:
            connection.rollback()
            return
        connection.cursor().executemany(
            "insert into ops.privacy_removal (privacy_run_id, class, relation, cut_off, rows) "
            "values (%s, %s, %s, %s, %s)",
            [(row[0], *place, count) for place, count in under_way.removed.items()],
        )
        connection.commit()
    remove_originals(settings, under_way.originals)


def must_be_hr(connection: Connection, login: str) -> None:
    """Whose data is handed out or erased is for HR to decide.

    Raises:
        BadInputError: for a login that is no reader of role ``hr``.
    """
    found = connection.execute("select reader_role from ops.reader where login = %s", [login]).fetchone()
    if found != ("hr",):
        raise BadInputError(f"{login!r} is no reader of role hr: yardstick reader list")


def kept_originals(settings: Settings, hashes: Iterable[str]) -> list[str]:
    """Those of the hashes under which bytes are kept."""
    return sorted({sha256 for sha256 in hashes if sha256 and (settings.store / sha256[:2] / sha256).exists()})


def remove_originals(settings: Settings, hashes: Iterable[str]) -> None:
    """Delete the bytes of files; those that are gone are gone."""
    for sha256 in hashes:
        (settings.store / sha256[:2] / sha256).unlink(missing_ok=True)
