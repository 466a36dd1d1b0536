"""Manifests: a sender's list of what it has delivered, and how to tell that it is whole."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from dataclasses import dataclass
from typing import IO

from yardstick.sources.delivery import RefusedError
from yardstick.sources.fold import fold

MAX_BYTES = 4 << 20
_COLUMNS = {
    "file": ("file", "file_name", "file name", "filename", "name", "文件", "文件名"),
    "sha256": ("sha256", "sha-256", "sha_256"),
    "size": ("size", "bytes", "byte_size", "大小", "字节数"),
    "rows": ("rows", "row_count", "row count", "行数", "记录数"),
}


@dataclass(frozen=True)
class Listed:
    """What a manifest says of a file.

    Attributes:
        name: the file, below the manifest's folder.
        manifest: the manifest's name.
        changed: when the manifest was changed, in seconds since the epoch.
        sha256: of its bytes; None when nothing is said.
        size: its bytes.
        rows: its rows of data.
    """

    name: str
    manifest: str
    changed: float
    sha256: str | None
    size: int | None
    rows: int | None

    def check(self, stream: IO[bytes]) -> None:
        """Compare a file with what is said of it; the stream is left at its start.

        Raises:
            RefusedError: naming both and the difference.
        """
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if self.size is not None and size != self.size:
            raise RefusedError(
                f"{self.name} has {size:,} bytes and {self.manifest} says {self.size:,}. Deliver both again."
            )
        if self.sha256 is not None:
            digest = hashlib.sha256()
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
            stream.seek(0)
            if digest.hexdigest() != self.sha256:
                raise RefusedError(
                    f"{self.name} has another SHA-256 than {self.manifest} says. Deliver both again."
                )


def read(name: str, changed: float, body: bytes, encoding: str) -> list[Listed]:
    """The files that a manifest lists.

    Args:
        name: the manifest, for messages.
        changed: when it was changed.
        body: its bytes: csv with a header; the columns ``file`` and any of ``sha256``, ``size``, ``rows``.
        encoding: declared encoding of the site's files; a byte-order mark may stand first.

    Raises:
        RefusedError: for what cannot be read; a manifest is believed whole or not at all.
    """
    again = "Deliver it again."
    try:
        text = body.decode(
            "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        )
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise RefusedError(f"{name} is not {encoding}. {again}") from None
    except csv.Error as error:
        raise RefusedError(f"{name} cannot be read: {error}. {again}") from None
    header = [fold(cell) for cell in rows[0]] if rows else []
    columns = {
        key: header.index(found)
        for key, known in _COLUMNS.items()
        if (found := next((label for label in known if label in header), None))
    }
    if "file" not in columns:
        raise RefusedError(f"{name} has no column 'file'; it has {', '.join(header) or 'nothing'}. {again}")
    listed = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise RefusedError(
                f"{name}: row {number} has {len(row)} cells, the header has {len(header)}. {again}"
            )
        given = {key: row[place].strip() for key, place in columns.items()}
        sha256 = given.get("sha256", "").lower() or None
        if not given["file"] or (sha256 and not re.fullmatch("[0-9a-f]{64}", sha256)):
            raise RefusedError(f"{name}: row {number} names no file, or what is no SHA-256. {again}")
        size, count = (_number(name, number, key, given.get(key, "")) for key in ("size", "rows"))
        listed.append(Listed(given["file"].removeprefix("./"), name, changed, sha256, size, count))
    return listed


def _number(name: str, row: int, column: str, value: str) -> int | None:
    if not value:
        return None
    if not re.fullmatch("[0-9]{1,15}", value.replace(",", "")):
        raise RefusedError(f"{name}: row {row}: {column} {value!r} is not a number. Deliver it again.")
    return int(value.replace(",", ""))
