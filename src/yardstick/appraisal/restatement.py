"""Released periods whose live figures differ: proposed, and restated with a reason."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from yardstick import warehouse
from yardstick.appraisal.chain import alone, note
from yardstick.appraisal.content import Draft, compose, latest_release, session
from yardstick.appraisal.errors import AppraisalError
from yardstick.appraisal.freezing import Signature, freeze, must_be_signed
from yardstick.periods import Kind
from yardstick.settings import Settings


def restate(
    settings: Settings,
    kind: Kind,
    period: str,
    reason: str,
    signature: Signature,
    *,
    signed_sha256: str | None = None,
) -> str:
    """Release the figures of now as the next version, beside the old.

    Called again after it succeeded it returns the version it made.

    Args:
        settings: where the warehouse is.
        kind: month, quarter or year.
        period: a period that is released.
        reason: why, for everybody to read; without personal data.
        signature: who approves.
        signed_sha256: the ``content_sha256`` of the proposal that was approved.

    Returns:
        The id of the new version.

    Raises:
        AppraisalError: when the period was never released, nothing differs, or the reason is empty.
        DraftChangedError: when the figures are no longer those of ``signed_sha256``.
    """
    if not reason.strip():
        raise AppraisalError("a restatement needs a reason that its readers will see")
    with session(settings, "yardstick-release") as connection, alone(connection):
        note(settings, connection)
        with connection.transaction():
            drafted = compose(connection, kind, period)
            latest = latest_release(connection, period)
            if latest is None:
                raise AppraisalError(f"{period} was never released: release it first")
            if drafted.state == "unchanged":
                if latest["reason"] != reason:
                    raise AppraisalError(
                        f"nothing to restate: the figures of {period} are those of {latest['release_id']}"
                    )
                release_id = str(latest["release_id"])
            else:
                must_be_signed(drafted, signed_sha256)
                propose(connection, drafted)
                release_id = freeze(
                    settings, connection, drafted, signature, version=latest["version"] + 1, reason=reason
                )
                connection.execute(
                    "update ops.restatement_proposal set settled_at = now(), settled_how = 'restated' "
                    "where period = %s and content_sha256 = %s",
                    [period, drafted.content_sha256],
                )
        note(settings, connection)
    return release_id


def propose(connection: psycopg.Connection[Any], drafted: Draft) -> None:
    """Keep the list of proposals true: only the live figures are open, and only while they differ."""
    connection.execute(
        "update ops.restatement_proposal set settled_at = now(), settled_how = %s "
        "where period = %s and settled_at is null and content_sha256 <> %s",
        [
            "withdrawn" if drafted.state == "unchanged" else "superseded",
            drafted.period,
            drafted.content_sha256,
        ],
    )
    if drafted.state == "differs":
        connection.execute(
            "insert into ops.restatement_proposal (period_kind, period, content_sha256, differences) "
            "values (%s, %s, %s, %s) on conflict (period, content_sha256) do update "
            "set settled_at = null, settled_how = null where ops.restatement_proposal.settled_at is not null",
            [drafted.kind, drafted.period, drafted.content_sha256, Jsonb(drafted.differences)],
        )


def proposals(settings: Settings) -> list[dict[str, Any]]:
    """Released periods whose live figures differ, oldest first.

    Returns:
        ``period_kind``, ``period``, ``content_sha256``, ``differences`` and ``proposed_at`` of each open one.
    """
    with session(settings, "yardstick-proposals") as connection:
        return warehouse.rows(
            connection,
            "select period_kind, period, content_sha256, differences, proposed_at "
            "from ops.restatement_proposal where settled_at is null order by proposed_at, period",
        )
