"""Writing a release's pages and workbooks to the folder of reports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg import IsolationLevel

from yardstick import alerts, warehouse
from yardstick.deadlines import Late
from yardstick.reports import charts, content, deliveries, pages, workbook
from yardstick.reports.content import Connection, Content
from yardstick.reports.language import Language
from yardstick.reports.rows import Release, ReportError
from yardstick.settings import LANGUAGES, Settings
from yardstick.whole_file import put


def render(release_content: Content) -> dict[str, bytes]:
    """Every file of a release: bytes by path relative to the folder of reports.

    The same release gives the same bytes, at any time and on any machine with the same code.
    """
    folder = release_content.release.folder
    whole = charts.draw(release_content.days)
    drawings = {project.slug: charts.draw(project.days) for project in release_content.projects}
    files: dict[str, bytes] = {}
    for code in LANGUAGES:
        files[f"{folder}/{code}/index.html"] = pages.render_period(release_content, code, whole).encode()
        for project in release_content.projects:
            page = pages.render_project(release_content, project, code, drawings[project.slug])
            files[f"{folder}/{code}/projects/{project.slug}.html"] = page.encode()
        name = pages.workbook_name(release_content.release)
        files[f"{folder}/{code}/{name}"] = workbook.write(release_content, code)
    return dict(sorted(files.items()))


def publish(settings: Settings, release_id: str) -> list[Path]:
    """Write the pages and workbooks of one release and renew the index of all.

    Safe to repeat: files that are there already, as ``release.artifact`` names them, are left alone;
    lost ones come back. A killed call leaves whole files only and the next one completes it.

    Returns:
        The files below ``settings.reports`` that belong to the release, sorted. The index of all periods
        is not among them: it changes with every release.

    Raises:
        ReportError: when there is no such release, or when today's code would write something other
            than what the release names. What was published stays as it is.
    """
    with _snapshot(settings) as connection:
        release_content = content.read(connection, release_id)
        recorded: dict[str, str] = dict(
            connection.execute(content.query("artifacts"), [release_id]).fetchall()
        )
    if recorded and all(_digest_of(settings.reports / path) == digest for path, digest in recorded.items()):
        index(settings)
        return [settings.reports / path for path in sorted(recorded)]

    files = render(release_content)
    digests = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    if recorded and recorded != digests:
        changed = sorted({path for path in {*recorded, *digests} if recorded.get(path) != digests.get(path)})
        raise ReportError(
            f"release {release_id}: {changed[0]} (and {len(changed) - 1} more) would differ from what was "
            "published; restore it from a backup or publish with code version "
            f"{release_content.release.code_version}"
        )
    for path, body in files.items():
        put(settings.reports / path, body)
    index(settings)
    return [settings.reports / path for path in files]


def index(settings: Settings) -> list[Path]:
    """Write the list of all releases: one page per language, and ``index.html`` in the settings' language.

    Returns:
        The files written.
    """
    with _snapshot(settings) as connection:
        known: list[Release] = content.releases(connection)
    written = []
    for code in LANGUAGES:
        body = pages.render_index(known, code, links=_other_pages(settings.reports, code)).encode()
        for name in [f"index.{code}.html", *(["index.html"] if code == settings.language else [])]:
            put(settings.reports / name, body)
            written.append(settings.reports / name)
    return written


def _other_pages(folder: Path, code: str) -> list[tuple[str, str]]:
    """Pages about now that there are in a language, the newest of their kind: code of the text, and the place."""
    chinese = "zh-Hans" if code.startswith("zh") else code
    found = []
    for key, pattern in (
        ("deliveries.link", f"{deliveries.FOLDER}/{code}/index.html"),
        ("link_suitability", f"suitability/{chinese}/index.html"),
        ("link_plan", "standards/plan-*.xlsx"),
        ("link_handbook", f"standards/*/standards-*.{chinese.partition('-')[0]}.html"),
    ):
        if places := sorted(folder.glob(pattern)):
            found.append((key, places[-1].relative_to(folder).as_posix()))
    return found


def show_deliveries(settings: Settings) -> list[Path]:
    """Write the pages of who has delivered what, in every language, and renew the index that leads there.

    Returns:
        The files written.
    """
    with _snapshot(settings) as connection:
        overview = deliveries.read(connection)
    written = []
    for code in LANGUAGES:
        folder = settings.reports / deliveries.FOLDER / code
        new = pages.render_deliveries(overview, code)
        for name, body in new.items():
            put(folder / name, body.encode())
            written.append(folder / name)
        for stale in folder.glob("page-*.html"):
            if stale.name not in new:
                stale.unlink()
    return [*written, *index(settings)]


def alert_late(settings: Settings, late: Sequence[Late]) -> bool | None:
    """Tell a person about deliveries that are late, in the installation's language.

    Returns:
        As ``alerts.send``.
    """
    with _snapshot(settings) as connection:
        names = dict(connection.execute("select source_id, names from ops.source").fetchall())
    return alerts.send(*deliveries.message(late, Language(settings.language), names))


@contextmanager
def _snapshot(settings: Settings) -> Iterator[Connection]:
    """A read-only session that sees one state of the database throughout."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-publish") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def _digest_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
