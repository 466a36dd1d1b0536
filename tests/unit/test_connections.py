"""Connections: read from the environment as Airflow reads them, and never shown."""

from __future__ import annotations

import json

import pytest

from yardstick.errors import CredentialsError
from yardstick.sources import connections

SECRET = "s3cr3t-enough"


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch):
    return lambda value: monkeypatch.setenv("AIRFLOW_CONN_HELPDESK", value)


def test_a_uri_and_its_json_form_mean_the_same(define) -> None:
    define(f"https://client:{SECRET}@api.example.com:8443/?auth=bearer&base_path=%2Fapi")
    from_uri = connections.get("helpdesk")
    define(
        json.dumps(
            {
                "conn_type": "https",
                "host": "api.example.com",
                "port": 8443,
                "login": "client",
                "password": SECRET,
                "extra": {"auth": "bearer", "base_path": "/api"},
            }
        )
    )

    assert connections.get("helpdesk") == from_uri
    assert from_uri == connections.Connection(
        "helpdesk", "https", "api.example.com", 8443, "client", SECRET, "",
        {"auth": "bearer", "base_path": "/api"},
    )  # fmt: skip


def test_percent_encoded_characters_of_a_password_are_decoded(define) -> None:
    define("mysql://reader:p%40ss%2Fw%3Ard@db.example.com/hr")

    found = connections.get("helpdesk")

    assert (found.password, found.schema, found.kind) == ("p@ss/w:rd", "hr", "mysql")


def test_text_forms_show_no_secret(define) -> None:
    define(
        json.dumps(
            {"conn_type": "http", "host": "h", "login": "me", "password": SECRET, "extra": {"key": SECRET}}
        )
    )

    found = connections.get("helpdesk")

    assert found.password == SECRET
    assert "helpdesk" in repr(found)
    assert SECRET not in repr(found) + str(found) + f"{found}"


@pytest.mark.parametrize(
    "value",
    [
        f"http://me:{SECRET}/@host:port",
        f'{{"conn_type": "http", "password": "{SECRET}"',
        f'{{"conn_type": "http", "password": "{SECRET}", "hostname": "x"}}',
        f'{{"conn_type": "http", "password": "{SECRET}", "extra": "[1]"}}',
        f"http://a://b://c:{SECRET}@host",
    ],
)
def test_an_unreadable_definition_is_told_without_quoting_it(define, value: str) -> None:
    define(value)

    with pytest.raises(CredentialsError) as caught:
        connections.get("helpdesk")

    assert "helpdesk" in str(caught.value)
    assert "AIRFLOW_CONN_HELPDESK" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_connection_says_how_to_define_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_HELPDESK", raising=False)

    with pytest.raises(CredentialsError) as caught:
        connections.get("helpdesk")

    assert "Admin, Connections" in str(caught.value)
    assert "AIRFLOW_CONN_HELPDESK" in str(caught.value)


def test_extra_names_the_kind_that_airflow_cannot_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_HR",
        '{"conn_type": "generic", "host": "db", "extra": {"kind": "mysql", "ssl_mode": "required"}}',
    )
    found = connections.get("hr")
    assert found.kind == "mysql"
    assert found.extra == {"ssl_mode": "required"}
