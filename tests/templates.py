"""Sites made from the shipped templates, landed and staged for real: what a company gets that chooses one."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.deliveries import Company, project
from yardstick import sources, transform, warehouse
from yardstick.contracts import load_contracts
from yardstick.landing import Landed, land
from yardstick.settings import Settings
from yardstick.sources import site_template
from yardstick.sources.register import register
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites
from yardstick.staging_models import current_model

SAMPLES = Path(__file__).parent / "samples"


def sample(*parts: str) -> Any:
    """A made-up answer or export in the vendor's shape."""
    return json.loads((SAMPLES.joinpath(*parts)).read_text(encoding="utf-8"))


def make_site(
    folder: Path,
    name: str,
    *,
    asked: Mapping[str, str] | None = None,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    **top: str,
) -> Site:
    """A site from a template.

    Args:
        folder: where its files go.
        name: of the template.
        asked: answers to what the template asks for.
        codes: lines of the code tables, by name of the file.
        top: values of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "site.yml"
    template = site_template.load()[name]
    path.write_text(site_template.site_text(template, path, top, asked), encoding="utf-8")
    for file, header in site_template.code_files(path).items():
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.write(header)
            csv.writer(stream).writerows((codes or {}).get(file.name, {}).items())
    (site,) = load_sites(path)
    return site


@dataclass
class Installation:
    """A warehouse with two projects and two service items, and one site."""

    settings: Settings
    site: Site

    def __post_init__(self) -> None:
        company = Company(self.settings, "company").register(with_calendar=False)
        company.deliver("project", {"2026-01-01": [project("P001"), project("P002")]})
        company.deliver(
            "service_item",
            {
                "2026-01-01": [
                    {"service_item_id": name, "service_item_name_en": name} for name in ("lift", "lobby")
                ]
            },
        )
        with warehouse.connect(self.settings.require_database_url()) as connection:
            register(connection, self.site)

    def land(self, first: date, last: date | None = None, *entities: str) -> list[Landed]:
        """Land what is due for some days; nothing may be refused."""
        landed = []
        connector = sources.connector(self.site.connector)
        for name, entity in self.site.entities.items():
            if entities and name not in entities:
                continue
            for due in connector.due(self.site, entity, self.settings, first, last or first):
                one = land(self.settings, self.site, entity, due, "test")
                assert one.status in ("landed", "unchanged"), one.reason
                landed.append(one)
        return landed

    def stage(self) -> dict[str, int]:
        """Stage what has landed.

        Returns:
            Rows staged now by entity of the site, from the ledger.
        """
        planned = transform.plan_build(self.settings, "tests")
        assert planned is not None
        transform.stage(self.settings, planned.build_id)
        company = Company(self.settings)
        company.audit(planned.build_id)
        return dict(
            company.rows(
                "select entity, sum(rows_staged)::int from ops.delivery inner join ops.build_delivery "
                "using (delivery_id) where build_id = %s and source_id = %s group by 1",
                [planned.build_id, self.site.source_id],
            )
        )

    def rejects(self) -> list[tuple[Any, ...]]:
        return Company(self.settings).rows(
            "select entity, row_number, field, value, rule, reason from ops.rejected where source_id = %s "
            "order by 1, 2",
            [self.site.source_id],
        )

    def rows(self, entity: str) -> dict[str, dict[str, Any]]:
        """The staged rows of the site by their key: fields of the contract that hold something, as text."""
        contract = load_contracts()[entity]
        names = [name for name in contract.fields if name in self.site.entities[entity].fields]
        cells = ", ".join(f"{name}::text" for name in names)
        found = Company(self.settings).rows(
            f"select {cells} from staging.{current_model(contract)} where source_id = %s",
            [self.site.source_id],
        )
        (key,) = contract.key
        return {
            row[names.index(key)]: {
                name: value
                for name, value in zip(names, row, strict=True)
                if value is not None and name != key
            }
            for row in found
        }


def unproved(site: Site, entity: str, rows: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Fields that the site maps and no row of a test's expectation holds: the sample would prove nothing of them."""
    shown = {name for row in rows.values() for name in row}
    (key,) = load_contracts()[entity].key
    return set(site.entities[entity].fields) - shown - {key}
