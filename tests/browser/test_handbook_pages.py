"""The handbook in a real browser: fits a phone and a sheet of A4, asks for nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from yardstick import handbook, standards
from yardstick.handbook.words import LANGUAGES
from yardstick.settings import project_root
from yardstick.standards.words import short

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")

# A window cannot be narrower than 500 px, a frame can.
_FRAME = """<!doctype html><title></title>
<script>addEventListener("message", event => { document.title = event.data; });</script>
<iframe src="inner.html" width="WIDTH" height="800" style="border: 0"></iframe>
"""
_MEASURE = """
<script>
const width = document.documentElement.clientWidth;
const wide = [...document.querySelectorAll("body *")].filter(one =>
  one.getBoundingClientRect().right > width + 1 && !one.closest(".scroll") && !one.closest(".on"));
const names = wide.map(one => one.className || one.tagName).join(" ");
parent.postMessage([width, document.documentElement.scrollWidth, names].join("|"), "*");
</script>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handbook of the latest release."""
    releases = standards.read(project_root() / "expectations/standards")
    where = tmp_path_factory.mktemp("handbook")
    assert handbook.write(where, releases[-1], releases[-2])
    return where


def page(folder: Path, code: str) -> Path:
    (found,) = folder.glob(f"*.{short(code)}.html")
    return found


def browse(tmp_path: Path, page: Path, *options: str) -> str:
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("width", [390, 820, 1340])
def test_nothing_sticks_out_at_any_width(folder: Path, tmp_path: Path, code: str, width: int) -> None:
    text = page(folder, code).read_text(encoding="utf-8")
    policy = re.search(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", text)
    assert policy
    text = text.replace(policy[0], "").replace("</body>", _MEASURE + "</body>")
    (tmp_path / "inner.html").write_text(text, encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(_FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    dom = browse(tmp_path, outer, "--hide-scrollbars", "--window-size=1400,900", "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title
    shown, whole, wide = title[1].split("|")
    assert int(shown) == width
    assert int(whole) <= width, wide
    assert wide == ""


@pytest.mark.parametrize("code", LANGUAGES)
def test_it_prints_on_a4_with_a_cover(folder: Path, tmp_path: Path, code: str) -> None:
    sheets = tmp_path / "handbook.pdf"
    browse(tmp_path, page(folder, code), "--no-pdf-header-footer", f"--print-to-pdf={sheets}")
    body = sheets.read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", body))
    assert 30 < pages < 120
    boxes = set(re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", body))
    assert {(round(float(width)), round(float(height))) for width, height in boxes} <= {
        (595, 842),
        (594, 842),
    }
