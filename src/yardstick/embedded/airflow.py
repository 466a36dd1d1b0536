"""Airflow on one machine: API server, scheduler and DAG processor as children, loopback only.

The same DAGs run under Celery in the server deployment (``docker-compose.yml``); here the executor is
LocalExecutor and the metadata lives in the second database of the embedded PostgreSQL.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from yardstick import orchestrator
from yardstick.embedded.postgres import AIRFLOW_DATABASE
from yardstick.embedded.processes import Family
from yardstick.settings import Settings, with_database

ADMIN = "admin"
AUTO_SIGN = "auto-sign"
_PARKING = timedelta(seconds=6)

_PAUSES = (1, 2, 4, 8, 16)
"""Seconds before a question without an answer is asked again."""


class AirflowError(RuntimeError):
    """Airflow did not start, stopped by itself, or answered with an error."""


def _write_secret(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


@dataclass(frozen=True)
class Secrets:
    """Passwords by user, and the keys of this installation; generated once, readable by the owner only."""

    users: dict[str, str]
    fernet_key: str
    jwt_secret: str
    users_file: Path

    @classmethod
    def load(cls, settings: Settings) -> Secrets:
        """Read them, making what is missing."""
        folder = settings.home / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        users_file, keys_file = folder / "airflow_users.json", folder / "airflow_keys.json"
        if not users_file.exists():
            _write_secret(
                users_file, json.dumps({name: secrets.token_urlsafe(12) for name in (ADMIN, AUTO_SIGN)})
            )
        if not keys_file.exists():
            keys = {
                "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "jwt_secret": secrets.token_urlsafe(48),
            }
            _write_secret(keys_file, json.dumps(keys))
        keys = json.loads(keys_file.read_text())
        return cls(json.loads(users_file.read_text()), keys["fernet_key"], keys["jwt_secret"], users_file)


def environment(
    settings: Settings, port: int, known: Secrets, connections: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of every Airflow process of this installation: loopback only, LocalExecutor.

    Args:
        settings: with ``database_url`` filled in.
        port: of the API server.
        known: passwords and keys.
        connections: variables that define connections to site systems (``AIRFLOW_CONN_…``).
    """
    workers = max(2, min(4, len(os.sched_getaffinity(0))))
    made = orchestrator.environment(
        settings,
        metadata_url=with_database(settings.require_database_url(), AIRFLOW_DATABASE),
        api_url=f"http://127.0.0.1:{port}",
        bind="127.0.0.1",
        port=port,
        fernet_key=known.fernet_key,
        jwt_secret=known.jwt_secret,
        more={
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(workers),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:admin" for name in known.users),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(known.users_file),
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        },
    )
    return {**made, **(connections or {})}


