"""From a draft that somebody is shown to the release of what they signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from yardstick.appraisal.chain import alone, note
from yardstick.appraisal.content import Draft, compose, kind_of, session
from yardstick.appraisal.errors import AppraisalError
from yardstick.appraisal.freezing import Signature, freeze, must_be_signed
from yardstick.appraisal.restatement import propose
from yardstick.periods import Kind
from yardstick.settings import Settings

AUTO_SIGN = "auto-sign"
_LABELS = {
    "en": (
        "Period",
        "Standards release",
        "Projects scored",
        "Scores",
        "Grades",
        "Vetoed projects",
        "Tickets",
        "Rejected rows",
        "Indicators with too small a sample",
        "Content",
    ),
    "zh-Hans": (
        "考核期",
        "标准版本",
        "已评分项目",
        "得分",
        "等级",
        "被否决的项目",
        "工单数",
        "被拒绝的行",
        "样本不足的指标",
        "内容摘要",
    ),
    "zh-Hant": (
        "考核期",
        "標準版本",
        "已評分項目",
        "得分",
        "等級",
        "被否決的項目",
        "工單數",
        "被拒絕的行",
        "樣本不足的指標",
        "內容摘要",
    ),
}


def draft(settings: Settings, kind: Kind, period: str) -> Draft:
    """Read a period as it would be released now; writes nothing.

    Raises:
        NothingToReleaseError: when the period has no scores.
        AppraisalError: when a delivery of the period was built but not audited.
    """
    with session(settings, "yardstick-draft") as connection, connection.transaction():
        return compose(connection, kind, period)


def release(
    settings: Settings, kind: Kind, period: str, signature: Signature, *, signed_sha256: str | None = None
) -> str:
    """Freeze a period, once.

    Called again with the same figures it returns the release that exists. When the figures differ from the
    released ones nothing is changed: a restatement is proposed (``proposals``) and the released id returned.

    Args:
        settings: where the warehouse is.
        kind: month, quarter or year.
        period: e.g. ``2015-01``, ``2015-Q1``, ``2015``.
        signature: who signs.
        signed_sha256: the ``content_sha256`` of the draft that was shown to who signed.

    Returns:
        The release id, ``<period>.v<version>``.

    Raises:
        DraftChangedError: when the figures are no longer those of ``signed_sha256``.
        NothingToReleaseError: when the period has no scores.
        ChainBrokenError: when the log beside the database holds releases the database lost.
    """
    with session(settings, "yardstick-release") as connection, alone(connection):
        note(settings, connection)
        with connection.transaction():
            drafted = compose(connection, kind, period)
            if drafted.state == "unreleased":
                must_be_signed(drafted, signed_sha256)
                release_id = freeze(settings, connection, drafted, signature, version=1, reason=None)
            else:
                propose(connection, drafted)
                release_id = drafted.release_id or ""
        note(settings, connection)
    return release_id


def prepare(settings: Settings, period: str) -> dict[str, Any]:
    """What the sign-off shows, small enough for a task's return value.

    When the figures differ from the released ones, a restatement is proposed.

    Returns:
        ``period``, ``content_sha256``, ``state`` (``new``, ``released`` or ``differs``), ``release_id`` of
        the latest version or None, and ``summary``: a few lines of Markdown in the language of the settings.
    """
    with session(settings, "yardstick-draft") as connection, alone(connection), connection.transaction():
        drafted = compose(connection, kind_of(period), period)
        if drafted.state != "unreleased":
            propose(connection, drafted)
    return {
        "period": period,
        "content_sha256": drafted.content_sha256,
        "state": {"unreleased": "new", "unchanged": "released", "differs": "differs"}[drafted.state],
        "release_id": drafted.release_id,
        "summary": _told(drafted, settings.language),
    }


def periods_to_announce(settings: Settings, period: str, *, is_new: bool) -> list[str]:
    """The partitions to emit once a period's figures were looked at.

    A new release announces itself. Figures of a released period that were computed again may have moved
    the quarter and the year as well, and a roll-up waits for every one of its months after each firing:
    so every released month of that year is announced.
    """
    if is_new or kind_of(period) != "month":
        return [period]
    with session(settings, "yardstick-announce") as connection:
        months = connection.execute(
            "select distinct period from release.release where period_kind = 'month' and left(period, 4) = %s "
            "order by period",
            [period[:4]],
        ).fetchall()
    return [row[0] for row in months]


def release_signed(
    settings: Settings, period: str, content_sha256: str, response: Mapping[str, Any] | None
) -> str:
    """Release a period with the answer that Airflow's approval task got.

    Args:
        settings: where the warehouse is.
        period: e.g. ``2015-01``.
        content_sha256: of the draft that was shown.
        response: the approval task's return value; None when nobody was asked because the figures are
            released already.

    Returns:
        The release id.

    Raises:
        AppraisalError: when figures that are not released come without a signature.
        DraftChangedError: when they changed since they were shown.
    """
    kind = kind_of(period)
    if response is None:
        drafted = draft(settings, kind, period)
        if drafted.release_id is None or drafted.content_sha256 != content_sha256:
            raise AppraisalError(f"{period} has figures that nobody signed: run its appraisal again")
        return drafted.release_id
    user = response.get("responded_by_user") or {}
    name = str(user.get("name") or user.get("id") or "")
    if not name:
        raise AppraisalError(f"the sign-off of {period} does not say who answered it")
    at = response["responded_at"]
    signature = Signature(
        signed_by=name,
        signed_how="auto-sign" if name == AUTO_SIGN else "person",
        signed_at=at if isinstance(at, datetime) else datetime.fromisoformat(str(at)),
    )
    return release(settings, kind, period, signature, signed_sha256=content_sha256)


def _told(drafted: Draft, language: str) -> str:
    labels = _LABELS.get(language, _LABELS["en"])
    summary = drafted.summary
    scores = "–"
    if summary["score_lowest"] is not None:
        scores = f"{summary['score_lowest']:.2f} – {summary['score_highest']:.2f}"
    values = (
        summary["period"],
        summary["standards_release"],
        f"{summary['projects_scored']} / {summary['projects']}",
        scores,
        ", ".join(f"{grade} {count}" for grade, count in summary["grades"].items()) or "–",
        str(summary["vetoes"]),
        f"{summary['tickets']:,}",
        f"{summary['rejects']:,}",
        str(summary["indicators_too_small"]),
        f"`{drafted.content_sha256}`",
    )
    return "\n".join(f"- {label}: {value}" for label, value in zip(labels, values, strict=True))
