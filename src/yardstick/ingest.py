"""What the DAG `ingest` does: find what waits at every source, land it, be red where something was refused.

A *lane* is what one mapped task takes on: entities of one system, and of further ones where there are many.
The entities of a system are dealt into at most ``at_once`` lanes, so no more than that many pulls of it run
side by side; docs/decisions/0017 says why it is done so.
"""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from yardstick import deadlines, landing, sources, standards, warehouse
from yardstick.contracts import Contract, load_contracts
from yardstick.errors import BadInputError, CredentialsError, UnreachableError
from yardstick.settings import Settings
from yardstick.sources.delivery import Due
from yardstick.sources.register import register as register_site
from yardstick.sources.register import withdraw
from yardstick.sources.site import Entity, Site
from yardstick.sources.site_file import SiteError, load_sites, read_sites

APPLICATION = "yardstick-ingest"
LOOK_BACK = timedelta(days=45)
LANES = 40
"""Most mapped tasks of a run: one costs Airflow one to three seconds of CPU, whatever it lands."""
_STRIKES = 2
_SHOWN = 50
_NEVER: tuple[str, dict[str, int], str] = ("", {}, "")
_IDLE = -1


class RefusedDeliveriesError(BadInputError):
    """Files were refused whole; everything else that waited has landed."""


class FailedSourcesError(RuntimeError):
    """Sources could not be looked through for a reason nobody foresaw; everything else has landed."""


def register(settings: Settings) -> tuple[list[Site], list[str]]:
    """Read the site files and the standards releases and write them to the ledger; safe to repeat.

    Returns:
        The sites that are in order, and every problem of those that are not.

    Raises:
        SiteError: when no site is in order.
        StandardsError: for a mistake in a standards release.
    """
    sites, problems = read_sites(settings.sites)
    if not sites:
        raise SiteError(problems)
    with warehouse.connect(settings.require_database_url(), name="yardstick-register") as connection:
        standards.load(connection, standards.read(settings.standards))
        connection.commit()
        for site in sites:
            register_site(connection, site)
            connection.commit()
        if not problems:
            withdraw(connection, [site.source_id for site in sites])
    return sites, problems


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


