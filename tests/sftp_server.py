"""A real SFTP server over a folder, on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import paramiko

LOGIN, PASSWORD = "collector", "sesame-7"


class SftpServer:
    """Serves a folder to one login, by password or key.

    Args:
        root: the folder; the login's own.
        login_key: a private key whose owner may log in, too.

    Attributes:
        host_key: what the server shows.
        port: where it listens.
        logins: how many logins it granted.
        opened: names that were opened, in order.
        on_read: called with a file's path before each of its pieces is read.
    """

    def __init__(self, root: Path, login_key: paramiko.PKey | None = None) -> None:
        self.root = root
        self.login_key = login_key
        self.host_key = paramiko.ECDSAKey.generate()
        self.logins = 0
        self.opened: list[str] = []
        self.on_read: Callable[[Path], None] | None = None
        self._transports: list[paramiko.Transport] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> SftpServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Hang up on everybody."""
        for transport in self._transports:
            transport.close()

    @property
    def known_host(self) -> str:
        """A line as ``ssh-keyscan`` prints it."""
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                transport = paramiko.Transport(client)
                self._transports.append(transport)
                transport.add_server_key(self.host_key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, served=self)
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(event=threading.Event(), server=_Login(self))


class _Login(paramiko.ServerInterface):
    def __init__(self, served: SftpServer) -> None:
        self.served = served

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return self._granted((username, password) == (LOGIN, PASSWORD))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._granted(username == LOGIN and key == self.served.login_key)

    def _granted(self, is_right: bool) -> int:
        self.served.logins += is_right
        return int(paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


class _Handle(paramiko.SFTPHandle):
    def __init__(self, served: SftpServer, path: Path) -> None:
        super().__init__()
        self.served = served
        self.path = path
        self.readfile = path.open("rb")

    def read(self, offset: int, length: int) -> Any:
        if self.served.on_read:
            self.served.on_read(self.path)
        return super().read(offset, length)


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, *, served: SftpServer) -> None:
        super().__init__(server)
        self.served = served

    def _path(self, path: str) -> Path:
        return self.served.root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        try:
            return [
                paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                for entry in os.scandir(self._path(path))
            ]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        return self._attributes(path, follow=True)

    def lstat(self, path: str) -> Any:
        return self._attributes(path, follow=False)

    def _attributes(self, path: str, *, follow: bool) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat(follow_symlinks=follow))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        name = self._path(path)
        self.served.opened.append(name.name)
        if not name.stat().st_mode & 0o400:  # a test may run as root, whom nothing stops
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            return _Handle(self.served, name)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
