"""A loopback server that speaks just enough of MySQL's protocol to answer one query with given bytes.

It shows what the client makes of the bytes on the wire, where no MySQL or MariaDB is installed; whether a real
server sends such bytes, only a real server shows (``tests/integration/test_database_source.py``).
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence

_CAPABILITIES = 0x0008_F7DF | 0x0008_0000
_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_END = b"\xfe\x00\x00\x02\x00"


def _text(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    length = len(value)
    head = bytes([length]) if length < 251 else b"\xfc" + struct.pack("<H", length)
    return head + value


class Replay:
    """Used as a context manager.

    Args:
        columns: name, type code and character set number of each column.
        rows: cells as they stand on the wire; None is NULL.
        breaks_off: close the line before the end of the rows.

    Attributes:
        port: on 127.0.0.1.
        statements: what was asked.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, int, int]],
        rows: Sequence[Sequence[bytes | None]],
        *,
        breaks_off: bool = False,
    ) -> None:
        self._columns, self._rows, self._breaks_off = columns, rows, breaks_off
        self.statements: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Replay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        line, _ = self._listener.accept()
        with line:
            line.settimeout(10)
            greeting = b"\x0a8.0.36\x00" + struct.pack("<I", 1) + b"saltsalt\x00"
            greeting += struct.pack("<HBHHB", _CAPABILITIES & 0xFFFF, 45, 2, _CAPABILITIES >> 16, 21)
            greeting += bytes(10) + b"saltsaltsalt\x00mysql_native_password\x00"
            self._send(line, 0, greeting)
            self._receive(line)
            self._send(line, 2, _OK)
            while (asked := self._receive(line)) and asked[0] == 3:
                statement = asked[1:].decode()
                self.statements.append(statement)
                if not statement.lower().startswith("select"):
                    self._send(line, 1, _OK)
                elif not self._answer(line):
                    return

    def _answer(self, line: socket.socket) -> bool:
        packets = [bytes([len(self._columns)])]
        for name, kind, charset in self._columns:
            packets.append(
                _text(b"def") + _text(b"hr") + _text(b"t") * 2 + _text(name.encode()) * 2
                + b"\x0c" + struct.pack("<HIBHB", charset, 1024, kind, 0, 0) + b"\x00\x00"
            )  # fmt: skip
        packets.append(_END)
        packets += [b"".join(_text(cell) for cell in row) for row in self._rows]
        if not self._breaks_off:
            packets.append(_END)
        for number, packet in enumerate(packets, start=1):
            self._send(line, number, packet)
        return not self._breaks_off

    @staticmethod
    def _send(line: socket.socket, number: int, packet: bytes) -> None:
        line.sendall(struct.pack("<I", len(packet))[:3] + bytes([number % 256]) + packet)

    @staticmethod
    def _receive(line: socket.socket) -> bytes:
        head = line.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return b""
        return line.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)
