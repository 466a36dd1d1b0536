"""Airflow's API on a machine that has too much to do: it drops connections."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from yardstick import settings as settings_module
from yardstick.embedded import airflow
from yardstick.embedded.processes import Family


class Busy(ThreadingHTTPServer):
    """Signs everybody in and drops the first questions."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.to_drop = 0
        self.asked = 0


class Handler(BaseHTTPRequestHandler):
    server: Busy

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, {"access_token": "token"})

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.asked > self.server.to_drop:
            self.answer(200, {"dags": []})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Busy]:
    with Busy() as busy:
        threading.Thread(target=busy.serve_forever, daemon=True).start()
        yield busy
        busy.shutdown()


@pytest.fixture
def client(server: Busy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> airflow.Airflow:
    monkeypatch.setattr(airflow, "_PAUSES", (0, 0, 0))
    settings = settings_module.load(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")
    family = Family(tmp_path / "run", tmp_path / "logs")
    return airflow.Airflow(settings, family, port=server.server_port)


def test_dropped_question_is_asked_again(server: Busy, client: airflow.Airflow) -> None:
    server.to_drop = 3
    assert client.get("/dags") == {"dags": []}
    assert server.asked == 4


def test_airflow_that_never_answers_is_told_in_a_line(server: Busy, client: airflow.Airflow) -> None:
    server.to_drop = 100
    with pytest.raises(airflow.AirflowError, match=f"GET /dags: {client.url} does not answer"):
        client.get("/dags")
    assert server.asked == 4
