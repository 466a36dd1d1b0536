"""Erase a person: a pseudonym drawn at random takes the id's place wherever it stands, names and phones go.

Rows stay, and so does every total. A release is not altered (it is the record of what was paid, and its hash
covers it): the views of ``hr`` show the pseudonym in the id's place. The id itself is kept nowhere else; a keyed
hash of it remains for as long as a source may deliver the person again, so that they are made the same pseudonym.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from psycopg import sql

from yardstick import warehouse
from yardstick.contracts import Contract, load_contracts
from yardstick.errors import BadInputError
from yardstick.privacy.blanking import (
    AS_JUDGED,
    MARK,
    Change,
    Connection,
    change_raw,
    change_staged,
    changed_rows,
    empty_undeclared,
    keep_verdicts,
    lay_out,
    query,
    removal,
    take,
)
from yardstick.privacy.classes import leaves_mark, person_fields, whose
from yardstick.privacy.runs import kept_originals, must_be_hr, run
from yardstick.settings import Settings

_FEW = 20
_SCHEMAS = ("ops", "intermediate", "marts", "appraisal", "publish")


def erase(settings: Settings, person_id: str, reason: str, login: str) -> str:
    """Make a person a pseudonym everywhere but in what was released.

    Args:
        settings: the installation.
        person_id: who.
        reason: why, for the record; without personal data.
        login: the reader of role ``hr`` who has it done.

    Returns:
        The pseudonym; the same when the person was erased before and something of them has come since.

    Raises:
        BadInputError: for a login that is no reader of HR, somebody nothing is held about, or somebody whose
            id a site file maps or names.
    """
    if not reason.strip():
        raise BadInputError("an erasure needs a reason")
    contracts = load_contracts()
    with run(settings, "erasure", login, reason=reason) as under_way:
        connection = under_way.connection
        must_be_hr(connection, login)
        known = connection.execute("select ops.erased_as(%s)", [person_id]).fetchone()
        pseudonym = (known or (None,))[0] or enter(connection, under_way.run_id, person_id, reason)
        counts = pseudonymise(connection, contracts, {person_id: pseudonym})
        if not counts and known == (None,):
            raise BadInputError(f"nothing is held about a person {person_id!r}")
        connection.execute(
            "update ops.privacy_run set subject = %s where privacy_run_id = %s", [pseudonym, under_way.run_id]
        )
        under_way.note("erasure", counts)
        under_way.originals = set(_originals(settings, connection))
        under_way.note("erasure", {"store": len(under_way.originals)})
    return str(pseudonym)


def keep_erased(settings: Settings, build_id: int) -> int:
    """Make persons who were erased and are delivered again their pseudonyms, before anything reads the rows.

    Args:
        settings: the installation.
        build_id: the build whose deliveries are looked at.

    Returns:
        How many persons were found.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-privacy") as connection:
        if (
            connection.execute("select 1 from ops.erasure where fingerprint is not null limit 1").fetchone()
            is None
        ):
            return 0
        delivery_ids = [
            row[0]
            for row in connection.execute(
                "select delivery_id from ops.build_delivery where build_id = %s", [build_id]
            )
        ]
    contracts = load_contracts()
    with run(settings, "erasure", f"build {build_id}", reason="delivered again") as under_way:
        connection = under_way.connection
        found: dict[str, str] = {}
        for entity, fields in entities_with_persons(contracts).items():
            lay_out(connection, contracts[entity])
            named = sql.SQL(query("erased_in")).format(
                entity_table=sql.Identifier(entity),
                fields=sql.Literal(list(fields)),
                deliveries=sql.Literal(delivery_ids),
            )
            found |= dict(connection.execute(named).fetchall())
        if found:
            under_way.note("erasure", _pseudonymise_delivered(connection, contracts, found, delivery_ids))
            connection.execute(
                "update ops.erasure set last_seen_at = now() where pseudonym = any(%s)",
                [list(found.values())],
            )
            under_way.originals = set(_originals(settings, connection))
        under_way.is_dry = not found
    return len(found)


def enter(connection: Connection, run_id: int, person_id: str, reason: str) -> str:
    """Draw a pseudonym for somebody and note by what they are known again."""
    pseudonym = f"erased-{secrets.token_hex(8)}"
    connection.execute(
        "insert into ops.erasure (pseudonym, fingerprint, reason, privacy_run_id) "
        "values (%s, ops.keyed('erased person', %s), %s, %s)",
        [pseudonym, person_id, reason, run_id],
    )
    return pseudonym


