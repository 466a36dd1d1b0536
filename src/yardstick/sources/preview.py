"""Preview: what staging would make of a site's deliveries of one day; lands nothing.

What is due is landed and staged for real, by the very code and SQL of a build, in a database of its own that
is dropped afterwards. Ids that refer to other entities are looked up in copies of what the warehouse has
staged. So a preview cannot disagree with the build that follows it.
"""

from __future__ import annotations

import fcntl
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from yardstick import contracts as contracts_module
from yardstick import landing, sources, staging_models, transform, warehouse
from yardstick.contracts import Contract
from yardstick.errors import BadInputError
from yardstick.landing import Landed
from yardstick.settings import Settings, with_database
from yardstick.sources.register import register
from yardstick.sources.site import Entity, FieldMapping, Site

DATABASE = "yardstick_preview"
MASKED = "***"
_WHITE = " \t\r\n\u00a0\u3000"
_MOST_VALUES = 500

Say = Callable[[str], None]


class PreviewError(BadInputError):
    """A preview cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """One reason why rows are rejected or remarked on.

    Attributes:
        is_reject: the rows are rejected; else they are kept and flagged.
        field: the contract field; None for what concerns a row as a whole.
        column: the source's columns it is read from.
        rule: the rule's code.
        rows: how many rows.
        first_row: number of the first one.
        file_name: the delivery that holds it.
        reason: what is wrong with the first one.
    """

    is_reject: bool
    field: str | None
    column: str
    rule: str
    rows: int
    first_row: int
    file_name: str
    reason: str


@dataclass(frozen=True)
class Gap:
    """A source value and a code table that do not know each other.

    Attributes:
        field: the contract field.
        value: the source's value.
        rows: how many rows have it; 0: it stands in the code table and never came.
        becomes: what happens to it: ``rejected``, ``kept as it is`` or ``never delivered``.
    """

    field: str
    value: str
    rows: int
    becomes: str


@dataclass
class EntityPreview:
    """What became of one entity's deliveries.

    Attributes:
        entity: as the site file declares it.
        landed: every delivery that was due, with its outcome.
        counts: rows read, landed, staged, superseded, rejected, duplicate, flagged.
        rows: the first rows as staging typed them, by contract field; ``row`` is the row's number and
            ``problem`` what is wrong with it. Personal values are masked.
        problems: reasons, most rows first.
        gaps: values without a code, most rows first, and codes that never came.
        unmapped: delivered columns that no field is read from and the site file does not list.
        missing: optional columns that were not delivered, with the field.
        unchecked: rows by entity referred to that could not be looked up, since nobody has delivered it.
    """

    entity: Entity
    landed: list[Landed] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, int] = field(default_factory=dict)


def preview(
    settings: Settings,
    site: Site,
    day: date,
    *,
    names: Sequence[str] = (),
    rows: int = 10,
    say: Say = lambda _: None,
) -> list[EntityPreview]:
    """Pull what is due for a day, and stage it in a database that is dropped afterwards.

    Args:
        settings: an installation with a warehouse that is up; it is read and not written.
        site: the site; need not be registered.
        day: the business day.
        names: entities to look at; default all. Entities of the site that they refer to are pulled, too.
        rows: how many rows of each entity to bring.
        say: told what is being done.

    Returns:
        One preview per entity looked at, in the site's order.

    Raises:
        PreviewError: when nothing is due, or the server lets nobody make a database.
        UnreachableError: when a source does not answer.
        CredentialsError: when a source refuses the login.
        TransformError: when staging itself fails.
    """
    wanted = list(names) or list(site.entities)
    pulled = _with_referred(site, wanted)
    with _scratch(settings) as scratch:
        found = _land(scratch, site, day, pulled, say)
        if not any(found[name].landed for name in wanted):
            raise PreviewError(_nothing_due(settings, site, day, wanted))
        contracts = contracts_module.load_contracts()
        built = [name for name in pulled if any(each.delivery_ids for each in found[name].landed)]
        known = _seed(settings, scratch, contracts, site, built)
        if built:
            say("staging in a database of its own, a few seconds …")
            build = transform.plan_build(scratch, "preview")
            if build is not None:
                transform.stage(scratch, build.build_id)
        with warehouse.connect(scratch.require_database_url(), name="yardstick-preview") as connection:
            for name in wanted:
                if name in built:
                    _Look(connection, site, found[name], day, known, rows).fill()
    return [found[name] for name in wanted]


def _with_referred(site: Site, names: Iterable[str]) -> list[str]:
    """The entities and those of the site that they refer to, in the site's order."""
    found = set(names)
    while True:
        more = {
            target
            for name in found
            for target in _targets(site.entities[name].contract)
            if target in site.entities
        }
        if more <= found:
            return [name for name in site.entities if name in found]
        found |= more


