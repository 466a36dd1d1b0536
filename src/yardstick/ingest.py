"""What the DAG `ingest` does: find what waits at every source, land it, be red where something was refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from yardstick import landing, sources, standards, warehouse
from yardstick.errors import BadInputError
from yardstick.settings import Settings
from yardstick.sources.delivery import Due
from yardstick.sources.register import register as register_site
from yardstick.sources.site import Entity, Site
from yardstick.sources.site_file import SiteError, load_sites

LOOK_BACK = timedelta(days=45)


class RefusedDeliveriesError(BadInputError):
    """Files were refused whole; everything else that waited has landed."""


def register(settings: Settings) -> list[Site]:
    """Read the site files and the standards releases and write them to the ledger; safe to repeat.

    Raises:
        SiteError: for a mistake in a site file, or when there is none.
        StandardsError: for a mistake in a standards release.
    """
    sites = load_sites(settings.sites)
    if not sites:
        raise SiteError([f"{settings.sites} holds no site file (a YAML file with 'kind: site')"])
    with warehouse.connect(settings.require_database_url(), name="yardstick-register") as connection:
        standards.load(connection, standards.read(settings.standards))
        for site in sites:
            register_site(connection, site)
    return sites


def waiting(
    settings: Settings,
    sites: Iterable[Site],
    first_day: date | None,
    last_day: date | None,
    known: Mapping[tuple[str, str], Container[str]] | None = None,
) -> Iterator[tuple[Site, Entity, list[Due]]]:
    """What waits at every source and entity and touches a range of days, in order of days.

    Args:
        settings: the installation.
        sites: which sites.
        first_day: first day of the range; None is open.
        last_day: last day of the range; None is open.
        known: names of the pulls that have landed, by source and entity; they are not pulled again.
    """
    for site in sites:
        connector = sources.connector(site.connector)
        for entity in site.entities.values():
            names = (known or {}).get((site.source_id, entity.name), ())
            if due := connector.due(site, entity, settings, first_day, last_day, names):
                yield site, entity, due


def landed_pulls(settings: Settings, sites: Iterable[Site]) -> dict[tuple[str, str], set[str]]:
    """Names of the incremental pulls that have landed, by source and entity."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    wanted = [site.source_id for site in sites if any(e.options.is_incremental for e in site.entities.values())]
    if wanted:
        with warehouse.connect(settings.require_database_url(), name="yardstick-ingest") as connection:
            for source_id, entity, name in connection.execute(
                "select distinct source_id, entity, file_name from ops.arrival "
                "where status <> 'refused' and source_id = any(%s)",
                [wanted],
            ):
                found[source_id, entity].add(name)
    return found


def bounds(first_day: str | None, last_day: str | None, today: date | None = None) -> tuple[date, date]:
    """The asked range; open ends become the last 45 days up to today."""
    today = today or date.today()
    last = date.fromisoformat(last_day) if last_day else today
    return (date.fromisoformat(first_day) if first_day else last - LOOK_BACK), last


def find_due(
    settings: Settings, first_day: str | None = None, last_day: str | None = None
) -> list[dict[str, Any]]:
    """One item per source and entity that has files waiting.

    Args:
        settings: where sites and data are.
        first_day: ISO date; None: 45 days before ``last_day``.
        last_day: ISO date; None: today.

    Returns:
        Items with ``source_id``, ``entity``, ``first_day``, ``last_day`` and the number of ``deliveries``; small
        enough to pass between tasks, whatever the number of files.
    """
    first, last = bounds(first_day, last_day)
    sites = register(settings)
    return [
        {
            "source_id": site.source_id,
            "entity": entity.name,
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "deliveries": len(due),
        }
        for site, entity, due in waiting(settings, sites, first, last, landed_pulls(settings, sites))
    ]


def expected_days(settings: Settings, first_day: str, last_day: str) -> int:
    """How many days the waiting ticket files vouch for."""
    days: set[date] = set()
    first, last = bounds(first_day, last_day)
    for _site, entity, due in waiting(settings, load_sites(settings.sites), first, last):
        for file in due if entity.contract.event_date else []:
            if file.first_day and file.last_day:
                days |= {
                    file.first_day + timedelta(n) for n in range((file.last_day - file.first_day).days + 1)
                }
    return len(days)


def land(settings: Settings, item: dict[str, Any], run_id: str | None) -> dict[str, int]:
    """Land every waiting file of one source and entity, in order.

    Returns:
        Counts of files by outcome, and ``rows``.

    Raises:
        RefusedDeliveriesError: naming every refused file and why, after the others have landed.
    """
    site = next(site for site in load_sites(settings.sites) if site.source_id == item["source_id"])
    entity = site.entities[item["entity"]]
    refused: list[str] = []
    counts: Counter[str] = Counter()
    first, last = date.fromisoformat(item["first_day"]), date.fromisoformat(item["last_day"])
    names = landed_pulls(settings, [site]).get((site.source_id, entity.name), ())
    for due in sources.connector(site.connector).due(site, entity, settings, first, last, names):
        outcome = landing.land(settings, site, entity, due, run_id)
        counts[outcome.status] += 1
        counts["rows"] += outcome.rows_landed
        print(
            f"{outcome.status:<10} {due.name}  {outcome.rows_landed:,} rows  {outcome.reason or ''}",
            flush=True,
        )
        if outcome.status == "refused":
            refused.append(str(outcome.reason))
    if refused:
        raise RefusedDeliveriesError("\n".join(refused))
    return dict(counts)


def dirty_days(settings: Settings) -> int:
    """How many days no audited build has covered."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-ingest") as connection:
        query = (
            "select count(distinct partition_date) as days from ops.delivery where audited_build_id is null"
        )
        return int(warehouse.rows(connection, query)[0]["days"])


def totals(landed: Iterable[dict[str, int]]) -> dict[str, int]:
    """The sum of what the landing tasks counted."""
    total: Counter[str] = Counter()
    for counts in landed:
        total.update(counts)
    return dict(total)
