"""Pages of a pull on disk: what was asked and the bytes that came, so that an interrupted pull goes on.

A pull's folder holds ``pages`` (frames, appended page by page; they become the kept original) and ``state``
(a line per page: how to ask for the next one). ``pages`` holds no clock and no secret: the same answers give
the same bytes.

A frame is a line of JSON. ``{"pull": …}`` stands first, ``{"page": …, "length": n}`` before the ``n`` bytes of
every answer's body and a line end, ``{"end": …}`` last.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

from yardstick.sources.delivery import RefusedError

_PAGES = "pages"
_STATE = "state"
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Request:
    """What to ask for.

    Attributes:
        url: a path below the connection's base URL, or a whole URL of the source.
        params: query parameters.
    """

    url: str
    params: dict[str, Any]


class Spool:
    """The pages of one pull, held by one process at a time; a second one waits.

    Args:
        folder: the pull's own; made when it is not there.
        pull: what stands in the first frame.
        definition: everything that decides what is asked; pages asked otherwise are not gone on with.
        resume_seconds: pages older than this are not gone on with.

    Attributes:
        next: the next request; None before the first and after the last page.
        is_complete: the last page is there.
        pages: how many pages there are.
        rows: how many rows they hold.
        total: how many rows the source says there are; None when it does not.
        seen: digests of what was asked and of what came.
    """

    def __init__(self, folder: Path, pull: dict[str, Any], definition: str, resume_seconds: float) -> None:
        self.folder = folder
        self._pull = pull
        self._definition = definition
        self._resume_seconds = resume_seconds
        self._lock = -1
        self._stream: IO[bytes] | None = None
        self._states: IO[bytes] | None = None

    def __enter__(self) -> Spool:
        self._lock = _lock(self.folder)
        try:
            self._stream = (self.folder / _PAGES).open("a+b")
            self._states = (self.folder / _STATE).open("a+b")
            if not self._load():
                self.restart()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # What was refused must be asked again from its start; whatever else went wrong may pass.
        if error is None or isinstance(error, RefusedError):
            self.clear()
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        for stream in (self._stream, self._states):
            if stream:
                stream.close()
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def clear(self) -> None:
        """Remove the folder, while nobody else can hold it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self) -> None:
        """Forget every page."""
        self._forget()
        pages, states = self._files
        pages.truncate(0)
        states.truncate(0)
        _write(states, {"definition": self._definition, "started": time.time()})
        self._append({"pull": self._pull})
        self._save()

    def _forget(self) -> None:
        self.next: Request | None = None
        self.is_complete = False
        self.pages = self.rows = 0
        self.total: int | None = None
        self.seen: set[str] = set()

    @property
    def _files(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._stream is not None and self._states is not None  # noqa: S101, PT018 (__enter__ opens)
        return self._stream, self._states

    def add(self, page: dict[str, Any], body: bytes, total: int | None, following: Request | None) -> None:
        """Keep a page, and how to ask for the next one, before it is asked for.

        Args:
            page: url, status, rows and seen (digests) of the page.
            body: the answer.
            total: how many rows the source says there are.
            following: the next request; None when this was the last page.
        """
        self._append({"page": page, "length": len(body)}, body)
        self.pages += 1
        self.rows += page["rows"]
        self.seen.update(page["seen"])
        self.next, self.total = following, total
        self._save()

    def finish(self) -> None:
        """Say that the last page is there."""
        self._append({"end": {"pages": self.pages, "rows": self.rows}})
        self.is_complete = True
        self._save()

    def reopen(self) -> IO[bytes]:
        """The complete pull for reading, at its start."""
        return (self.folder / _PAGES).open("rb")

    def _append(self, frame: dict[str, Any], body: bytes | None = None) -> None:
        pages, _ = self._files
        _write(pages, frame, b"" if body is None else body + b"\n")
        os.fdatasync(pages.fileno())

    def _save(self) -> None:
        # Not synced: after a loss of power an older state, or none, only means asking again.
        pages, states = self._files
        following = [self.next.url, self.next.params] if self.next else None
        state = {"length": pages.tell(), "next": following, "total": self.total, "complete": self.is_complete}
        _write(states, state)

    def _load(self) -> bool:
        """Take up what an interrupted process has left; False when it cannot be gone on with."""
        self._forget()
        pages, states = self._files
        states.seek(0)
        lines = states.read().split(b"\n")[:-1]  # the last one may have been cut off
        try:
            begun, state = json.loads(lines[0]), json.loads(lines[-1])
            age = time.time() - begun["started"]
            if begun["definition"] != self._definition or not 0 <= age <= self._resume_seconds:
                return False
            if pages.seek(0, os.SEEK_END) < state["length"]:
                return False
            pages.truncate(state["length"])  # without a page that was being written
            pages.seek(0)
            for frame, _body in frames(pages, self.folder.name, is_complete=state["complete"]):
                if page := frame.get("page"):
                    self.pages += 1
                    self.rows += page["rows"]
                    self.seen.update(page["seen"])
            self.next = Request(*state["next"]) if state["next"] else None
            self.total, self.is_complete = state["total"], state["complete"]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return False
        return self.is_complete or self.next is not None


def _write(stream: IO[bytes], line: dict[str, Any], more: bytes = b"") -> None:
    stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + more)
    stream.flush()


def folder_of(spool: Path, source_id: str, entity: str, name: str) -> Path:
    """Where a pull's pages are kept while it is under way."""
    quoted = quote(name, safe="@ ").replace(".", "%2E")
    if len(quoted) > 200:
        quoted = hashlib.sha256(name.encode()).hexdigest()
    return spool / source_id / entity / quoted


def _lock(folder: Path) -> int:
    """Make a folder and hold it; whoever held it before may have removed it meanwhile."""
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if folder.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)


def frames(
    stream: IO[bytes], name: str, *, is_complete: bool = True
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The frames of a pull with their bodies; one body at a time is in memory.

    Args:
        stream: from the start.
        name: of the pull, for messages.
        is_complete: the end must be there.

    Raises:
        RefusedError: for bytes that are cut off or no pull.
    """
    damaged = RefusedError(f"{name}: the kept pages are damaged or cut off. Pull again.")
    frame: dict[str, Any] = {}
    while line := stream.readline(_LONGEST_LINE):
        try:
            frame = json.loads(line)
            length = int(frame.get("length", 0))
        except (ValueError, TypeError, AttributeError):
            raise damaged from None
        body = stream.read(length) if "page" in frame else b""
        if len(body) != length or ("page" in frame and stream.read(1) != b"\n"):
            raise damaged
        yield frame, body
    if is_complete and "end" not in frame:
        raise damaged