def _targets(contract: Contract) -> set[str]:
    """Entities that a contract's fields refer to."""
    return {
        target.split(".")[0]
        for item in contract.fields.values()
        for target in (item.references, item.refers_to)
        if target
    }


def _nothing_due(settings: Settings, site: Site, day: date, names: Sequence[str]) -> str:
    told = []
    for name in names:
        entity = site.entities[name]
        if entity.options.is_incremental:
            told.append(f"{name}: a day is pulled once it is over, from {site.valid_from} on")
            continue
        there = sources.connector(site.connector).due(site, entity, settings)
        days = sorted(each for due in there for each in (due.first_day, due.last_day) if each)
        what = f"there is something for {days[0]} … {days[-1]}" if days else "no file has such a name"
        told.append(f"{name}: {what}")
    return f"{site.source_id}: nothing is due for {day}. " + "; ".join(told) + "."


# --- the database of its own ------------------------------------------------------------------------


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """An empty installation on the same server: our schemas, nothing in them. Everything goes at the end.

    Its folder keeps what dbt has parsed, so that the next preview starts sooner. Only one preview at a
    time; what a killed one left behind goes first.
    """
    home = settings.home / "preview"
    home.mkdir(parents=True, exist_ok=True)
    url = settings.require_database_url()
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with warehouse.connect(url, name="yardstick-preview", autocommit=True) as connection:
            try:
                _drop(connection)
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
            except psycopg.errors.InsufficientPrivilege:
                raise PreviewError(
                    "the warehouse's login may not create a database, which a preview needs. Give it CREATEDB, "
                    "or preview without DATABASE_URL, on a PostgreSQL of your own."
                ) from None
        try:
            scratch = replace(settings, home=home, database_url=with_database(url, DATABASE))
            warehouse.migrate(scratch.require_database_url())
            yield scratch
        finally:
            with warehouse.connect(url, name="yardstick-preview", autocommit=True) as connection:
                _drop(connection)
            for left in home.iterdir():
                if left.is_dir() and left.name != "dbt":
                    shutil.rmtree(left, ignore_errors=True)


def _drop(connection: psycopg.Connection[Any]) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(DATABASE)))


def _land(
    scratch: Settings, site: Site, day: date, names: Sequence[str], say: Say
) -> dict[str, EntityPreview]:
    connector = sources.connector(site.connector)
    found = {name: EntityPreview(site.entities[name]) for name in names}
    with warehouse.connect(scratch.require_database_url(), name="yardstick-preview") as connection:
        register(connection, site)
        connection.commit()
        for name in names:
            entity = site.entities[name]
            try:
                waiting = connector.due(site, entity, scratch, day, day)
            except FileNotFoundError as error:
                raise PreviewError(str(error)) from None
            for due in waiting:
                say(f"{name}: {due.name} …")
                found[name].landed.append(landing.land(scratch, site, entity, due, connection=connection))
    return found


