"""What the documentation names is there."""

from __future__ import annotations

import re

from yardstick.settings import project_root

ROOT = project_root()
VIEWS = (ROOT / "src/yardstick/warehouse/schema/050_readers.sql").read_text(encoding="utf-8")


def test_readers_views_that_pages_name_are_there() -> None:
    there = set(re.findall(r"create or replace view ((?:bi|hr)\.\w+)", VIEWS))
    named = {
        name
        for page in (ROOT / "docs").glob("*.md")
        for name in re.findall(r"`((?:bi|hr)\.[a-z_]+)", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert named <= there, f"not there: {', '.join(sorted(named - there))}"


def test_pages_that_the_readme_names_are_there() -> None:
    named = set(re.findall(r"`(docs/[\w./-]+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(named) > 3
    assert not {name for name in named if not (ROOT / name).exists()}
