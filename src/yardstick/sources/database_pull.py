"""One pull from a database: what is asked, for which window, within which limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from yardstick.sources import delivery
from yardstick.sources.delivery import RefusedError

WINDOW_TYPES = ("timestamp", "date", "epoch")


@dataclass(frozen=True)
class Window:
    """The moments an incremental pull asks for.

    Attributes:
        first: from this moment on, in the site's zone.
        until: before this moment, in the site's zone.
        type: what the query compares with: ``timestamp``, ``date`` or ``epoch`` (seconds since 1970, UTC).
    """

    first: datetime
    until: datetime
    type: str

    def value(self, which: str) -> datetime | date | int:
        """What ``from`` or ``until`` stands for."""
        moment = self.first if which == "from" else self.until
        if self.type == "date":
            return moment.date()
        return int(moment.timestamp()) if self.type == "epoch" else moment


def window(day: date, zone: ZoneInfo, overlap_minutes: int, kind: str) -> Window:
    """A whole business day and the overlap before it: [00:00 - overlap, 00:00 of the next day)."""
    return Window(*delivery.window(zone, day, day, overlap_minutes), kind)


@dataclass(frozen=True)
class Pull:
    """A pull on its way to the database.

    Attributes:
        name: its name, for messages.
        connection_id: the Airflow connection, for messages.
        application: what the database's administrator sees it under.
        query: the query as the site file has it.
        window: the moments it asks for; None for a snapshot.
        zone: the site's time zone.
        statement_timeout_seconds: a query that takes longer is ended.
        lock_timeout_seconds: a query that waits longer for a lock is ended.
        max_cell_characters: a longer text is refused.
    """

    name: str
    connection_id: str
    application: str
    query: str
    window: Window | None
    zone: ZoneInfo
    statement_timeout_seconds: int
    lock_timeout_seconds: int
    max_cell_characters: int

    def check_columns(self, names: Sequence[str]) -> None:
        """Refuse a result whose columns cannot be told apart.

        Raises:
            RefusedError: naming the column.
        """
        if not names or not all(names):
            raise RefusedError(f"{self.name}: the query returns a column without a name. Name it with AS.")
        for name, count in Counter(names).items():
            if count > 1:
                raise RefusedError(
                    f"{self.name}: the query returns {count} columns named {name!r}. Name them apart with AS."
                )

    def binary(self, name: str, hint: str) -> RefusedError:
        """What refuses a column of bytes."""
        return RefusedError(
            f"{self.name}: column {name!r} is binary and has no text of its own. Leave it out of the query, "
            f"or write {hint}."
        )

    def too_long(self, name: str) -> RefusedError:
        """What refuses a cell beyond the limit."""
        return RefusedError(
            f"{self.name}: column {name!r} holds a text of more than {self.max_cell_characters:,} characters. "
            "Leave it out of the query, shorten it with left(…), or raise max_cell_characters."
        )
