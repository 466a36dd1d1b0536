"""The only reader of the environment: where things are and how to reach them.

Every path hangs on one *home* folder (``--home`` or ``YARDSTICK_HOME``; default
``~/.local/share/yardstick``), so that two installations on one machine never meet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

LANGUAGES = ("zh-Hans", "zh-Hant", "en")


def project_root() -> Path:
    """Folder that holds ``dbt_project/``, ``expectations/``, ``sites/`` and ``dags/``."""
    given = os.environ.get("YARDSTICK_ROOT")
    return Path(given).resolve() if given else Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """Everything the process was told from outside.

    Attributes:
        home: the installation's folder; created on first use.
        root: the checkout.
        database_url: warehouse connection URL, or None when the embedded server is to be used.
        sites: folder of site YAML files (searched recursively).
        data: folder that relative inbox paths of site files start from.
        language: language of texts printed for people.
        standards: the folder of standards releases.
    """

    home: Path
    root: Path
    database_url: str | None
    sites: Path
    data: Path
    language: str
    standards: Path

    @cached_property
    def store(self) -> Path:
        """Original bytes of every delivered file, under their SHA-256."""
        return self.home / "store"

    @cached_property
    def reports(self) -> Path:
        """Published artifacts, one folder per released period."""
        return self.home / "reports"

    @cached_property
    def hr(self) -> Path:
        """Files with persons, for HR alone; never below what is served."""
        return self.home / "hr"

    @cached_property
    def data_docs(self) -> Path:
        """The gates' readable results."""
        return self.home / "data_docs"

    @cached_property
    def airflow_home(self) -> Path:
        """Airflow's own folder (configuration, logs)."""
        return self.home / "airflow"

    @cached_property
    def run(self) -> Path:
        """Process ids, locks and sockets of what is running now."""
        return self.home / "run"

    def require_database_url(self) -> str:
        """The warehouse URL.

        Raises:
            RuntimeError: when no server is named; callers that may start the embedded one use
                ``yardstick.embedded.postgres.lease`` instead.
        """
        if not self.database_url:
            raise RuntimeError(
                "DATABASE_URL is not set. Start the embedded PostgreSQL with ./scripts/yardstick or ./scripts/demo, "
                "or set DATABASE_URL=postgresql://user:password@host:port/database."
            )
        return self.database_url

    def environment(self) -> dict[str, str]:
        """The variables that hand these settings to a child process."""
        values = {
            "YARDSTICK_HOME": str(self.home),
            "YARDSTICK_ROOT": str(self.root),
            "YARDSTICK_SITES": str(self.sites),
            "YARDSTICK_DATA": str(self.data),
            "YARDSTICK_LANG": self.language,
            "YARDSTICK_STANDARDS": str(self.standards),
        }
        if self.database_url:
            values["DATABASE_URL"] = self.database_url
        return values


def _secret(name: str) -> str | None:
    """Value of ``name``, or the content of the file that ``name_FILE`` points to."""
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return None


def given(*names: str) -> dict[str, str]:
    """The named variables, empty where they are not set."""
    return {name: os.environ.get(name, "") for name in names}


def load(
    *,
    home: Path | None = None,
    sites: Path | None = None,
    data: Path | None = None,
    language: str | None = None,
    database_url: str | None = None,
) -> Settings:
    """Read the environment; arguments win over it.

    Raises:
        ValueError: for a language that is not shipped.
    """
    root = project_root()
    language = language or os.environ.get("YARDSTICK_LANG") or "zh-Hans"
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} is not shipped; choose one of {', '.join(LANGUAGES)}")
    folder = Path(home or os.environ.get("YARDSTICK_HOME") or Path.home() / ".local/share/yardstick")
    folder = folder.expanduser().resolve()
    return Settings(
        home=folder,
        root=root,
        database_url=database_url or _secret("DATABASE_URL"),
        sites=Path(sites or os.environ.get("YARDSTICK_SITES") or root / "sites").expanduser().resolve(),
        data=Path(data or os.environ.get("YARDSTICK_DATA") or folder / "inbox").expanduser().resolve(),
        language=language,
        standards=Path(os.environ.get("YARDSTICK_STANDARDS") or root / "expectations/standards").resolve(),
    )


def with_database(url: str, database: str) -> str:
    """The same server and login, another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/" + quote(database)))


def with_driver(url: str, driver: str) -> str:
    """The URL as SQLAlchemy wants it: ``postgresql+psycopg://…`` for driver ``psycopg``."""
    return f"postgresql+{driver}://" + url.split("://", 1)[1]
