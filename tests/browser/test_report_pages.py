"""Report pages in a real browser: drawn, printed on one sheet, nothing asked for from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from tests import reports_company as company

from yardstick import reports, warehouse
from yardstick.settings import Settings

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")


def _publish(settings: Settings, inspected_from: int) -> Path:
    months = [
        ("month", f"2015-{month:02d}", date(2015, month, 1), date(2015, month, 28), "person", "王经理")
        for month in range(1, 9)
    ]
    with warehouse.connect(settings.require_database_url()) as connection:
        released = company.release_all(connection, months, inspected_from=inspected_from)
    reports.publish(settings, released[-1])
    return settings.reports / "2015-08/v1"


@pytest.fixture
def folder(settings: Settings) -> Path:
    """The reports of August 2015, which has seven months before it: no page says more."""
    return _publish(settings, inspected_from=1)


@pytest.fixture
def folder_without_inspections(settings: Settings) -> Path:
    """The same, of a company that has no inspections."""
    return _publish(settings, inspected_from=8)


def _browse(tmp_path: Path, page: Path, *options: str) -> str:
    # A browser that hangs on leaving is not what is tested; its output is complete by then.
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    return done.stdout


@pytest.mark.parametrize("code", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize("project", ["long_name", "jade_square", company.UNSCORED])
def test_a_project_fits_one_side_of_a4(
    folder_without_inspections: Path, tmp_path: Path, code: str, project: str
) -> None:
    page = folder_without_inspections / code / f"projects/{project}.html"
    assert _sides(tmp_path, page) == 1


@pytest.mark.parametrize("code", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize("project", ["long_name", company.VETOED, company.UNSCORED])
def test_a_project_with_inspections_fits_both_sides_of_one_sheet(
    folder: Path, tmp_path: Path, code: str, project: str
) -> None:
    assert _sides(tmp_path, folder / code / f"projects/{project}.html") == 2


def _sides(tmp_path: Path, page: Path) -> int:
    """How many pages of A4 a page is printed on."""
    sheet = tmp_path / "page.pdf"
    _browse(tmp_path, page, "--no-pdf-header-footer", f"--print-to-pdf={sheet}")
    body = sheet.read_bytes()
    width, height = (
        float(number) for number in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", body)[0]
    )
    assert (round(width), round(height)) in {(595, 842), (594, 842), (596, 842)}
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", body))


def test_the_league_table_can_be_sorted_and_a_hostile_name_stays_a_name(folder: Path, tmp_path: Path) -> None:
    drawn = _browse(tmp_path, folder / "en/index.html", "--dump-dom")
    # The page's own script has run: headings became buttons. Nobody else's has.
    assert '<th class="num"><button type="button">Score</button></th>' in drawn
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
    assert drawn.count("<script>") == 1


def test_charts_are_really_drawn(folder: Path, tmp_path: Path) -> None:
    page = folder / "zh-Hans/projects/jade_square.html"
    plain = tmp_path / "plain.html"
    plain.write_text(
        re.sub(
            r'<g id="drawing">.*?</g></defs>',
            '<g id="drawing"></g></defs>',
            page.read_text(encoding="utf-8"),
            flags=re.S,
        ),
        encoding="utf-8",
    )
    pictures = []
    for place, source in enumerate((page, plain)):
        picture = tmp_path / f"{place}.png"
        _browse(tmp_path, source, f"--screenshot={picture}", "--window-size=1100,2400")
        pictures.append(picture.stat().st_size)
    assert pictures[0] > pictures[1] + 5_000