def _seed(
    settings: Settings,
    scratch: Settings,
    contracts: Mapping[str, Contract],
    site: Site,
    built: Sequence[str],
) -> set[str]:
    """Make the staged relations that are not built: what the warehouse knows of what is referred to.

    Returns:
        Entities that can be looked up: staged in the warehouse, or previewed.
    """
    referred = {target for name in built for target in _targets(contracts[name])}
    known = set(built)
    with (
        warehouse.connect(settings.require_database_url(), name="yardstick-preview") as real,
        warehouse.connect(scratch.require_database_url(), name="yardstick-preview") as copy,
    ):
        copy.execute("create schema if not exists staging")
        for name, contract in contracts.items():
            current = staging_models.current_model(contract)
            is_seeded = False
            if name in referred:
                is_seeded = _copy_staged(real, copy, contract, current, whole=name in built)
                known |= {name} if is_seeded else set()
            if name in built:
                continue
            for relation in staging_models.staged_models(contract):
                if relation == current and is_seeded:
                    continue
                columns = _key_columns(contract) if relation == current else []
                copy.execute(_create(relation, columns))
        copy.commit()
    return known


def _key_columns(contract: Contract) -> list[tuple[str, str]]:
    types = {"integer": "integer", "numeric": "numeric", "date": "date", "timestamp": "timestamptz"}
    return [("source_id", "text")] + [
        (name, types.get(contract.fields[name].type, "text")) for name in contract.key
    ]


def _create(relation: str, columns: Sequence[tuple[str, str]]) -> sql.Composed:
    listed = sql.SQL(", ").join(
        sql.SQL("{} " + kind).format(sql.Identifier(name))  # a type's name, not input
        for name, kind in columns
    )
    return sql.SQL("create table staging.{} ({})").format(sql.Identifier(relation), listed)


def _copy_staged(
    real: psycopg.Connection[Any],
    copy: psycopg.Connection[Any],
    contract: Contract,
    relation: str,
    *,
    whole: bool,
) -> bool:
    """Copy what the warehouse has staged of an entity; the keys only, unless the rows are built upon.

    Returns:
        Whether there was anything to copy.
    """
    there = real.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [f"staging.{relation}"],
    ).fetchall()
    expected = {*contract.fields, "delivery_id", "row_number", "source_id", "partition_date", "content_md5"}
    if {name for name, _ in there} != expected:  # never built, or by another version
        return False
    query = sql.SQL("select exists (select from staging.{})").format(sql.Identifier(relation))
    if real.execute(query).fetchone() != (True,):
        return False
    keys = {name for name, _ in _key_columns(contract)}
    columns = there if whole else [each for each in there if each[0] in keys]
    copy.execute(_create(relation, columns))
    listed = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    # Below zero: no delivery of the preview may be taken for one of the warehouse.
    taken = sql.SQL(", ").join(
        sql.SQL("-delivery_id") if name == "delivery_id" else sql.Identifier(name) for name, _ in columns
    )
    table = sql.Identifier(relation)
    with (
        real.cursor().copy(
            sql.SQL("copy (select {} from staging.{}) to stdout").format(taken, table)
        ) as source,
        copy.cursor().copy(sql.SQL("copy staging.{} ({}) from stdin").format(table, listed)) as target,
    ):
        for piece in source:
            target.write(piece)
    return True


# --- what came of it --------------------------------------------------------------------------------


