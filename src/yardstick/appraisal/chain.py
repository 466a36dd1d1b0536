"""The line of releases: one after the other in the warehouse, noted beside it, and verified."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from yardstick import warehouse
from yardstick.appraisal.canonical import sha256
from yardstick.appraisal.content import (
    Content,
    Relation,
    differences_between,
    query,
    release_relations,
    released_content,
    session,
)
from yardstick.appraisal.errors import AppraisalError, ArtifactChangedError, ChainBrokenError
from yardstick.settings import Settings

_LOCK = 7_402_030


@dataclass(frozen=True)
class Problem:
    """Something ``verify`` found wrong.

    Attributes:
        release_id: the release it concerns, None for the chain as a whole.
        what: one sentence.
    """

    release_id: str | None
    what: str

    def __str__(self) -> str:
        return f"{self.release_id}: {self.what}" if self.release_id else self.what


@contextlib.contextmanager
def alone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One releaser at a time. The lock comes before the snapshot, so the second sees what the first did."""
    connection.execute("set lock_timeout = '10min'")
    try:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
    except psycopg.errors.LockNotAvailable:
        raise AppraisalError(
            "another release has been at work for ten minutes; look for session 'yardstick-release'"
        ) from None
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def release_sha256(header: dict[str, Any]) -> str:
    """What makes a release: its content, its signature, its deliveries and its place in the line."""
    return sha256(
        {
            column: header[column]
            for column in (
                "release_id",
                "version",
                "status",
                "reason",
                "code_version",
                "delivery_ids",
                "content_sha256",
                "previous_sha256",
                "signed_by",
                "signed_how",
                "signed_at",
            )
        }
    )


def record_artifacts(settings: Settings, release_id: str, paths: Iterable[Path]) -> None:
    """Name the published files in the release's manifest, under paths relative to ``settings.reports``.

    Raises:
        ArtifactChangedError: when a file of that name was recorded with other bytes; then none is recorded.
    """
    rows = []
    for path in sorted(paths):
        data = path.read_bytes()
        rows.append(
            (
                path.resolve().relative_to(settings.reports.resolve()).as_posix(),
                hashlib.sha256(data).hexdigest(),
                len(data),
            )
        )
    with session(settings, "yardstick-artifacts") as connection, connection.transaction():
        known = dict(
            connection.execute(
                "select path, sha256 from release.artifact where release_id = %s", [release_id]
            ).fetchall()
        )
        for name, digest, size in rows:
            if known.get(name, digest) != digest:
                raise ArtifactChangedError(
                    f"{name} of {release_id} differs from the file recorded at its publication "
                    f"(recorded {known[name][:12]}, now {digest[:12]})"
                )
            connection.execute(
                "insert into release.artifact (release_id, path, sha256, byte_size) values (%s, %s, %s, %s) "
                "on conflict (release_id, path) do nothing",
                [release_id, name, digest, size],
            )


def verify(settings: Settings) -> list[Problem]:
    """Recompute every released hash, walk the chain, compare it with the log and with the published files.

    Returns:
        What is wrong, in the chain's order; empty when all holds.
    """
    with session(settings, "yardstick-verify") as connection, connection.transaction():
        headers = _chain(connection)
        unchained = {
            row[0] for row in connection.execute("select release_id from release.release").fetchall()
        } - {header["release_id"] for header in headers}
        problems = [Problem(name, "is not linked to the chain of releases") for name in sorted(unchained)]
        relations = release_relations(connection)
        standards = dict(
            connection.execute(
                "select standards_release, content_sha256 from ops.standards_release"
            ).fetchall()
        )
        before: dict[str, Content] = {}
        for header in headers:
            problems += _verify_release(connection, relations, header, before)
            if (
                standards.get(header["standards_release"], header["standards_sha256"])
                != header["standards_sha256"]
            ):
                problems.append(
                    Problem(
                        header["release_id"],
                        f"standards release {header['standards_release']} was altered after signing",
                    )
                )
        artifacts = connection.execute(
            "select release_id, path, sha256 from release.artifact order by 1, 2"
        ).fetchall()
    problems += _verify_log(settings, headers)
    for release_id, name, digest in artifacts:
        path = settings.reports / name
        if not path.is_file():
            problems.append(Problem(release_id, f"the published file {name} is gone"))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            problems.append(Problem(release_id, f"the published file {name} was altered"))
    return problems


def _chain(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    return warehouse.rows(connection, query("chain.sql"))


def _verify_release(
    connection: psycopg.Connection[Any],
    relations: dict[str, Relation],
    header: dict[str, Any],
    before: dict[str, Content],
) -> list[Problem]:
    release_id = header["release_id"]
    problems = []
    content = released_content(connection, relations, header)
    if sha256(content) != header["content_sha256"]:
        problems.append(Problem(release_id, "its figures are not those that were signed"))
    if release_sha256(header) != header["release_sha256"]:
        problems.append(
            Problem(release_id, "its signature, reason, deliveries or place in the chain were altered")
        )
    listed = warehouse.rows(
        connection,
        "select relation, project_id, subject, field, before, after from release.difference "
        "where release_id = %s order by position",
        [release_id],
    )
    previous = before.get(header["period"])
    if listed != (differences_between(relations, previous, content) if previous else []):
        problems.append(
            Problem(
                release_id, "its list of differences is not what distinguishes it from the version before"
            )
        )
    before[header["period"]] = content
    return problems


def chain_log(settings: Settings) -> Path:
    """The record of releases outside the database: one JSON line each, in order."""
    return settings.home / "release_chain.log"


def _logged(settings: Settings) -> list[dict[str, str]]:
    """The log's whole lines; a line cut off by a crash was never acknowledged and does not count."""
    path = chain_log(settings)
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if line]


def _verify_log(settings: Settings, headers: list[dict[str, Any]]) -> list[Problem]:
    try:
        logged = _logged(settings)
    except ValueError:
        return [Problem(None, f"{chain_log(settings)} holds a line that is not JSON")]
    problems = []
    for place, line in enumerate(logged):
        if place >= len(headers):
            problems.append(
                Problem(
                    line["release_id"],
                    "was released, says the chain log, but the warehouse has no such release",
                )
            )
        elif headers[place]["release_sha256"] != line["release_sha256"]:
            problems.append(Problem(line["release_id"], "differs between the warehouse and the chain log"))
    problems += [
        Problem(
            header["release_id"],
            f"is not in {chain_log(settings).name}: its writer was stopped; run its release again",
        )
        for header in headers[len(logged) :]
    ]
    return problems


def note(settings: Settings, connection: psycopg.Connection[Any]) -> None:
    """Append what the log lacks, after a release and, for one whose writer was killed, before the next.

    Raises:
        ChainBrokenError: when the log and the database disagree on what is in both.
    """
    headers = _chain(connection)
    path = chain_log(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        data = file.read()
        if not data.endswith(b"\n") and data:
            file.truncate(data.rfind(b"\n") + 1)
        wrong = [
            problem
            for problem in _verify_log(settings, headers)
            if "its writer was stopped" not in problem.what
        ]
        if wrong:
            raise ChainBrokenError(
                f"no release while the chain is broken ({wrong[0]}): restore the warehouse from its backup, "
                f"or, when this warehouse was begun anew on purpose, move {path} away"
            )
        for header in headers[len(_logged(settings)) :]:
            file.write(
                json.dumps(
                    {
                        "release_id": header["release_id"],
                        "release_sha256": header["release_sha256"],
                        "previous_sha256": header["previous_sha256"],
                    }
                ).encode()
                + b"\n"
            )
        file.flush()
        os.fsync(file.fileno())
