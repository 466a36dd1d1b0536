"""A site file from a query of a running database, and what its preview says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.databases import VARIABLE, Hr, on_postgres
from typer.testing import CliRunner, Result

from yardstick.cli import app
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings
from yardstick.sources import sample_pull
from yardstick.sources.delivery import RefusedError
from yardstick.sources.site_file import load_sites

SHANGHAI = ZoneInfo("Asia/Shanghai")
CONNECTION = VARIABLE.removeprefix("AIRFLOW_CONN_").lower()
QUERY = "select * from staff where updated_at >= {from} and updated_at < {until};"


@pytest.fixture
def hr(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    """A staff list in which three people changed yesterday, and one long ago."""
    with on_postgres(server) as system:
        monkeypatch.setenv(VARIABLE, system.connection())
        system.run(
            "create table staff (工号 text, 姓名 text, 用工形式 text, 入职日期 date, updated_at timestamp)"
        )
        yesterday = datetime.now(SHANGHAI).replace(hour=12, tzinfo=None) - timedelta(days=1)
        for number, kind in enumerate(("正式", "劳务派遣", "正式")):
            system.run(
                "insert into staff values (%s, '张三', %s, '2026-01-05', %s)",
                (f"E00{number}", kind, yesterday),
            )
        system.run("insert into staff values ('E999', '李四', '正式', '2001-01-05', '2001-02-01')")
        yield system


def add(tmp_path: Path, query: str, *arguments: str) -> Result:
    return CliRunner().invoke(
        app,
        [
            "site", "add", "--connection", CONNECTION, "--query", query, "--yes", "--source-id", "hr",
            "--out", str(tmp_path / "site.yml"), "--home", str(tmp_path / "home"), *arguments,
        ],
    )  # fmt: skip


def test_query_becomes_a_database_site(hr: Hr, tmp_path: Path) -> None:
    done = add(tmp_path, QUERY, "--valid-from", "2026-01-01")
    assert done.exit_code == 0, done.stderr
    (site,) = load_sites(tmp_path / "site.yml")
    entity = site.entities["person"]
    assert (site.connector, site.connection, str(site.valid_from)) == ("database", CONNECTION, "2026-01-01")
    assert entity.options.is_incremental
    assert entity.options.query == QUERY.rstrip(";")
    assert entity.fields["contract_type"].codes == {"正式": "permanent", "劳务派遣": "outsourced"}
    assert entity.fields["person_name"].labels == ("姓名",)
    text = (tmp_path / "site.yml").read_text(encoding="utf-8")
    assert "张三" not in text + done.stderr


def test_preview_of_a_database_pulls_the_day_and_no_other(hr: Hr, settings: Settings, tmp_path: Path) -> None:
    assert add(tmp_path, QUERY, "--valid-from", "2026-01-01").exit_code == 0
    day = (datetime.now(SHANGHAI) - timedelta(days=1)).date()
    done = CliRunner().invoke(
        app,
        ["site", "preview", str(tmp_path / "site.yml"), "--day", str(day)],
        env=settings.environment(),
    )
    assert done.exit_code == 0, done.stderr
    assert f"person@{day},read," in done.stdout
    assert "3 landed, 3 staged, 0 superseded, 0 duplicate, 0 rejected" in done.stdout
    assert "E999" not in done.stdout
    assert "张三" not in done.stdout
    assert "***" in done.stdout


def test_whole_list_needs_no_window(hr: Hr, tmp_path: Path) -> None:
    table, keys = sample_pull.of_query(CONNECTION, "select 工号 from staff", tmp_path, SHANGHAI)
    assert (table.header, len(table.rows)) == (["工号"], 4)
    assert keys == {"query": "select 工号 from staff"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("delete from staff", "must be one SELECT|cannot be read"),
        ("select 1; drop table staff", "more than one statement"),
        ("select nothing from staff", "nothing"),
        ("select 1 as a, 2 as a", "named 'a'"),
    ],
)
def test_query_that_cannot_be_used_is_told(hr: Hr, tmp_path: Path, query: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        sample_pull.of_query(CONNECTION, query, tmp_path, SHANGHAI)
    done = add(tmp_path, query)
    assert done.exit_code == 1
    assert not (tmp_path / "site.yml").exists()
