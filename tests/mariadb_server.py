"""A real MariaDB server for tests, where one is installed: in a temporary folder, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_FOLDERS = os.pathsep.join(
    (os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/usr/local/bin")
)


@dataclass(frozen=True)
class MariaDB:
    """A running server.

    Attributes:
        port: on 127.0.0.1.
        socket: for its administrator, who needs no password there.
        ca: certificate that signs the server's own, which is for 127.0.0.1.
    """

    port: int
    socket: Path
    ca: Path

    def admin(self, database: str | None = None) -> pymysql.Connection[Any]:
        """A session of the administrator; every statement counts at once."""
        return pymysql.connect(
            user="root", unix_socket=str(self.socket), database=database, autocommit=True, charset="utf8mb4"
        )


@contextmanager
def running() -> Iterator[MariaDB]:
    """Start a server and stop it at the end; skips the test where none is installed."""
    program = shutil.which("mariadbd", path=_FOLDERS)
    installer = shutil.which("mariadb-install-db", path=_FOLDERS)
    if program is None or installer is None:
        pytest.skip("no mariadbd on this machine (on Debian or Ubuntu: apt install mariadb-server)")
    # The temporary folder of pytest is closed to others, and a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="yardstick-mariadb-") as name:
        folder = Path(name)
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(folder, account.pw_uid, account.pw_gid)
        log = folder / "server.log"
        data = folder / "data"
        own = ["--no-defaults", f"--user={account.pw_name}"]
        _initialise(installer, own, data, log)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = MariaDB(port, folder / "socket", folder / "ca.pem")
        certify(folder)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    program,
                    *own,
                    f"--datadir={data}",
                    f"--socket={server.socket}",
                    f"--port={port}",
                    "--bind-address=127.0.0.1",
                    f"--pid-file={folder / 'pid'}",
                    f"--ssl-ca={server.ca}",
                    f"--ssl-cert={folder / 'server.pem'}",
                    f"--ssl-key={folder / 'server-key.pem'}",
                    "--skip-log-bin",
                    "--character-set-server=utf8mb4",
                    "--max-allowed-packet=1G",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--performance-schema=ON",
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        try:
            _wait(server, process, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _initialise(installer: str, own: list[str], data: Path, log: Path) -> None:
    arguments = [installer, *own, f"--datadir={data}", "--auth-root-authentication-method=normal"]
    with log.open("ab") as output:
        done = subprocess.run([*arguments, "--skip-test-db"], stdout=output, stderr=output, check=False)
    assert done.returncode == 0, log.read_text(errors="replace")[-2000:]


def certify(folder: Path) -> None:
    """A certificate for 127.0.0.1 (``server.pem``), signed by one of our own (``ca.pem``)."""
    issuer_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)

    def certificate(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    authority = certificate(issuer, issuer_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    own = certificate(subject, key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
    )
    for name, builder in (("ca", authority), ("server", own)):
        signed = builder.sign(issuer_key, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "server-key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _wait(server: MariaDB, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            server.admin().close()
        except pymysql.err.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server does not answer: {log.read_text(errors='replace')[-2000:]}")