def landed_pulls(
    connection: psycopg.Connection[Any], sites: Iterable[Site], run_id: str | None = None
) -> dict[tuple[str, str], set[str]]:
    """Names of the incremental pulls that have landed, by source and entity.

    Args:
        connection: to the warehouse.
        sites: which sites.
        run_id: with the names of whatever else this run has landed already.
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    pulled = {
        (site.source_id, entity.name)
        for site in sites
        for entity in site.entities.values()
        if entity.options.is_incremental
    }
    for source_id, entity, name in connection.execute(
        "select distinct source_id, entity, file_name from ops.arrival where status <> 'refused' "
        "and ((source_id, entity) in (select * from unnest(%s::text [], %s::text [])) "
        "or run_id = %s and source_id = any(%s))",
        [
            [source_id for source_id, _ in pulled],
            [entity for _, entity in pulled],
            run_id,
            [site.source_id for site in sites],
        ],
    ):
        found[source_id, entity].add(name)
    return found


def bounds(first_day: str | None, last_day: str | None, today: date | None = None) -> tuple[date, date]:
    """The asked range; open ends become the last 45 days up to today."""
    today = today or date.today()
    last = date.fromisoformat(last_day) if last_day else today
    return (date.fromisoformat(first_day) if first_day else last - LOOK_BACK), last


def find_due(
    settings: Settings,
    first_day: str | None = None,
    last_day: str | None = None,
    *,
    source_ids: Sequence[str] | None = None,
    run_id: str | None = None,
    lanes: int = LANES,
) -> list[dict[str, Any]]:
    """Register the sites and deal what has something waiting into lanes.

    What lies behind a connection is not asked here: it always gets its turn in a lane, where a source that
    does not answer is tried again by itself. A wrong site file, too, gets a lane, to be red there.

    Args:
        settings: where sites and data are.
        first_day: ISO date; None: 45 days before ``last_day``.
        last_day: ISO date; None: today.
        source_ids: look at these sources only; None: at all.
        run_id: the run, for the ledger.
        lanes: most lanes.

    Returns:
        Lanes with ``label``, ``first_day``, ``last_day`` and ``items`` (``site_file``, ``source_id``,
        ``entity``; or ``problem``); small enough to pass between tasks, whatever the number of files.
    """
    first, last = bounds(first_day, last_day)
    sites, problems = register(settings)
    if source_ids:
        sites = [site for site in sites if site.source_id in source_ids]
    items: list[dict[str, Any]] = []
    idle: list[tuple[str, str]] = []
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        known = landed_pulls(connection, sites)
        for site in sites:
            for entity in site.entities.values():
                names = known.get((site.source_id, entity.name), ())
                if count := _count_due(settings, site, entity, first, last, names):
                    items.append(
                        {
                            "site_file": str(site.path),
                            "source_id": site.source_id,
                            "entity": entity.name,
                            "system": site.system,
                            "at_once": site.at_once,
                            "deliveries": count,
                        }
                    )
                else:
                    idle.append((site.source_id, entity.name))
        if run_id:
            _note_idle(connection, run_id, idle)
    items += [_problem(text) for text in problems]
    days = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    return [
        {"label": label(lane), **days, "items": [_short(item) for item in lane]}
        for lane in deal(items, lanes)
    ]


def _count_due(
    settings: Settings, site: Site, entity: Entity, first: date, last: date, names: Container[str]
) -> int:
    """How many deliveries wait; 1 where only a lane can tell."""
    if site.connector == "files" and site.connection:
        return 1
    try:
        return len(sources.connector(site.connector).due(site, entity, settings, first, last, names))
    except (OSError, ValueError, BadInputError, UnreachableError):
        return 1  # the lane meets the same error and tells it


def _problem(text: str) -> dict[str, Any]:
    return {"problem": text, "source_id": text.partition(":")[0], "system": "", "at_once": 1, "deliveries": 1}


def _short(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in ("site_file", "source_id", "entity", "problem") if key in item}


def deal(items: Iterable[dict[str, Any]], most: int = LANES) -> list[list[dict[str, Any]]]:
    """Deal items into lanes: those of a system into at most ``at_once``, all into at most ``most``.

    Args:
        items: with ``system``, ``at_once`` and ``deliveries``; their order is kept within a lane.
        most: most lanes; where there are more, lanes of several systems become one, the busiest spread out.
    """
    systems: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        systems[item["system"]].append(item)
    lanes: list[list[dict[str, Any]]] = []
    for members in systems.values():
        count = min(len(members), min(item["at_once"] for item in members))
        lanes += [members[start::count] for start in range(count)]
    if len(lanes) <= most:
        return lanes
    merged: list[list[dict[str, Any]]] = [[] for _ in range(most)]
    load = [0] * most
    for lane in sorted(lanes, key=_weight, reverse=True):
        lightest = load.index(min(load))
        merged[lightest] += lane
        load[lightest] += _weight(lane)
    return merged


def _weight(lane: list[dict[str, Any]]) -> int:
    return sum(1 + item["deliveries"] for item in lane)


def label(lane: Sequence[dict[str, Any]]) -> str:
    """What Airflow shows of a lane: ``helpdesk · project, ticket``, or ``s001 … s020 (20 sources)``."""
    names = list(dict.fromkeys(item["source_id"] for item in lane))
    if len(names) == 1:
        entities = [item["entity"] for item in lane if "entity" in item]
        return f"{names[0]} · {', '.join(entities)}" if entities else Path(names[0]).name
    return f"{names[0]} … {names[-1]} ({len(names)} sources)"


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


def land(settings: Settings, lane: dict[str, Any], run_id: str | None, round_: int = 0) -> dict[str, int]:
    """Land everything that waits at the entities of a lane, one after the other.

    Trouble with one entity stops no other. What is settled in this round of tries (landed, refused, login
    refused) is not looked at again when the task is tried again because another source did not answer.

    Args:
        settings: the installation.
        lane: from ``find_due``.
        run_id: the run, for the ledger.
        round_: the same for all tries that Airflow makes by itself.

    Returns:
        Counts of deliveries by outcome, and ``rows``.

    Raises:
        UnreachableError: when a source did not answer, naming also whatever else went wrong.
        FailedSourcesError: for errors nobody foresaw.
        CredentialsError: when a source refused the login.
        RefusedDeliveriesError: naming every refused file and why. Whatever the error, all else has landed.
        psycopg.Error: for trouble with the warehouse, at once.
    """
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        return _Lane(settings, connection, lane, run_id, round_).run()


class _Lane:
    """One mapped task's work."""

    def __init__(
        self,
        settings: Settings,
        connection: psycopg.Connection[Any],
        lane: dict[str, Any],
        run_id: str | None,
        round_: int,
    ) -> None:
        self.settings = settings
        self.connection = connection
        self.items: list[dict[str, Any]] = lane["items"]
        self.first = date.fromisoformat(lane["first_day"])
        self.last = date.fromisoformat(lane["last_day"])
        self.run_id = run_id
        self.round = round_
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, list[str]] = defaultdict(list)
        self.strikes: Counter[str] = Counter()
        self.tried = self._tried()
        self.site: Site | None = None

    def run(self) -> dict[str, int]:
        for item in self.items:
            outcome, counts, message = self.tried.get((item["source_id"], item.get("entity", "")), _NEVER)
            if "problem" in item:
                self.problems["refused"].append(item["problem"])
            elif outcome not in ("done", "refused", "credentials"):
                self._look(item)
            else:
                self.counts.update(counts)
                if message:
                    self.problems[outcome].append(message)
        self._raise()
        return dict(self.counts)

    def _tried(self) -> dict[tuple[str, str], tuple[str, dict[str, int], str]]:
        """Outcome, counts and message of what this round of tries has looked at."""
        rows = self.connection.execute(
            "select source_id, entity, outcome, counts, coalesce(message, '') from ops.look "
            "where run_id = %s and round = %s and source_id = any(%s)",
            [self.run_id, self.round, [item["source_id"] for item in self.items]],
        ).fetchall()
        self.connection.rollback()
        return {(row[0], row[1]): row[2:5] for row in rows}

    def _look(self, item: dict[str, Any]) -> None:
        """Land what waits at one entity, and write down how it went."""
        source_id, name = item["source_id"], item["entity"]
        counts: Counter[str] = Counter()
        refused: list[str] = []
        outcome, message = "done", ""
        try:
            if self.strikes[source_id] >= _STRIKES:
                raise UnreachableError("not asked, since the source did not answer before")
            self._land(item, counts, refused)
            if refused:
                outcome, message = "refused", "\n".join(refused)
        except psycopg.Error:
            raise
        except (UnreachableError, ConnectionError, TimeoutError) as error:
            outcome, message = "unreachable", str(error)
        except CredentialsError as error:
            outcome, message = "credentials", str(error)
        except (BadInputError, FileNotFoundError) as error:
            outcome, message = "refused", str(error)
        except OSError:
            raise  # the disk is full, or the like: nothing else would fare better
        except Exception as error:
            traceback.print_exc()
            outcome, message = "failed", f"{type(error).__name__}: {error}"
        self.connection.rollback()
        if outcome in ("unreachable", "credentials"):
            self.strikes[source_id] += 1
        if outcome != "done":
            if not refused:
                print(f"{outcome:<10} {source_id} {name}: {message}", flush=True)
            self.problems[outcome].append(f"{source_id} {name}: {message}")
        self.counts.update(counts)
        if self.run_id:
            self._note(item, outcome, counts, self.problems[outcome][-1] if outcome != "done" else None)

    def _land(self, item: dict[str, Any], counts: Counter[str], refused: list[str]) -> None:
        path = Path(item["site_file"])
        if self.site is None or self.site.path != path:
            (self.site,) = load_sites(path, _contracts())
        site, entity = self.site, self.site.entities[item["entity"]]
        key = (site.source_id, entity.name)
        run_id = self.run_id if key in self.tried else None
        known = landed_pulls(self.connection, [site], run_id).get(key, set())
        self.connection.rollback()
        connector = sources.connector(site.connector)
        for due in connector.due(site, entity, self.settings, self.first, self.last, known):
            if due.name in known:
                continue  # an earlier try has landed it
            landed = landing.land(self.settings, site, entity, due, self.run_id, connection=self.connection)
            counts[landed.status] += 1
            counts["rows"] += landed.rows_landed
            print(
                f"{landed.status:<10} {site.source_id} {entity.name} {due.name}  {landed.rows_landed:,} rows"
                f"  {landed.reason or ''}",
                flush=True,
            )
            if landed.status == "refused":
                refused.append(str(landed.reason))

    def _note(self, item: dict[str, Any], outcome: str, counts: Counter[str], message: str | None) -> None:
        self.connection.execute(
            "insert into ops.look (run_id, source_id, entity, outcome, counts, message, round) "
            "values (%s, %s, %s, %s, %s, %s, %s) "
            "on conflict (run_id, source_id, entity) do update set outcome = excluded.outcome, "
            "counts = excluded.counts, message = excluded.message, round = excluded.round, looked_at = now()",
            [
                self.run_id, item["source_id"], item["entity"], outcome, Jsonb(dict(counts)), message,
                self.round,
            ],
        )  # fmt: skip
        self.connection.commit()

    def _raise(self) -> None:
        """Fail by the cause that another try may mend first; name all."""
        texts = [text for found in self.problems.values() for text in found]
        if not texts:
            return
        shown = "\n".join(texts[:_SHOWN])
        if len(texts) > _SHOWN:
            shown += f"\n… and {len(texts) - _SHOWN} more; see ops.look of this run"
        for outcome, error in (
            ("unreachable", UnreachableError),
            ("failed", FailedSourcesError),
            ("credentials", CredentialsError),
            ("refused", RefusedDeliveriesError),
        ):
            if self.problems.get(outcome):
                raise error(shown)


