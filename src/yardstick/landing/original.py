"""The store of original bytes: every delivery under its SHA-256, kept while it is read."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


def digest(stream: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a stream, which is left at its start."""
    sha256, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        sha256.update(chunk)
        size += len(chunk)
    stream.seek(0)
    return sha256.hexdigest(), size


class Original:
    """Copies a delivery's bytes aside and hashes them while another thread reads its rows.

    Used as a context manager; what ``keep`` has not named is removed.

    Args:
        store: folder of the store.
        stream: a real file; it is read at positions of our own, so its reader is not disturbed.
    """

    def __init__(self, store: Path, stream: IO[bytes]) -> None:
        self._store = store
        self._handle = stream.fileno()
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._error: BaseException | None = None
        store.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=store)
        self._aside = Path(name)
        self._thread = threading.Thread(target=self._copy, args=[handle], daemon=True)

    def __enter__(self) -> Original:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._aside.unlink(missing_ok=True)

    def _copy(self, handle: int) -> None:
        try:
            with os.fdopen(handle, "wb", buffering=0) as kept:
                while chunk := os.pread(self._handle, _CHUNK, self._size):
                    self._sha256.update(chunk)
                    kept.write(chunk)
                    self._size += len(chunk)
                os.fsync(kept.fileno())
        except OSError as error:
            self._error = error

    def digest(self) -> tuple[str, int]:
        """SHA-256 and size of the bytes.

        Raises:
            OSError: when they could not be read or kept.
        """
        self._thread.join()
        if self._error:
            raise self._error
        return self._sha256.hexdigest(), self._size

    def keep(self) -> Path:
        """Name the copy after its hash; the same bytes are kept once.

        Raises:
            OSError: when they could not be read or kept.
        """
        sha256, _size = self.digest()
        path = self._store / sha256[:2] / sha256
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            self._aside.chmod(0o640)
            self._aside.replace(path)
        return path
