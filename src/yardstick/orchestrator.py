"""Airflow's configuration, the same wherever it runs; only addresses, secrets and the executor differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from yardstick.settings import Settings, with_driver

POOLS = {
    "warehouse": (1, "one writer of the warehouse"),
    "landing": (8, "lanes that land at once; a system's own limit is at_once of its site file"),
}
"""Airflow's pools: slots and what they are for."""


def environment(
    settings: Settings,
    *,
    metadata_url: str,
    api_url: str,
    bind: str,
    port: int,
    fernet_key: str,
    jwt_secret: str,
    more: dict[str, str],
) -> dict[str, str]:
    """The complete environment of an Airflow process.

    Args:
        settings: with ``database_url`` filled in; handed on to the tasks.
        metadata_url: Airflow's own database.
        api_url: where the other processes reach the API server.
        bind: address the API server listens on.
        port: its port.
        fernet_key: encrypts connections in the metadata.
        jwt_secret: signs the tokens between the processes.
        more: further options, ``SECTION__KEY``.
    """
    options = {
        "CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": fernet_key,
        "CORE__EXECUTION_API_SERVER_URL": f"{api_url}/execution/",
        "API__BASE_URL": api_url,
        "API__HOST": bind,
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API__SECRET_KEY": jwt_secret,
        "API_AUTH__JWT_SECRET": jwt_secret,
        "DATABASE__SQL_ALCHEMY_CONN": with_driver(metadata_url, "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": with_driver(metadata_url, "psycopg"),
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # what a killed worker left half-done is taken up again within a minute
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        **more,
    }
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIRFLOW__") and name not in ("DATABASE_URL", "DATABASE_URL_FILE")
    }
    return {
        **inherited,
        **settings.environment(),
        "AIRFLOW_HOME": str(settings.airflow_home),
        **{f"AIRFLOW__{name}": value for name, value in options.items()},
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "GX_ANALYTICS_ENABLED": "False",
        "PYTHONWARNINGS": "ignore",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
