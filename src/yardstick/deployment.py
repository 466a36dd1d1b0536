"""One process of the server deployment, configured from secret files: ``scripts/serve ROLE``.

``docker-compose.yml`` starts each container with this; the deployment test starts the very same commands
as plain processes. Passwords come from files only, and the example ones are refused.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from yardstick import orchestrator, warehouse
from yardstick.embedded.postgres import AIRFLOW_DATABASE, ensure_database
from yardstick.settings import Settings, given

SECRET_NAMES = (
    "postgres_password",
    "redis_password",
    "airflow_fernet_key",
    "airflow_jwt_secret",
    "airflow_admin_password",
)
_EXAMPLE = "example"
_SHORTEST = 12


class DeploymentError(RuntimeError):
    """The deployment is not safe or not complete; the message says what to do."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts of the deployment find each other."""

    postgres: str
    redis: str
    api: str
    bind: str
    api_port: int
    reports_port: int


def from_environment() -> tuple[Path, Addresses]:
    """Where the secrets lie and where the other processes are, as docker-compose.yml sets it.

    Raises:
        DeploymentError: naming every variable that is missing.
    """
    names = ("SECRETS", "POSTGRES", "REDIS", "API", "BIND", "API_PORT", "REPORTS_PORT")
    values = given(*(f"YARDSTICK_{name}" for name in names))
    secrets, postgres, redis, api, bind, api_port, reports_port = values.values()
    if secrets:
        read_secrets(Path(secrets))  # first say what is wrong with them
    if missing := [name for name, value in values.items() if not value]:
        raise DeploymentError(f"not set: {', '.join(missing)} (docker-compose.yml shows each)")
    return Path(secrets), Addresses(postgres, redis, api, bind, int(api_port), int(reports_port))


def read_secrets(folder: Path) -> dict[str, str]:
    """Every secret by name.

    Raises:
        DeploymentError: for a missing, example or short one, and for equal ones; all are named at once.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    for name in SECRET_NAMES:
        path = folder / name
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError:
            wrong.append(f"{path} cannot be read")
            continue
        if _EXAMPLE in value.lower():
            wrong.append(f"{path} still holds the example")
        elif len(value) < _SHORTEST:
            wrong.append(f"{path} is shorter than {_SHORTEST} characters")
        elif value in found.values():
            wrong.append(f"{path} holds the same value as another secret")
        found[name] = value
    if wrong:
        raise DeploymentError(
            "refusing to start: " + "; ".join(wrong) + ". Make real ones with ./scripts/make-secrets FOLDER."
        )
    return found


def make_secrets(folder: Path) -> list[Path]:
    """Write what is missing, random; never overwrites.

    The folder is closed to other users; the files in it are readable, because a container sees each file
    alone and under another user id.

    Returns:
        The files written now.
    """
    import base64
    import secrets

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for name in SECRET_NAMES:
        value = (
            base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            if name == "airflow_fernet_key"
            else secrets.token_urlsafe(32)
        )
        path = folder / name
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
        written.append(path)
    return written


def configure(
    settings: Settings, secrets: dict[str, str], addresses: Addresses
) -> tuple[Settings, dict[str, str]]:
    """The settings with the warehouse's URL, and the environment of every process."""
    login = f"yardstick:{quote(secrets['postgres_password'], safe='')}"
    redis = f"redis://:{quote(secrets['redis_password'], safe='')}@{addresses.redis}/0"
    metadata = f"postgresql://{login}@{addresses.postgres}/airflow"
    settings = replace(settings, database_url=f"postgresql://{login}@{addresses.postgres}/yardstick")
    return settings, orchestrator.environment(
        settings,
        metadata_url=metadata,
        api_url=addresses.api,
        bind=addresses.bind,
        port=addresses.api_port,
        fernet_key=secrets["airflow_fernet_key"],
        jwt_secret=secrets["airflow_jwt_secret"],
        more={
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "CELERY__BROKER_URL": redis,
            "CELERY__RESULT_BACKEND": "db+" + metadata.replace("postgresql://", "postgresql+psycopg2://"),
            "CELERY__WORKER_CONCURRENCY": "2",
        },
    )


def initialise(settings: Settings, environment: dict[str, str], admin_password: str) -> None:
    """Create databases, schemas, Airflow's metadata, its pools and its administrator; safe to repeat.

    Raises:
        DeploymentError: with what the failing command printed.
    """
    url = settings.require_database_url()
    ensure_database(url, AIRFLOW_DATABASE)
    warehouse.migrate(url)
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    for arguments in (
        ["db", "migrate"],
        *(["pools", "set", name, str(slots), what] for name, (slots, what) in orchestrator.POOLS.items()),
        [
            *("users", "create", "--role", "Admin", "--username", "admin", "--password", admin_password),
            *(
                "--email",
                "admin@yardstick.invalid",
                "--firstname",
                "Yardstick",
                "--lastname",
                "Administrator",
            ),
        ],
    ):
        done = subprocess.run(
            ["airflow", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DeploymentError(
                f"airflow {arguments[0]} {arguments[1]} failed:\n{done.stdout}{done.stderr}"[-2000:]
            )


_AIRFLOW_ROLES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "worker": ["celery", "worker", "--skip-serve-logs"],
}
ROLES = ("init", *_AIRFLOW_ROLES, "reports")


def serve(role: str, settings: Settings, secrets_folder: Path, addresses: Addresses) -> None:
    """Become the process of ``role``; returns only for ``init`` and ``reports``.

    Raises:
        DeploymentError: when the secrets are not fit or the role is unknown.
    """
    if role not in ROLES:
        raise DeploymentError(f"unknown role {role!r}; choose one of {', '.join(ROLES)}")
    secrets = read_secrets(secrets_folder)
    settings, environment = configure(settings, secrets, addresses)
    if role == "init":
        initialise(settings, environment, secrets["airflow_admin_password"])
    elif role == "reports":
        _serve_reports(settings, addresses)
    else:
        settings.airflow_home.mkdir(parents=True, exist_ok=True)
        os.chdir(settings.airflow_home)
        sys.stdout.flush()
        os.execvpe("airflow", ["airflow", *_AIRFLOW_ROLES[role]], environment)  # noqa: S606


def _serve_reports(settings: Settings, addresses: Addresses) -> None:
    import signal
    import threading

    from yardstick.embedded.pages import serve_pages

    done = threading.Event()
    stop: Callable[..., None] = lambda *_: done.set()  # noqa: E731
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with serve_pages(settings.reports, host=addresses.bind, port=addresses.reports_port) as url:
        print(f"reports on {url}", flush=True)
        done.wait()
