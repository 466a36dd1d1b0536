"""Unpack delivered bytes in pieces of bounded size, refusing what no honest delivery holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO

from yardstick.sources.delivery import RefusedError

CHUNK = 1 << 18  # about what a processor's cache holds
# Real text hardly ever packs better than 1:100; deflate itself ends at about 1:1030.
BOMB_RATIO = 250
BOMB_FREE_BYTES = 64 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"


def plain(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes as they are, in pieces."""
    while chunk := stream.read(CHUNK):
        yield chunk


def gunzip(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Decompress in pieces of bounded size, whatever a piece unpacks to; checks length and CRC."""
    decompressor = zlib.decompressobj(31)
    pending = b""
    members = 0
    while True:
        if not pending:
            pending = next(packed, b"")
        if not pending:
            break
        if decompressor.eof:
            pending = pending.lstrip(b"\x00") if members else pending  # padding after the last member
            if not pending:
                continue
            if not pending.startswith(GZIP_MAGIC[: len(pending)]):
                raise RefusedError(
                    f"{name} carries {len(pending)} or more bytes after its end. Deliver it again."
                )
            decompressor = zlib.decompressobj(31)
        try:
            piece = decompressor.decompress(pending, CHUNK)
        except zlib.error as error:
            raise RefusedError(f"{name} is damaged ({error}). Deliver it again.") from None
        pending = decompressor.unconsumed_tail or decompressor.unused_data
        if decompressor.eof:
            members += 1
        if piece:
            yield piece
    if not decompressor.eof:
        raise RefusedError(f"{name} is cut off: its gzip stream has no end. Deliver it again.")


def bounded(pieces: Iterator[bytes], name: str, size: int, limit: int) -> Iterator[bytes]:
    """The pieces, refused as soon as they are more than the declared limit or than honest data packs to."""
    total = 0
    for piece in pieces:
        total += len(piece)
        check_size(name, size, total, limit)
        yield piece


def check_size(name: str, size: int, total: int, limit: int) -> None:
    """Refuse what has unpacked to more than the limit, or to more than honest data packs to."""
    if total > limit:
        raise RefusedError(
            f"{name} unpacks to more than {limit:,} bytes. "
            "Deliver less in one file, or raise max_uncompressed_bytes."
        )
    if total > BOMB_FREE_BYTES and total > size * BOMB_RATIO:
        raise RefusedError(
            f"{name} unpacks to more than {BOMB_RATIO} times its {size:,} bytes, which no honest table does. "
            "Check where it comes from."
        )
