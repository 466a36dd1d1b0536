"""Files dropped in a local folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from yardstick.sources.delivery import Fetched, RefusedError


@dataclass(frozen=True)
class Entry:
    """A file that was listed.

    Attributes:
        name: path below the folder, with ``/``.
        size: bytes.
        changed: seconds since the epoch.
    """

    name: str
    size: int
    changed: float


@dataclass
class _LocalFile(Fetched):
    """A file in a folder of ours, which its sender may still be writing or replacing."""

    path: Path

    def __post_init__(self) -> None:
        self._before = self._stamp()

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self.stream.fileno())
        return status.st_size, status.st_mtime_ns

    def is_changing(self) -> bool:
        """Whether it was written to since it was opened, or its name points to another file by now."""
        if self._stamp() != self._before:
            return True
        try:
            return self.path.lstat().st_ino != os.fstat(self.stream.fileno()).st_ino
        except FileNotFoundError:
            return True


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine."""

    path: Path

    def entries(self, depth: int) -> Iterator[Entry]:
        """What lies exactly so many folders below, other than folders."""
        return self._below(self.path, "", depth)

    def _below(self, folder: Path, prefix: str, depth: int) -> Iterator[Entry]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if depth:
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._below(folder / entry.name, f"{prefix}{entry.name}/", depth - 1)
                elif not entry.is_dir(follow_symlinks=False):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # moved away since it was listed
                        continue
                    yield Entry(prefix + entry.name, status.st_size, status.st_mtime)

    @contextmanager
    def opened(self, name: str) -> Iterator[Fetched]:
        """A file's bytes.

        Raises:
            RefusedError: for anything but a regular file inside the folder.
            FileNotFoundError: when it is not there.
        """
        with _open(self.path, name) as stream:
            yield _LocalFile(stream, self.path / name)


def _open(folder: Path, name: str) -> IO[bytes]:
    """Open a delivered file, and only a file: no link, pipe or device."""
    if name.startswith("/") or ".." in name.split("/"):
        raise RefusedError(f"{name!r} leaves its folder. Put the file itself into the folder.")
    path = folder / name
    # No folder between the site's own and the file may be a link either.
    folder = path
    for _ in range(name.count("/")):
        folder = folder.parent
        if folder.is_symlink():
            raise RefusedError(f"{name} is reached through a symbolic link. Put the file itself there.")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedError(f"{name} is a symbolic link. Put the file itself into the folder.") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENXIO):
            raise RefusedError(
                f"{name} cannot be opened: {error.strerror}. Correct its permissions."
            ) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RefusedError(f"{name} is not a regular file. Put a file there.")
    return os.fdopen(handle, "rb")
