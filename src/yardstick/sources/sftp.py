"""Files on an SFTP server, by fsspec and paramiko; the server must show a host key that is known.

The connection's ``extra`` takes ``host_key`` (lines as ``ssh-keyscan`` prints them), ``private_key`` and
``private_key_passphrase``, ``root`` (the folder that the site's folders are below; default the login's own),
``conn_timeout`` (seconds), and ``no_host_key_check: true`` for a server whose identity nobody checks.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import paramiko  # type: ignore[import-untyped]
from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]

from yardstick.errors import BadInputError, CredentialsError, UnreachableError
from yardstick.sources.connections import Connection
from yardstick.sources.remote import Status

PORT = 22
CONNECT_SECONDS = 15
ANSWER_SECONDS = 60
# Requests of the size that every server takes, so many under way at once.
_REQUEST_BYTES = 32 << 10
_REQUESTS = 64


class _UnknownKeyError(paramiko.SSHException):
    """A server showed a key that nobody vouches for."""


class _Refusing(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise _UnknownKeyError(f"{key.get_name()} {key.get_base64()}", key.fingerprint)


class _FileSystem(SFTPFileSystem):
    """fsspec's own, told which host keys are known before it connects."""

    cachable = False

    def __init__(self, host: str, known: Sequence[paramiko.PKey] | None, **arguments: Any) -> None:
        self._known = known
        super().__init__(host, **arguments)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        port = self.ssh_kwargs["port"]
        name = self.host if port == PORT else f"[{self.host}]:{port}"
        for key in self._known or ():
            self.client.get_host_keys().add(name, key.get_name(), key)
        self.client.set_missing_host_key_policy(
            paramiko.AutoAddPolicy() if self._known is None else _Refusing()
        )
        try:
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
        except BaseException:
            self.client.close()
            raise


class SftpSession:
    """A line to an SFTP server; see ``remote.Session``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        extra = connection.extra
        if not connection.host:
            raise CredentialsError(f"Connection {connection.id} names no host. Add it.")
        seconds = float(extra.get("conn_timeout") or CONNECT_SECONDS)
        self._root = str(extra.get("root") or "").rstrip("/")
        with self._told():
            self._files = _FileSystem(
                connection.host,
                None if _is_true(extra.get("no_host_key_check")) else _known_keys(connection),
                port=connection.port or PORT,
                username=connection.login or None,
                password=connection.password or None,
                pkey=_private_key(connection),
                timeout=seconds,
                banner_timeout=seconds,
                auth_timeout=seconds,
                allow_agent=False,
                look_for_keys=False,
            )
            self._files.ftp.get_channel().settimeout(ANSWER_SECONDS)

    def path(self, folder: str, name: str) -> str:
        """The server's path; relative ones start from the login's own folder."""
        parts = [folder.strip("/"), name.strip("/")]
        return "/".join([self._root or ".", *(part for part in parts if part not in ("", "."))])

    def list(self, path: str) -> list[Status]:
        """What lies in a folder; a link counts as what it points to."""
        with self._told():
            found = []
            for entry in self._files.ls(path, detail=True):
                if entry["type"] == "link":
                    try:
                        entry = self._files.info(entry["name"])
                    except (FileNotFoundError, PermissionError):
                        continue
                found.append(_status(entry))
            return found

    def status(self, path: str) -> Status:
        """What is known of a file now."""
        with self._told():
            return _status(self._files.info(path))

    def read(self, path: str, size: int) -> Iterator[bytes]:
        """The first ``size`` bytes, many requests under way at once."""
        with self._told(), self._files.open(path, "rb") as file:
            step = _REQUEST_BYTES * _REQUESTS
            for start in range(0, size, step):
                end = min(start + step, size)
                chunks = [(at, min(_REQUEST_BYTES, end - at)) for at in range(start, end, _REQUEST_BYTES)]
                for piece in file.readv(chunks):
                    if not piece:
                        return
                    yield piece

    def is_alive(self) -> bool:
        """Whether the line still stands; asks the server, who may have hung up unheard."""
        try:
            self._files.ftp.normalize(".")
        except (paramiko.SSHException, EOFError, OSError):
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._files.client.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors as the rest of the house knows them."""
        name = f"Connection {self._connection.id}"
        where = f"{self._connection.host}:{self._connection.port or PORT}"
        try:
            yield
        except (FileNotFoundError, PermissionError, BadInputError, UnreachableError):
            raise
        except (_UnknownKeyError, paramiko.BadHostKeyException) as error:
            raise CredentialsError(_strange_key(name, where, error)) from None
        except paramiko.AuthenticationException:
            raise CredentialsError(
                f"{name}: {where} refuses the login. Correct login, password or private_key."
            ) from None
        except UnicodeDecodeError:
            raise BadInputError(
                f"{name}: {where} has a file whose name is not UTF-8. Rename it, or move it elsewhere."
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise UnreachableError(
                f"{name}: {where} does not answer or hung up ({error or type(error).__name__})."
            ) from None


def connect(connection: Connection) -> SftpSession:
    """A line to the server of a connection.

    Raises:
        CredentialsError: for a login that is refused, or a server whose key is not the known one.
        UnreachableError: when nobody answers.
    """
    return SftpSession(connection)


def _status(entry: dict[str, Any]) -> Status:
    return Status(
        entry["name"].rsplit("/", 1)[-1], entry["type"], entry["size"] or 0, entry["mtime"].timestamp()
    )


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")


def _strange_key(name: str, where: str, error: paramiko.SSHException) -> str:
    if isinstance(error, _UnknownKeyError):
        shown, fingerprint = error.args
        told = f"{name}: no host key is known of {where}, which shows {fingerprint}."
    else:
        shown = f"{error.key.get_name()} {error.key.get_base64()}"
        told = f"{name}: {where} shows another host key than the known one: {error.key.fingerprint}."
    return (
        f"{told} Compare it with what the operator of that server says; only if it is the same, write "
        f'"host_key": "{shown}" into the connection\'s extra.'
    )


def _known_keys(connection: Connection) -> list[paramiko.PKey]:
    """The host keys of ``extra.host_key``, whatever stands around them in a line."""
    keys = []
    for line in str(connection.extra.get("host_key") or "").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for word in line.split():
            try:
                blob = base64.b64decode(word, validate=True)
                keys.append(paramiko.PKey.from_type_string(paramiko.Message(blob).get_text(), blob))
                break
            except (binascii.Error, ValueError, paramiko.SSHException, EOFError):
                continue
        else:
            raise CredentialsError(
                f"Connection {connection.id}: extra.host_key cannot be read. "
                "Write it as ssh-keyscan prints it, such as ssh-ed25519 AAAAC3…"
            )
    return keys


def _private_key(connection: Connection) -> paramiko.PKey | None:
    text = connection.extra.get("private_key")
    if not text:
        return None
    passphrase = connection.extra.get("private_key_passphrase") or None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(str(text)), passphrase)
        except (paramiko.SSHException, ValueError):
            continue
    raise CredentialsError(
        f"Connection {connection.id}: extra.private_key cannot be read. Write the whole key with its BEGIN and "
        "END lines, and private_key_passphrase when it has one."
    )
