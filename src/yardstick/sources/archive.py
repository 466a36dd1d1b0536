"""Zip archives: which members are the delivery, and their bytes; nothing is ever written under a member's name."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from yardstick.sources.delivery import RefusedError

MAX_MEMBERS = 10_000
# The list of members is read at once: this bounds it before it is believed.
_MAX_DIRECTORY_BYTES = 2 << 20
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UTF8_NAME, _ENCRYPTED = 0x800, 0x2041
_CHUNK = 1 << 18
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OSError, UnicodeDecodeError,
)  # fmt: skip
"""What reading a cut, damaged or forged archive raises."""


class _Directory:
    """A stream that gives no more at once than a list of members may hold."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._name = name
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = self._stream.read(
            min(size, _MAX_DIRECTORY_BYTES + 1) if size >= 0 else _MAX_DIRECTORY_BYTES + 1
        )
        if len(found) > _MAX_DIRECTORY_BYTES:
            raise RefusedError(f"{self._name} lists more members than an honest delivery. Check it.")
        return found


@contextmanager
def opened(name: str, stream: IO[bytes], kind: str) -> Iterator[zipfile.ZipFile]:
    """An archive whose list of members is bounded and packed in a way whose unpacking is.

    Args:
        name: the file's name, for messages.
        stream: its bytes; seekable.
        kind: what it should be, for messages: ``zip`` or ``xlsx``.

    Raises:
        RefusedError: for what is no whole archive, has too many members or is encrypted.
    """
    try:
        archive = zipfile.ZipFile(_Directory(name, stream))
    except DAMAGE as error:
        raise RefusedError(
            f"{name} is cut off, damaged or no {kind} file ({error}). Deliver it again."
        ) from None
    with archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise RefusedError(f"{name} holds {len(members):,} parts, which no honest {kind} file does.")
        for member in members:
            if member.flag_bits & _ENCRYPTED:
                raise RefusedError(
                    f"{name}: {name_of(member)} is protected by a password. Deliver it without one."
                )
            if member.compress_type not in _PACKINGS:
                raise RefusedError(
                    f"{name}: {name_of(member)} is packed by method {member.compress_type}. "
                    "Pack it as an ordinary zip (deflate)."
                )
        yield archive


def pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str) -> Iterator[bytes]:
    """The unpacked bytes of a member in pieces of bounded size; its declared size and sum are held to.

    Args:
        archive: the open archive.
        member: one of its members.
        label: archive and member, for messages.

    Raises:
        RefusedError: when it is cut off or damaged, or its size is not the declared one.
    """
    total = 0
    try:
        with archive.open(member) as unpacked:
            while piece := unpacked.read(_CHUNK):
                total += len(piece)
                yield piece
    except DAMAGE as error:
        raise RefusedError(f"{label} is damaged ({error}). Deliver it again.") from None
    if total != member.file_size:
        raise RefusedError(
            f"{label} is said to hold {member.file_size:,} bytes and holds {total:,}. Deliver it again."
        )


def chosen(
    name: str, archive: zipfile.ZipFile, pattern: str, *, every: bool
) -> list[tuple[str, zipfile.ZipInfo]]:
    """The members that are the delivery, in order of their names.

    Args:
        name: the archive's name, for messages.
        archive: the open archive.
        pattern: ``*`` stands for any characters but ``/``; without ``/`` it is held against a member's name
            in whatever folder of the archive.
        every: all that match; else there must be exactly one.

    Raises:
        RefusedError: when none or too many match, and for any member that is a link, leaves the archive
            or shares its name with another.
    """
    expression = re.compile(re.escape(pattern).replace(r"\*", "[^/]*"), re.IGNORECASE)
    found: dict[str, zipfile.ZipInfo] = {}
    others: list[str] = []
    for member in archive.infolist():
        path = _checked(name, member)
        if path.endswith("/") or _is_litter(path):
            continue
        if path in found:
            raise RefusedError(f"{name} holds {path} twice. Deliver it with one.")
        shown = path if "/" in pattern else path.rsplit("/", 1)[-1]
        if expression.fullmatch(shown):
            found[path] = member
        else:
            others.append(path)
    if not found:
        held = ", ".join(sorted(others)[:10]) or "nothing"
        raise RefusedError(
            f"{name} holds no member {pattern!r}; it holds {held}. Correct member, or the file."
        )
    if len(found) > 1 and not every:
        raise RefusedError(
            f"{name} holds {len(found)} members {pattern!r} ({', '.join(sorted(found)[:10])}). "
            "Narrow member in the site file, or declare members: all."
        )
    return sorted(found.items())


def name_of(member: zipfile.ZipInfo) -> str:
    """A member's name, with ``/`` between folders.

    Without the flag for UTF-8 the name's bytes are of the sender's own code page: UTF-8 from a Mac, GB18030
    from a Chinese Windows.
    """
    name = member.orig_filename
    if not member.flag_bits & _UTF8_NAME:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _checked(archive: str, member: zipfile.ZipInfo) -> str:
    """The member's name, when it is one that stays inside and the member is a file or folder."""
    path = name_of(member)
    if path.startswith("/") or re.match("[A-Za-z]:", path) or ".." in path.split("/") or "\x00" in path:
        raise RefusedError(f"{archive}: the member {path!r} leaves its folder. Pack the files by themselves.")
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusedError(f"{archive}: the member {path!r} is a link or device. Pack the file itself.")
    return path


def _is_litter(path: str) -> bool:
    """What a Mac or an editor puts beside the files."""
    return any(part.startswith((".", "__MACOSX", "~$")) for part in path.split("/"))
