"""Files behind a connection: real SFTP and S3 servers on loopback, lines that break, strangers refused."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
import pytest
from tests.broken_line import Line, closed_port
from tests.delivery import Inbox, csv_text, make_inbox, site_content, ticket, write_site
from tests.s3_server import BUCKET, S3Server
from tests.sftp_server import LOGIN, PASSWORD, SftpServer

from yardstick import settings as settings_module
from yardstick.errors import BadInputError, CredentialsError, UnreachableError
from yardstick.landing import land
from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.delivery import Due, RefusedError
from yardstick.sources.site import Site
from yardstick.sources.site_file import SiteError, load_sites

FOLDER = "out/工单"
GOOD = csv_text([ticket(1, 1), ticket(2, 9), ticket(3, 28)])


@dataclass
class Place:
    """A server, how to put a file into the site's folder there, and its connection."""

    server: Any
    address: tuple[str, int]
    put: Callable[[str, bytes], None]
    connection: dict[str, Any]

    def through(self, line: Line) -> dict[str, Any]:
        """The same connection over another line."""
        host, port = line.address
        if self.connection["conn_type"] == "sftp":
            known = self.server.known_host.replace(str(self.address[1]), str(port))
            return {**self.connection, "port": port, "extra": {**self.connection["extra"], "host_key": known}}
        extra = {**self.connection["extra"], "endpoint_url": f"http://{host}:{port}"}
        return {**self.connection, "extra": extra}


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "sftp"
    (root / FOLDER).mkdir(parents=True)

    def put(name: str, content: bytes) -> None:
        path = root / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    with SftpServer(root) as server:
        connection = {
            "conn_type": "sftp", "host": "127.0.0.1", "port": server.port, "login": LOGIN,
            "password": PASSWORD, "extra": {"host_key": server.known_host},
        }  # fmt: skip
        yield Place(server, ("127.0.0.1", server.port), put, connection)


@pytest.fixture
def s3() -> Iterator[Place]:
    with S3Server() as server:
        connection = {
            "conn_type": "aws", "login": server.login, "password": server.password,
            "extra": {"bucket": BUCKET, "endpoint_url": server.url, "region_name": "us-east-1"},
        }  # fmt: skip
        yield Place(
            server,
            server.address,
            lambda name, content: server.put(f"{FOLDER}/{name}", content),
            connection,
        )


