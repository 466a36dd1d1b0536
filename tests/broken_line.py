"""A line between a client and a server that can be cut: a relay on a free port of loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Line:
    """Passes bytes on both ways until the server has sent so many; then every connection is cut.

    Attributes:
        address: where to connect to.
        cut_after: bytes from the server after which a connection is cut; None: never.
        cuts: how many connections were cut.
        connections: how many there were.
    """

    def __init__(self, server: tuple[str, int], cut_after: int | None = None) -> None:
        self.server = server
        self.cut_after = cut_after
        self.cuts = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()[:2]
        self.address: tuple[str, int] = (str(host), int(port))

    def __enter__(self) -> Line:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self.server)
                for arguments in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._relay, args=arguments, daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, is_from_server: bool) -> None:
        count = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                count += len(data)
                if is_from_server and self.cut_after is not None and count > self.cut_after:
                    self.cuts += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def closed_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