@dataclass
class Airflow:
    """A running Airflow of one installation.

    Args:
        settings: with ``database_url`` filled in.
        family: owns the processes; they end with it.
        say: told what is being waited for.
        connections: variables that define connections to site systems (``AIRFLOW_CONN_…``).
    """

    settings: Settings
    family: Family
    say: Callable[[str], None] = lambda _text: None
    port: int = 0
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)
    _known: Secrets = field(init=False)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = Secrets.load(self.settings)
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.settings.airflow_home.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where the UI and the REST API answer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_password(self) -> str:
        """Password of the user ``admin``."""
        return self._known.users[ADMIN]

    def prepare(self) -> None:
        """Bring the metadata up to date; ``start`` does it too.

        Raises:
            AirflowError: with the last lines of what failed.
        """
        self._migrate(environment(self.settings, self.port, self._known))

    def start(self) -> None:
        """Migrate the metadata, start the three processes and wait until all DAGs are known.

        Raises:
            AirflowError: with the last lines of the log of what failed.
        """
        env = environment(self.settings, self.port, self._known, self.connections)
        self._migrate(env)
        self.say("starting Airflow")
        self._start_process("api-server", env)
        self._start_process("dag-processor", env)
        # What the scheduler takes up again after a kill asks the API server at once, and fails where nobody answers.
        self._wait(self._answers, "Airflow's API server to answer")
        self._start_process("scheduler", env, "--skip-serve-logs")
        wanted = {path.stem for path in (self.settings.root / "dags").glob("*.py")}
        self._wait(lambda: self._healthy() and wanted <= self._known_dags(), "Airflow to know its DAGs")
        known = {pool["name"] for pool in self.get("/pools")["pools"]}
        for name, (slots, what) in orchestrator.POOLS.items():
            if name not in known:
                pool = {"name": name, "slots": slots, "description": what, "include_deferred": False}
                self.request("POST", "/pools", json=pool)

    def _migrate(self, env: dict[str, str]) -> None:
        """Bring the metadata to this version of Airflow, once per version and database."""
        done = version("apache-airflow")
        if "DATABASE_URL" in os.environ:  # not the embedded server, whose port changes with every start
            done += " " + env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].rpartition("@")[2]
        marker = self.settings.airflow_home / "migrated"
        if marker.exists() and marker.read_text() == done:
            return
        self.say("preparing Airflow's metadata (first start only)")
        self._airflow(env, "db", "migrate")
        marker.write_text(done)

    def _airflow(self, env: dict[str, str], *arguments: str) -> None:
        done = subprocess.run(["airflow", *arguments], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            tail = (done.stdout + done.stderr).strip().splitlines()[-15:]
            raise AirflowError(f"airflow {' '.join(arguments)} failed:\n" + "\n".join(tail))

    def _start_process(self, command: str, env: dict[str, str], *options: str) -> None:
        arguments = ["airflow", command, *options]
        self.family.start(f"airflow-{command}", arguments, env, cwd=self.settings.airflow_home)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/version", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _healthy(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(
            health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
        )

    def _known_dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self.get("/dags", limit=100)["dags"]}

    def _wait(self, done: Callable[[], bool], what: str, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            self.check_alive()
            if time.monotonic() > deadline:
                raise AirflowError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(0.5)

    def check_alive(self) -> None:
        """Raise when one of the processes has ended.

        Raises:
            AirflowError: with the end of its log.
        """
        if dead := self.family.dead():
            raise AirflowError(f"{dead.name} stopped by itself; the end of {dead.log}:\n{dead.tail()}")

    def _token(self, user: str) -> str:
        token, until = self._tokens.get(user, ("", 0.0))
        if time.monotonic() > until:
            answer = httpx.post(
                f"{self.url}/auth/token",
                json={"username": user, "password": self._known.users[user]},
                timeout=30,
            )
            if answer.status_code != 201:
                raise AirflowError(
                    f"Airflow refused to sign in {user}: {answer.status_code} {answer.text[:300]}"
                )
            token = answer.json()["access_token"]
            self._tokens[user] = (token, time.monotonic() + 600)
        return token

    def request(self, method: str, path: str, *, user: str = ADMIN, **arguments: Any) -> Any:
        """One call of the REST API (``/api/v2`` + path), decoded.

        Raises:
            AirflowError: for an answer other than 2xx.
        """
        answer = httpx.request(
            method,
            f"{self.url}/api/v2{path}",
            headers={"Authorization": f"Bearer {self._token(user)}"},
            timeout=60,
            **arguments,
        )
        if answer.status_code >= 300:
            raise AirflowError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        """GET of the REST API, asked again where a busy server drops the connection.

        Raises:
            AirflowError: for an answer other than 2xx, or none at all.
        """
        pauses = iter(_PAUSES)
        while True:
            try:
                return self.request("GET", path, params=query)
            except httpx.TransportError as error:
                self.check_alive()
                if (pause := next(pauses, None)) is None:
                    raise AirflowError(f"GET {path}: {self.url} does not answer ({error!r})") from error
                time.sleep(pause)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": conf}
        run_id: str = self.request("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        return run_id

    def pending_approvals(self) -> list[dict[str, Any]]:
        """Sign-offs that wait for an answer and can take one.

        An answer that comes before the scheduler has heard that the task is parked makes it believe the
        task was lost (Airflow 3.3, #71580), so one asked for within the last seconds is left for later.
        """
        found = self.get("/dags/~/dagRuns/~/hitlDetails", response_received="false", limit=100)[
            "hitl_details"
        ]
        settled = datetime.now(UTC) - _PARKING
        return [
            approval
            for approval in found
            if approval["task_instance"]["state"] == "awaiting_input"
            and datetime.fromisoformat(approval["created_at"]) < settled
        ]

    def approve(self, approval: dict[str, Any], *, note: str) -> None:
        """Answer one sign-off as the user ``auto-sign``: the release records that nobody looked at it."""
        task = approval["task_instance"]
        self.request(
            "PATCH",
            f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
            f"/{task['map_index']}/hitlDetails",
            user=AUTO_SIGN,
            json={"chosen_options": ["Approve"], "params_input": {"note": note}},
        )

    def active_runs(self) -> list[dict[str, Any]]:
        """Runs that are queued or running."""
        found: list[dict[str, Any]] = self.get("/dags/~/dagRuns", state=["queued", "running"], limit=100)[
            "dag_runs"
        ]
        return found

    def failed_runs(self, since: str) -> Iterator[tuple[str, str, str]]:
        """(dag id, run id, reason) of every run that failed after ``since``, the reason from the task's log."""
        for run in self.get("/dags/~/dagRuns", state="failed", end_date_gte=since, limit=100)["dag_runs"]:
            yield run["dag_id"], run["dag_run_id"], self._reason(run["dag_id"], run["dag_run_id"])

    def _reason(self, dag_id: str, run_id: str) -> str:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        tasks = self.get(path, state="failed", limit=20)["task_instances"]
        reasons = []
        for task in tasks:
            log = self.get(
                f"{path}/{task['task_id']}/logs/{task['try_number']}",
                map_index=task["map_index"],
                full_content="true",
            )
            reasons.append(f"{task['task_id']}: {_last_error(log)}")
        return "; ".join(dict.fromkeys(reasons)) or "no task failed; see the run's page"


def _last_error(log: dict[str, Any]) -> str:
    """The exception that ended a task, from Airflow's structured log."""
    last = "see the task's log"
    for line in log.get("content", []):
        if isinstance(line, dict):
            for detail in line.get("error_detail") or []:
                last = f"{detail['exc_type']}: {detail['exc_value']}"
    return last