@pytest.fixture(params=["sftp", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """Settings without a warehouse."""
    return settings_module.load(home=tmp_path / "home", data=tmp_path / "data", language="en")


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return lambda connection: monkeypatch.setenv("AIRFLOW_CONN_EXCHANGE", json.dumps(connection))


def remote_site(**entity: Any) -> dict[str, Any]:
    content = site_content(**{"folder": {"remote": FOLDER}, "files": "{month:%Y-%m}.csv*", **entity})
    content["connection"] = "exchange"
    return content


def make_site(where: Path, **entity: Any) -> Site:
    return load_sites(write_site(where / "sites", remote_site(**entity)))[0]


def waiting(site: Site, settings: Settings) -> list[str]:
    return [due.name for due in files.due(site, site.entities["ticket"], settings)]


def fetched(site: Site, settings: Settings, name: str) -> bytes:
    with files.fetch(site, site.entities["ticket"], Due(None, None, name), settings) as found:
        assert not found.is_changing()
        return found.stream.read()


def test_remote_files_land_like_local_ones(
    settings: Settings, tmp_path: Path, place: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(place.connection)
    inbox: Inbox = make_inbox(settings, tmp_path, remote_site(files="{month:%Y-%m}*", member="*.csv"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("导出/工单.csv", GOOD)
    place.put("2015-02 全部.zip", packed.getvalue())
    place.put("2015-03.part", b"half")
    (name, landed), *others = inbox.land().items()
    assert (name, landed.status, landed.rows_landed, others) == ("2015-02 全部.zip", "landed", 3, [])
    assert [cells[0] for _, cells, _ in inbox.raw()] == ["000001", "000002", "000003"]
    assert inbox.land()[name].status == "unchanged"
    # The kept original is what was delivered, and nothing else of it stays.
    (sha256,) = inbox.query("select file_sha256 from ops.arrival order by arrival_id limit 1")[0]
    assert (settings.store / sha256[:2] / sha256).read_bytes() == packed.getvalue()
    assert list((settings.home / "spool").iterdir()) == []


def test_line_that_breaks_midway_lands_nothing(
    settings: Settings, tmp_path: Path, place: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    with Line(place.address) as line:
        connect(place.through(line))
        inbox = make_inbox(settings, tmp_path, remote_site())
        rows = [ticket(number, number % 28 + 1, os.urandom(40).hex()) for number in range(5000)]
        place.put("2015-02.csv", csv_text(rows).encode())
        entity = inbox.site.entities["ticket"]
        (due,) = files.due(inbox.site, entity, settings)
        line.cut_after = 200_000
        with pytest.raises(UnreachableError, match=r"Connection exchange: .* hung up"):
            land(settings, inbox.site, entity, due)
        assert line.cuts
        assert inbox.counts() == (0, 0, 0)
        assert list((settings.home / "spool").iterdir()) == []
        line.cut_after = None
        assert land(settings, inbox.site, entity, due).rows_landed == 5000


def test_wrong_password_is_told_without_it(
    here: Settings, tmp_path: Path, place: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    site = make_site(tmp_path)
    place.put("2015-02.csv", GOOD.encode())
    if isinstance(place.server, S3Server):
        place.server.check_logins()
    connect(place.connection)
    assert waiting(site, here) == ["2015-02.csv"]
    connect({**place.connection, "password": "hunter2-secret"})
    with pytest.raises(CredentialsError, match=r"Connection exchange: .* refuses the login") as caught:
        waiting(site, here)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sftp", "aws"])
def test_unreachable_host_is_trouble_that_may_pass(
    here: Settings, tmp_path: Path, kind: str, connect: Callable[[dict[str, Any]], None]
) -> None:
    port = closed_port()
    extra = {"bucket": "b", "endpoint_url": f"http://127.0.0.1:{port}", "region_name": "x"}
    connect(
        {"conn_type": kind, "host": "127.0.0.1", "port": port, "login": "a", "password": "b", "extra": extra}
    )
    with pytest.raises(UnreachableError, match=r"Connection exchange: .* does not answer"):
        waiting(make_site(tmp_path), here)


@pytest.mark.parametrize(
    ("connection", "why"),
    [
        (None, "exchange is not defined"),
        ({"conn_type": "ftp", "host": "127.0.0.1"}, "of type 'ftp'; files come over sftp, ssh, aws, s3"),
        ({"conn_type": "sftp"}, "names no host"),
        ({"conn_type": "aws", "login": "a"}, "names no bucket"),
        ({"conn_type": "sftp", "host": "127.0.0.1", "extra": {"host_key": "gibberish"}}, "ssh-keyscan"),
        ({"conn_type": "sftp", "host": "127.0.0.1", "extra": {"private_key": "x"}}, "BEGIN"),
    ],
)
def test_connection_that_cannot_be_used_says_what_to_write(
    here: Settings,
    tmp_path: Path,
    connection: dict[str, Any] | None,
    why: str,
    connect: Callable[[dict[str, Any]], None],
) -> None:
    if connection:
        connect(connection)
    with pytest.raises(CredentialsError, match=why):
        waiting(make_site(tmp_path), here)


def test_folder_behind_a_connection_needs_one(tmp_path: Path) -> None:
    content = remote_site()
    del content["connection"]
    with pytest.raises(SiteError, match=r"entities.ticket.folder.remote: needs a connection"):
        load_sites(write_site(tmp_path, content))


def test_server_must_show_the_known_key(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    site = make_site(tmp_path)
    sftp.put("2015-02.csv", GOOD.encode())
    shown = f"{sftp.server.host_key.get_name()} {sftp.server.host_key.get_base64()}"
    stranger = paramiko.ECDSAKey.generate()
    for extra, why in (
        ({}, "no host key is known"),
        ({"host_key": f"ecdsa-sha2-nistp256 {stranger.get_base64()}"}, "shows another host key"),
    ):
        connect({**sftp.connection, "extra": extra})
        with pytest.raises(CredentialsError, match=why) as caught:
            waiting(site, here)
        assert shown in str(caught.value)
        assert sftp.server.host_key.fingerprint in str(caught.value)
    assert sftp.server.logins == 0  # no password goes to a stranger
    for extra in ({"host_key": shown}, {"no_host_key_check": True}):
        connect({**sftp.connection, "extra": extra})
        assert waiting(site, here) == ["2015-02.csv"]


def test_login_by_private_key(
    here: Settings, tmp_path: Path, connect: Callable[[dict[str, Any]], None]
) -> None:
    key = paramiko.ECDSAKey.generate()
    text = io.StringIO()
    key.write_private_key(text, password="pass phrase")
    root = tmp_path / "sftp"
    (root / "exports" / FOLDER).mkdir(parents=True)
    (root / "exports" / FOLDER / "2015-02.csv").write_text(GOOD, encoding="utf-8")
    with SftpServer(root, login_key=key) as server:
        extra = {
            "host_key": server.known_host, "private_key": text.getvalue(),
            "private_key_passphrase": "pass phrase", "root": "/exports",
        }  # fmt: skip
        connection = {"conn_type": "ssh", "host": "127.0.0.1", "port": server.port, "login": LOGIN}
        connect({**connection, "extra": extra})
        site = make_site(tmp_path)
        assert waiting(site, here) == ["2015-02.csv"]
        assert fetched(site, here, "2015-02.csv") == GOOD.encode()


def test_many_files_come_over_one_line(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(sftp.connection)
    site = make_site(tmp_path, files="{day:%Y-%m/%d}.csv")
    content = {f"2015-02/{day:02}.csv": csv_text([ticket(day, day)]).encode() for day in (1, 2, 3)}
    for name, body in content.items():
        sftp.put(name, body)
    assert waiting(site, here) == sorted(content)
    assert {name: fetched(site, here, name) for name in content} == content
    assert sftp.server.logins == 1


def test_line_that_was_dropped_while_idle_is_opened_again(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(sftp.connection)
    site = make_site(tmp_path)
    assert waiting(site, here) == []
    sftp.server.drop()
    sftp.put("2015-02.csv", GOOD.encode())
    assert waiting(site, here) == ["2015-02.csv"]
    assert sftp.server.logins == 2


def test_large_file_is_whole(
    here: Settings, tmp_path: Path, place: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(place.connection)
    site = make_site(tmp_path)
    content = os.urandom((9 << 20) + 77)
    place.put("2015-02.csv", content)
    assert fetched(site, here, "2015-02.csv") == content


def test_file_that_grows_or_is_replaced_while_it_is_fetched_waits(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(sftp.connection)
    site = make_site(tmp_path)
    sftp.put("2015-02.csv", GOOD.encode())

    def append(path: Path) -> None:
        with path.open("ab") as stream:
            stream.write(b"more")

    sftp.server.on_read = append
    with files.fetch(site, site.entities["ticket"], Due(None, None, "2015-02.csv"), here) as found:
        assert found.is_changing()
    sftp.server.on_read = lambda path: path.unlink(missing_ok=True)
    with files.fetch(site, site.entities["ticket"], Due(None, None, "2015-02.csv"), here) as found:
        assert found.is_changing()
    with pytest.raises(FileNotFoundError):
        fetched(site, here, "2015-02.csv")


def test_too_large_file_is_refused_before_it_is_fetched(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(sftp.connection)
    site = make_site(tmp_path, max_uncompressed_bytes=100)
    sftp.put("2015-02.csv", b"x" * 101)
    with pytest.raises(RefusedError, match=r"2015-02.csv has 101 bytes, more than 100"):
        fetched(site, here, "2015-02.csv")
    assert sftp.server.opened == []


def test_what_the_login_may_not_read_is_refused_alone(
    here: Settings, tmp_path: Path, sftp: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(sftp.connection)
    site = make_site(tmp_path)
    sftp.put("2015-02.csv", GOOD.encode())
    sftp.put("2015-03.csv", GOOD.encode())
    (sftp.server.root / FOLDER / "2015-02.csv").chmod(0)
    with pytest.raises(RefusedError, match=r"2015-02.csv cannot be opened"):
        fetched(site, here, "2015-02.csv")
    assert fetched(site, here, "2015-03.csv") == GOOD.encode()


def test_missing_folder_and_missing_bucket_are_told(
    here: Settings, tmp_path: Path, sftp: Place, s3: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    site = make_site(tmp_path, folder={"remote": "nowhere"})
    connect(sftp.connection)
    with pytest.raises(FileNotFoundError, match="'nowhere' does not exist there"):
        waiting(site, here)
    connect(s3.connection)
    assert waiting(site, here) == []  # a prefix is there once something lies below it
    connect({**s3.connection, "extra": {**s3.connection["extra"], "bucket": "nobodys"}})
    with pytest.raises(BadInputError, match="no bucket 'nobodys'"):
        waiting(site, here)


def test_settling_and_manifest_count_there_too(
    here: Settings, tmp_path: Path, place: Place, connect: Callable[[dict[str, Any]], None]
) -> None:
    connect(place.connection)
    packed = gzip.compress(GOOD.encode())
    place.put("2015-02.csv.gz", packed)
    place.put("2015-03.csv", GOOD.encode())
    place.put("manifest-2015-02.csv", f"file,size,rows\r\n2015-02.csv.gz,{len(packed)},3\r\n".encode())
    site = make_site(tmp_path / "settling", settle_seconds=3600)
    assert waiting(site, here) == []
    site = make_site(tmp_path / "listed", manifest="manifest-{month:%Y-%m}.csv")
    (due,) = files.due(site, site.entities["ticket"], here)
    assert due.name == "2015-02.csv.gz"
    with files.fetch(site, site.entities["ticket"], due, here) as found:
        assert found.total == 3
        assert found.stream.read() == packed
