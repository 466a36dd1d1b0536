"""Files behind a connection: listed there, brought here whole, then read as local ones."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from yardstick.errors import BadInputError, CredentialsError
from yardstick.sources import connections
from yardstick.sources.connections import Connection
from yardstick.sources.delivery import Fetched, RefusedError
from yardstick.sources.local import Entry

KINDS = {"sftp": "sftp", "ssh": "sftp", "aws": "s3", "s3": "s3"}
"""Module by Airflow's connection type."""
_MAX_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Status:
    """What a place says of one name.

    Attributes:
        name: the last part of its path.
        kind: ``file``, ``directory`` or something else.
        size: bytes.
        changed: seconds since the epoch.
        version: differs when the content does, as far as the place knows.
    """

    name: str
    kind: str
    size: int
    changed: float
    version: str = ""


class Session(Protocol):
    """A line to a place where files are; one module each (``sftp``, ``s3``).

    Every method raises FileNotFoundError for what is not there, PermissionError for what the login may not
    see, ``CredentialsError`` for a login that is refused and ``UnreachableError`` for trouble that may pass.
    """

    def path(self, folder: str, name: str) -> str:
        """The place's own path of a name below a folder below the connection."""

    def list(self, path: str) -> list[Status]:
        """What lies in a folder."""

    def status(self, path: str) -> Status:
        """What is known of a file now."""

    def read(self, path: str, size: int) -> Iterator[bytes]:
        """The first ``size`` bytes of a file, in pieces of bounded size."""

    def is_alive(self) -> bool:
        """Whether it can be used again."""

    def close(self) -> None:
        """Let go of it."""


_idle: dict[Connection, Session] = {}
_lock = threading.Lock()


@contextmanager
def session(connection_id: str) -> Iterator[Session]:
    """A line of a connection; kept open for the next one who asks in this process.

    Raises:
        CredentialsError: when the connection is not defined, or the login is refused.
        UnreachableError: when nobody answers.
    """
    connection = connections.get(connection_id)
    with _lock:
        found = _idle.pop(connection, None)
    if found and not found.is_alive():
        found.close()
        found = None
    current = found or _open(connection)
    try:
        yield current
    except (RefusedError, FileNotFoundError):
        _keep(connection, current)
        raise
    except BaseException:
        current.close()
        raise
    _keep(connection, current)


def _open(connection: Connection) -> Session:
    if connection.kind not in KINDS:
        raise CredentialsError(
            f"Connection {connection.id} is of type {connection.kind!r}; files come over "
            f"{', '.join(KINDS)}. Correct its type."
        )
    opened: Session = import_module(f"yardstick.sources.{KINDS[connection.kind]}").connect(connection)
    return opened


def _keep(connection: Connection, current: Session) -> None:
    with _lock:
        before = _idle.pop(connection, None)
        _idle[connection] = current
    if before:
        before.close()


@dataclass
class _Downloaded(Fetched):
    """A copy of a file, which its sender may have been writing meanwhile."""

    is_stale: bool

    def is_changing(self) -> bool:
        """Whether size or time there changed while it was brought here."""
        return self.is_stale


@dataclass(frozen=True)
class RemoteFolder:
    """A folder below a connection.

    Attributes:
        connection: id of the connection.
        folder: path below it.
        limit: a larger file is refused, in bytes.
        spool: folder for what is on its way; a copy there has no name, so that nothing of it is ever left.
    """

    connection: str
    folder: str
    limit: int
    spool: Path

    def entries(self, depth: int) -> Iterator[Entry]:
        """What lies exactly so many folders below, other than folders.

        Raises:
            FileNotFoundError: when the folder does not exist.
            BadInputError: when it may not be listed.
        """
        with session(self.connection) as line:
            try:
                found = list(self._below(line, "", depth))
            except FileNotFoundError:
                raise FileNotFoundError(
                    f"Connection {self.connection}: {self.folder!r} does not exist there. "
                    "Create it, or correct the folder in the site file."
                ) from None
            except PermissionError:
                raise BadInputError(
                    f"Connection {self.connection}: the login may not list {self.folder!r}. "
                    "Have it allowed, or correct the folder."
                ) from None
        return iter(found)

    def _below(self, line: Session, prefix: str, depth: int) -> Iterator[Entry]:
        for count, found in enumerate(line.list(line.path(self.folder, prefix))):
            if count > _MAX_ENTRIES:
                raise BadInputError(
                    f"Connection {self.connection}: {self.folder!r} holds more than {_MAX_ENTRIES:,} names. "
                    "Move old deliveries elsewhere."
                )
            if depth:
                if found.kind == "directory":
                    yield from self._below(line, f"{prefix}{found.name}/", depth - 1)
            elif found.kind != "directory":
                yield Entry(prefix + found.name, found.size, found.changed)

    @contextmanager
    def opened(self, name: str) -> Iterator[Fetched]:
        """A file's bytes, brought here whole; nothing is left of them afterwards.

        Raises:
            RefusedError: for what is no file, may not be read or is too large.
            FileNotFoundError: when it is not there.
            UnreachableError: when the line broke; nothing of the file is kept.
        """
        self.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=self.spool) as stream:
            with session(self.connection) as line:
                path = line.path(self.folder, name)
                try:
                    is_stale = self._bring(line, path, name, stream)
                except PermissionError:
                    raise RefusedError(
                        f"{name} cannot be opened: the login of connection {self.connection} may not read it. "
                        "Have it allowed."
                    ) from None
            stream.seek(0)
            yield _Downloaded(stream, is_stale)

    def _bring(self, line: Session, path: str, name: str, stream: Any) -> bool:
        """Copy a file; whether it was being written meanwhile."""
        before = line.status(path)
        if before.kind != "file":
            raise RefusedError(f"{name} is not a regular file. Put a file there.")
        if before.size > self.limit:
            raise RefusedError(
                f"{name} has {before.size:,} bytes, more than {self.limit:,}. "
                "Deliver less in one file, or raise max_uncompressed_bytes."
            )
        count = 0
        for piece in line.read(path, before.size):
            count += len(piece)
            stream.write(piece)
        stream.flush()
        try:
            return count != before.size or line.status(path) != before
        except FileNotFoundError:
            return True