@cache
def _contracts() -> dict[str, Contract]:
    """Read once, not for every site file of a lane."""
    return load_contracts()


def _note_idle(connection: psycopg.Connection[Any], run_id: str, idle: Sequence[tuple[str, str]]) -> None:
    """Write down that these were looked at and had nothing."""
    connection.execute(
        "insert into ops.look (run_id, source_id, entity, outcome, round) "
        "select %s, i.source_id, i.entity, 'done', %s "
        "from unnest(%s::text [], %s::text []) as i (source_id, entity) "
        "on conflict (run_id, source_id, entity) do update set looked_at = now()",
        [run_id, _IDLE, [source_id for source_id, _ in idle], [entity for _, entity in idle]],
    )


def dirty_days(settings: Settings) -> int:
    """How many days no audited build has covered."""
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        query = (
            "select count(distinct partition_date) as days from ops.delivery where audited_build_id is null"
        )
        return int(warehouse.rows(connection, query)[0]["days"])


def find_overdue(settings: Settings) -> dict[str, Any] | None:
    """Sources that nobody has looked at since a deadline of theirs passed.

    Returns:
        ``sources``, and the latest ``deadline`` as an ISO moment; None when there are none.
    """
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        found = deadlines.overdue(connection)
    return {"sources": found[0], "deadline": f"{found[1]:%Y-%m-%dT%H:%MZ}"} if found else None