def pseudonymise(
    connection: Connection, contracts: Mapping[str, Contract], pseudonyms: Mapping[str, str]
) -> dict[str, int]:
    """Put pseudonyms in the place of ids wherever they stand.

    Args:
        connection: in a transaction that stands in ``ops.privacy_run``.
        contracts: by entity.
        pseudonyms: by person id.

    Returns:
        How many rows were changed, by relation; relations without any are left out.

    Raises:
        BadInputError: when a site file turns ids into others by codes, or names a person for all rows.
    """
    list_persons(connection, pseudonyms)
    counts = Counter(_pseudonymise_told(connection, contracts))
    counts.update(_pseudonymise_delivered(connection, contracts, pseudonyms, None))
    personal = {
        (owner, name): MARK if leaves_mark(item) else None
        for contract in contracts.values()
        for name, item in contract.fields.items()
        if item.is_personal and (owner := whose(contract, name))
    }
    for relation, columns in person_columns(connection).items():
        for column in filter(is_person, columns):
            gone = {
                name: mark for (owner, name), mark in personal.items() if owner == column and name in columns
            }
            counts[relation] += connection.execute(
                sql.SQL("update {} as t set {} from pg_temp.erased as e where t.{} = e.person_id").format(
                    sql.Identifier(*relation.split(".")),
                    sql.SQL(", ").join(
                        [
                            sql.SQL("{} = e.pseudonym").format(sql.Identifier(column)),
                            *(
                                sql.SQL("{0} = null").format(sql.Identifier(name))
                                if mark is None
                                else sql.SQL("{0} = case when t.{0} is not null then {1} end").format(
                                    sql.Identifier(name), sql.Literal(mark)
                                )
                                for name, mark in gone.items()
                            ),
                        ]
                    ),
                    sql.Identifier(column),
                )
            ).rowcount
    return {relation: count for relation, count in counts.items() if count}


def _originals(settings: Settings, connection: Connection) -> list[str]:
    """Files of whose rows something was removed."""
    due = connection.execute(query("originals_due"), {"cut_off": date.min})
    return kept_originals(settings, [row[0] for row in due])


def tables_with(connection: Connection, schemas: Sequence[str], *columns: str) -> list[str]:
    """The tables of the schemas that have all of the columns, as ``schema.table``."""
    found = connection.execute(
        "select n.nspname || '.' || c.relname from pg_class as c "
        "inner join pg_namespace as n on n.oid = c.relnamespace where c.relkind = 'r' "
        "and n.nspname = any(%s) and (select count(*) from pg_attribute as a where a.attrelid = c.oid "
        "and a.attnum > 0 and not a.attisdropped and a.attname = any(%s)) = %s order by 1",
        [list(schemas), list(columns), len(columns)],
    )
    return [row[0] for row in found]


def is_person(column: str) -> bool:
    """Whether a column, by its name, holds a person's id."""
    return column == "person_id" or column.endswith("_person_id")


def person_columns(connection: Connection, schemas: Sequence[str] = _SCHEMAS) -> dict[str, list[str]]:
    """The columns of every table of the schemas that holds a person's id, as ``schema.table``."""
    found = connection.execute(
        "select n.nspname || '.' || c.relname, array_agg(a.attname::text order by a.attnum) from pg_class as c "
        "inner join pg_namespace as n on n.oid = c.relnamespace "
        "inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where c.relkind = 'r' and n.nspname = any(%s) group by 1 "
        "having bool_or(a.attname = 'person_id' or a.attname like '%%\\_person\\_id') order by 1",
        [list(schemas)],
    )
    return dict(found.fetchall())


def entities_with_persons(contracts: Mapping[str, Contract]) -> dict[str, tuple[str, ...]]:
    """The fields with a person's id, by entity."""
    return {entity: fields for entity, one in contracts.items() if (fields := person_fields(one))}


def list_persons(connection: Connection, pseudonyms: Mapping[str, str]) -> None:
    """Fill ``pg_temp.erased`` (person_id, pseudonym)."""
    connection.execute("drop table if exists pg_temp.erased")
    connection.execute("create temporary table erased (person_id text primary key, pseudonym text not null)")
    connection.cursor().executemany("insert into erased values (%s, %s)", list(pseudonyms.items()))
    connection.execute("analyze erased")


def _pseudonymise_told(connection: Connection, contracts: Mapping[str, Contract]) -> dict[str, int]:
    """What the ledger quotes: rejects, remarks, proposed restatements, and who was handed their data."""
    fields = sorted({name for names in entities_with_persons(contracts).values() for name in names})
    keyed = [entity for entity, one in contracts.items() if one.key[0] == "person_id"]
    counts = {
        "ops.reject": connection.execute(
            sql.SQL(query("reject_texts")).format(fields=sql.Literal(fields), keyed=sql.Literal(keyed))
        ).rowcount,
        "ops.restatement_proposal": connection.execute(query("proposal_texts")).rowcount,
        "ops.privacy_run": connection.execute(
            "update ops.privacy_run as r set subject = e.pseudonym from pg_temp.erased as e "
            "where r.kind = 'extract' and r.subject = e.person_id"
        ).rowcount,
    }
    if warehouse.exists(connection, "ops.flag"):
        counts["ops.flag"] = connection.execute(
            "update ops.flag as f set value = e.pseudonym, reason = replace(f.reason, e.person_id, e.pseudonym) "
            "from pg_temp.erased as e where f.field = any(%s) and f.value = e.person_id",
            [fields],
        ).rowcount
    return counts