@dataclass
class _Look:
    """Reads what staging made of one entity."""

    connection: psycopg.Connection[Any]
    site: Site
    found: EntityPreview
    day: date
    known: set[str]
    limit: int

    def __post_init__(self) -> None:
        self.entity = self.found.entity
        self.contract = self.entity.contract
        self.relation = sql.Identifier("staging", staging_models.rows_model(self.contract))
        self.ids = [number for each in self.found.landed for number in each.delivery_ids]
        # Rules about ids that nobody could look up say nothing about the row.
        self.blind = sorted(f"unknown_{name}" for name in _targets(self.contract) - self.known)

    def fill(self) -> None:
        """Fill in everything."""
        self._unchecked()
        self._problems()
        self._counts()
        self._rows()
        self._columns()
        self._gaps()

    def _all(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        composed = sql.SQL(query).format(rows=self.relation, raw=sql.Identifier("raw", self.entity.name))
        given = {"ids": self.ids, "blind": self.blind, **parameters}
        return self.connection.execute(composed, given).fetchall()

    def _unchecked(self) -> None:
        count: Counter[str] = Counter()
        for rule, number in self._all(
            "select problem ->> 'rule', count(*) from {rows} cross join jsonb_array_elements(problems) as problem "
            "where problem ->> 'rule' = any(%(blind)s) group by 1 "
            "union all select rule, count(*) from ops.flag where entity = %(entity)s and rule = any(%(blind)s) "
            "group by 1",
            entity=self.entity.name,
        ):
            count[rule.removeprefix("unknown_")] += number
        self.found.unchecked = dict(sorted(count.items()))

    def _problems(self) -> None:
        labels = {name: ", ".join(mapping.labels) for name, mapping in self.entity.fields.items()}
        found = self._all(
            """
            with told as (
                select true as is_reject, delivery_id, row_number, problem ->> 'field' as field,
                    problem ->> 'rule' as rule, problem ->> 'reason' as reason
                from {rows} cross join jsonb_array_elements(problems) as problem
                union all
                select false, delivery_id, row_number, field, rule, reason
                from ops.flag where entity = %(entity)s
            )

            select
                t.is_reject, t.field, t.rule, count(distinct (t.delivery_id, t.row_number)),
                (array_agg(t.row_number order by t.delivery_id, t.row_number))[1],
                (array_agg(d.file_name order by t.delivery_id, t.row_number))[1],
                (array_agg(t.reason order by t.delivery_id, t.row_number))[1]
            from told as t
            inner join ops.delivery as d on d.delivery_id = t.delivery_id
            where t.rule <> all(%(blind)s)
            group by t.is_reject, t.field, t.rule
            order by t.is_reject desc, 4 desc, t.field, t.rule
            """,
            entity=self.entity.name,
        )
        self.found.problems = [
            Problem(is_reject, name, labels.get(name, ""), rule, rows, first, file_name, reason)
            for is_reject, name, rule, rows, first, file_name, reason in found
        ]

    def _counts(self) -> None:
        ((landed, staged, superseded, rejected, duplicate, flagged),) = self._all(
            "select coalesce(sum(rows_landed), 0)::bigint, coalesce(sum(rows_staged), 0)::bigint, "
            "coalesce(sum(rows_superseded), 0)::bigint, coalesce(sum(rows_rejected), 0)::bigint, "
            "coalesce(sum(rows_duplicate), 0)::bigint, coalesce(sum(rows_flagged), 0)::bigint "
            "from ops.delivery where delivery_id = any(%(ids)s)"
        )
        # Rows rejected for nothing but ids that could not be looked up are not held against anybody.
        ((spared,),) = self._all(
            "select count(*) from {rows} where problems <> '[]' and not exists ("
            "select from jsonb_array_elements(problems) as problem where problem ->> 'rule' <> all(%(blind)s))"
        )
        self.found.counts = {
            "read": sum(each.rows_read for each in self.found.landed),
            "landed": landed,
            "staged": staged,
            "superseded": superseded,
            "duplicate": duplicate,
            "rejected": rejected - spared,
            "flagged": flagged,
        }
        if spared:
            self.found.counts["not checked"] = spared

    def _rows(self) -> None:
        names = [name for name in self.contract.fields if name in self.entity.fields]
        columns = sql.SQL(", ").join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in names)
        # A good row of the day first, then the rest in order of the delivery.
        query = sql.SQL(
            "select r.row_number, r.problems, {columns} from {rows} as r "
            "order by (r.partition_date = %(day)s) desc, r.delivery_id, r.row_number limit %(limit)s"
        ).format(columns=columns, rows=self.relation)
        for number, problems, *values in self.connection.execute(
            query, {"day": self.day, "limit": self.limit}
        ):
            told = [each for each in problems if each["rule"] not in self.blind]
            row: dict[str, Any] = {"row": number}
            for name, value in zip(names, values, strict=True):
                row[name] = self._shown(name, value)
            row["problem"] = "; ".join(str(each["reason"]) for each in told)
            self.found.rows.append(row)

    def _shown(self, name: str, value: Any) -> Any:
        item = self.contract.fields[name]
        if value is None:
            return None
        if item.is_personal:
            return MASKED
        if item.type == "timestamp":
            return value.astimezone(self.site.zone).isoformat(sep=" ")
        return value

    def _columns(self) -> None:
        delivered: dict[str, None] = {}
        headers = self._all(
            "select a.header from ops.arrival as a where a.arrival_id in "
            "(select d.arrival_id from ops.delivery as d where d.delivery_id = any(%(ids)s)) order by a.arrival_id"
        )
        for (header,) in headers:
            delivered.update(dict.fromkeys(header or ()))
        fields = self.entity.fields
        mapped = {column for mapping in fields.values() for column in mapping.columns}
        listed = {*mapped, *self.entity.other_columns, ""}
        self.found.unmapped = [column for column in delivered if column not in listed]
        self.found.missing = {
            label: name
            for name, mapping in fields.items()
            for column, label in zip(mapping.columns, mapping.labels, strict=True)
            if column not in delivered
        }

    def _gaps(self) -> None:
        rejected = self._all(
            "select problem ->> 'field', problem ->> 'value', count(*) from {rows} "
            "cross join jsonb_array_elements(problems) as problem where problem ->> 'rule' = 'unknown_code' "
            "group by 1, 2 order by 3 desc, 1, 2 limit %(most)s",
            most=_MOST_VALUES,
        )
        gaps = [Gap(name, value or "", rows, "rejected") for name, value, rows in rejected]
        unseen = []
        for name, mapping in self.entity.fields.items():
            if not mapping.codes or self.contract.fields[name].is_personal:
                continue
            values = self._values(mapping)
            if mapping.is_open_code:
                absent = {*mapping.null_values, *mapping.codes, ""}
                gaps += [
                    Gap(name, value, rows, "kept as it is")
                    for value, rows in values.most_common(_MOST_VALUES)
                    if value not in absent
                ]
            unseen += [Gap(name, value, 0, "never delivered") for value in mapping.codes if not values[value]]
        self.found.gaps = gaps + unseen

    def _values(self, mapping: FieldMapping) -> Counter[str]:
        """The values of a coded field as they came, and how often, read as staging reads them."""
        count: Counter[str] = Counter()
        headers = self._all(
            "select a.header, array_agg(d.delivery_id) from ops.delivery as d "
            "inner join ops.arrival as a on a.arrival_id = d.arrival_id "
            "where d.delivery_id = any(%(ids)s) group by a.header"
        )
        by_places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for header, ids in headers:
            places = tuple(header.index(column) + 1 for column in mapping.columns if column in header)
            by_places[places] += ids
        for places, ids in by_places.items():
            if not places:
                continue
            cells = sql.SQL(", ").join(
                sql.SQL("nullif(btrim(c.cells[{}], {}), '')").format(sql.Literal(place), sql.Literal(_WHITE))
                for place in places
            )
            query = sql.SQL(
                "select concat_ws({separator}, {cells}), count(*) from (select string_to_array(cells, chr(31)) "
                "as cells from {raw} where delivery_id = any(%s) and problem_rule is null) as c group by 1"
            ).format(
                separator=sql.Literal(mapping.separator),
                cells=cells,
                raw=sql.Identifier("raw", self.entity.name),
            )
            count.update(dict(self.connection.execute(query, [ids]).fetchall()))
        return count