def apply_deadlines(settings: Settings, run_id: str, last_day: str | None = None) -> list[str]:
    """Apply the rule to every deadline that has passed without its delivery, and alert once about each.

    Args:
        settings: the installation.
        run_id: the run, for the ledger.
        last_day: ISO date: nothing is said about later days.

    Returns:
        Lines that make the run red: required deliveries that are waited for, or were given up in this run.
    """
    from yardstick import reports  # brings the charts' libraries, which landing does without

    until = date.fromisoformat(last_day) if last_day else date.max
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        late = [one for one in deadlines.apply(connection, run_id, last_day=until) if one.period_end <= until]
        connection.commit()
        untold = [one for one in late if not one.is_alerted]
        print("\n".join(deadlines.describe(late)) or "nothing is late", flush=True)
        if untold and reports.alert_late(settings, untold) is not False:
            deadlines.mark_alerted(connection, untold)
    return deadlines.describe([one for one in late if one.is_red])


def conclude(landed: Iterable[dict[str, int]] | None, late: Sequence[str]) -> dict[str, int]:
    """The sum of what the lanes counted.

    Raises:
        LateDeliveriesError: when required deliveries are late.
    """
    if late:
        raise deadlines.LateDeliveriesError("\n".join(late[:_SHOWN]))
    total: Counter[str] = Counter()
    for counts in landed or ():
        total.update(counts)
    return dict(total)
