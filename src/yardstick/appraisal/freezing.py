"""Freezing a signed draft: one transaction that inserts the rows of a release and links it to the chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from yardstick.appraisal.canonical import code_version
from yardstick.appraisal.chain import release_sha256
from yardstick.appraisal.content import RELATIONS, Draft
from yardstick.appraisal.errors import DraftChangedError
from yardstick.settings import Settings


@dataclass(frozen=True)
class Signature:
    """Who answers for a release.

    Attributes:
        signed_by: the person's name or login.
        signed_how: ``person`` for a human decision, ``auto-sign`` for the demo's step.
        signed_at: the moment, with a time zone.
    """

    signed_by: str
    signed_how: Literal["person", "auto-sign"]
    signed_at: datetime

    def __post_init__(self) -> None:
        if not self.signed_by.strip():
            raise ValueError("a signature needs a name")
        if self.signed_at.tzinfo is None:
            raise ValueError("signed_at needs a time zone")
        if self.signed_how not in ("person", "auto-sign"):
            raise ValueError(f"signed_how {self.signed_how!r} is neither 'person' nor 'auto-sign'")


def must_be_signed(drafted: Draft, signed_sha256: str | None) -> None:
    """Refuse figures other than those that were signed; None: signed as they are.

    Raises:
        DraftChangedError: when they moved.
    """
    if signed_sha256 not in (None, drafted.content_sha256):
        raise DraftChangedError(
            f"{drafted.period} changed after it was signed (signed {str(signed_sha256)[:12]}, "
            f"now {drafted.content_sha256[:12]}): draft it again and ask for a new signature"
        )


def freeze(
    settings: Settings,
    connection: psycopg.Connection[Any],
    drafted: Draft,
    signature: Signature,
    *,
    version: int,
    reason: str | None,
) -> str:
    """Insert a release at the end of the chain, in the caller's transaction.

    Returns:
        The release id, ``<period>.v<version>``.
    """
    head = connection.execute(
        "select release_sha256 from release.release r "
        "where not exists (select from release.release n where n.previous_sha256 = r.release_sha256)"
    ).fetchone()
    header: dict[str, Any] = {
        "release_id": f"{drafted.period}.v{version}",
        "version": version,
        "status": "restated" if version > 1 else "released",
        "reason": reason,
        "code_version": code_version(settings.root),
        "delivery_ids": drafted.delivery_ids,
        "content_sha256": drafted.content_sha256,
        "previous_sha256": head[0] if head else None,
        "signed_by": signature.signed_by,
        "signed_how": signature.signed_how,
        "signed_at": signature.signed_at,
    }
    header["release_sha256"] = release_sha256(header)
    header |= {
        column: drafted.content[column]
        for column in (
            "period_kind",
            "period",
            "period_start",
            "period_end",
            "standards_release",
            "standards_sha256",
            "tickets",
            "rejects",
        )
    }
    connection.execute(
        sql.SQL("insert into release.release ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, header)), sql.SQL(", ").join(map(sql.Placeholder, header))
        ),
        header,
    )
    for name in RELATIONS:
        _insert(connection, name, header["release_id"], drafted.content.get(name, []))
    _insert(
        connection,
        "difference",
        header["release_id"],
        [{"position": position, **row} for position, row in enumerate(drafted.differences, start=1)],
    )
    return str(header["release_id"])


def _insert(
    connection: psycopg.Connection[Any], name: str, release_id: str, rows: list[dict[str, Any]]
) -> None:
    """One INSERT per table: row-level security forbids COPY to a login that is no superuser."""
    connection.execute(
        sql.SQL(
            "insert into release.{0} select * from jsonb_populate_recordset(null::release.{0}, %s)"
        ).format(sql.Identifier(name)),
        [Jsonb([{"release_id": release_id, **row} for row in rows])],
    )