def _pseudonymise_delivered(
    connection: Connection,
    contracts: Mapping[str, Contract],
    pseudonyms: Mapping[str, str],
    delivery_ids: Sequence[int] | None,
) -> dict[str, int]:
    """The same in ``raw`` and in staging; of all deliveries, or of some."""
    list_persons(connection, pseudonyms)
    counts: dict[str, int] = {}
    for entity, fields in entities_with_persons(contracts).items():
        contract = contracts[entity]
        lay_out(connection, contract)
        _must_be_told_plainly(connection, contract, fields)
        if not take(connection, rows_of_persons(entity, fields, pseudonyms, delivery_ids)):
            continue
        keep_verdicts(connection, contract, list(contracts))

        def named(field: str) -> sql.Composable:
            return sql.SQL("taken.{}").format(sql.Identifier(f"of_{field}"))

        def is_named(field: str) -> sql.Composable:
            return sql.SQL("taken.{} is not null").format(sql.Identifier(f"of_{field}"))

        changes = [Change(field, named(field), named(field), is_named(field)) for field in fields]
        changes += [
            removal(contract, name, is_named(owner))
            for name, item in contract.fields.items()
            if item.is_personal and (owner := whose(contract, name))
        ]
        change_raw(connection, contract, changes)
        connection.execute(
            sql.SQL(query("unread_rows")).format(
                entity_table=sql.Identifier(entity), judged=sql.Literal(AS_JUDGED)
            )
        )
        about = is_named("person_id") if "person_id" in fields else sql.SQL("false")
        empty_undeclared(
            connection,
            contract,
            sql.SQL("({} or coalesce(r.problem_rule, {judged}) <> {judged})").format(
                about, judged=sql.Literal(AS_JUDGED)
            ),
        )
        counts[f"raw.{entity}"] = changed_rows(connection)
        counts |= change_staged(connection, contract, changes)
        connection.execute(
            sql.SQL(query("note_blanked")).format(
                entity=sql.Literal(entity),
                fields=sql.Literal([*(change.field for change in changes), "*"]),
                deliveries=sql.SQL("pg_temp.taken"),
                is_whole=sql.Literal(False),
            )
        )
    return counts


def _must_be_told_plainly(connection: Connection, contract: Contract, fields: Sequence[str]) -> None:
    found = connection.execute(
        "select f.source_id, f.field from ops.source_field as f where f.entity = %s and f.field = any(%s) "
        "and ((f.is_coded and not f.is_open_code) or f.constant in (select e.person_id from pg_temp.erased as e)) "
        "limit 1",
        [contract.entity, list(fields)],
    ).fetchone()
    if found:
        raise BadInputError(
            f"the site file of {found[0]} turns {contract.entity}.{found[1]} into other ids by codes, or names the "
            "person itself: take that out of the site file, then erase"
        )


def rows_of_persons(
    entity: str, fields: Sequence[str], persons: Collection[str], delivery_ids: Sequence[int] | None
) -> sql.Composable:
    """The query of delivered rows that name any of the persons of ``pg_temp.erased``, with who stands for them.

    Args:
        entity: whose rows; ``pg_temp.layout`` is of it.
        fields: those with a person's id.
        persons: the ids.
        delivery_ids: only of these deliveries; None: of all.
    """
    joined = sql.SQL(" ").join(
        sql.SQL(
            "left join pg_temp.layout as {at} on {at}.arrival_id = d.arrival_id and {at}.field = {field} "
            "left join pg_temp.erased as {who} "
            "on {who}.person_id = ops.cell_value(cut.cells, {at}.places, {at}.separator)"
        ).format(
            at=sql.Identifier(f"at_{field}"), who=sql.Identifier(f"who_{field}"), field=sql.Literal(field)
        )
        for field in fields
    )
    is_any: sql.Composable = sql.SQL(" or ").join(
        [
            *(sql.SQL("{}.person_id is not null").format(sql.Identifier(f"who_{field}")) for field in fields),
            sql.SQL("cut.cells && array(select e.person_id from pg_temp.erased as e)"),
        ]
    )
    if len(persons) <= _FEW:  # a look at the text costs little beside taking it apart
        patterns = ["%" + re.sub(r"([\\%_])", r"\\\1", person) + "%" for person in persons]
        is_any = sql.SQL("r.cells like any({}) and ({})").format(sql.Literal(patterns), is_any)
    return sql.SQL(query("rows_of_persons")).format(
        entity_table=sql.Identifier(entity),
        named=sql.SQL(", ").join(
            sql.SQL("{}.pseudonym as {}").format(
                sql.Identifier(f"who_{field}"), sql.Identifier(f"of_{field}")
            )
            for field in fields
        ),
        joined=joined,
        is_any=is_any,
        deliveries=sql.Literal(list(delivery_ids) if delivery_ids is not None else None),
    )
