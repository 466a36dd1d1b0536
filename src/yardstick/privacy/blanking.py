"""Take values out of delivered rows where they lie: in ``raw`` and in what was staged of them.

Nothing that is counted moves. A removed text leaves a mark where the value stood, so that whether there was
one can still be told; a row that is rejected keeps its verdict, whatever its cells say now; and the hash of a
staged row is that of what is left, which is what staging would make of the row if it were built anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from yardstick.contracts import Contract
from yardstick.privacy.classes import leaves_mark
from yardstick.staging_models import staged_models

MARK = "[removed]"
"""What stands where a text was."""
AS_JUDGED = "as_judged"
"""Rule of a raw row whose problems were settled before its cells were emptied (macro ``delivered_rows``)."""

Connection = psycopg.Connection[Any]
_ALWAYS = sql.SQL("true")
_QUERIES = Path(__file__).parent / "queries"


@dataclass(frozen=True)
class Change:
    """What becomes of one field of the rows in ``pg_temp.taken``.

    Attributes:
        field: the field.
        raw: SQL text of what its cells are to say, over ``taken`` and ``layout``.
        staged: SQL of what it is to be when staged, over ``staged`` and ``taken``, of the field's type.
        condition: SQL over ``taken``: the rows it concerns.
    """

    field: str
    raw: sql.Composable
    staged: sql.Composable
    condition: sql.Composable = dataclasses.field(default_factory=lambda: _ALWAYS)


def query(name: str) -> LiteralString:
    """One of the statements beside this module."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def removal(contract: Contract, name: str, condition: sql.Composable = _ALWAYS) -> Change:
    """The change that takes a value away; of a text without codes a mark is left."""
    item = contract.fields[name]
    if not leaves_mark(item):
        kind = {"timestamp": "timestamptz", "integer": "int4", "boolean": "bool"}.get(item.type, item.type)
        return Change(name, sql.SQL("''"), sql.SQL("null::{}").format(sql.Identifier(kind)), condition)
    is_coded = sql.SQL(
        "exists (select from ops.source_field as f where f.source_id = staged.source_id "
        "and f.entity = {} and f.field = {} and f.is_coded and not f.is_open_code)"
    ).format(sql.Literal(contract.entity), sql.Literal(name))
    return Change(
        name,
        sql.SQL("case when layout.is_coded then '' else {} end").format(sql.Literal(MARK)),
        sql.SQL("case when staged.{} is not null and not {} then {} end").format(
            sql.Identifier(name), is_coded, sql.Literal(MARK)
        ),
        condition,
    )


def take(connection: Connection, rows: sql.Composable) -> int:
    """Fill ``pg_temp.taken`` with a query's rows and begin the list of what is changed of them.

    Returns:
        How many.
    """
    connection.execute("drop table if exists pg_temp.taken, pg_temp.changed")
    count = connection.execute(sql.SQL("create temporary table taken as {}").format(rows)).rowcount
    connection.execute("create index on taken (delivery_id, row_number)")
    connection.execute("analyze taken")
    connection.execute("create temporary table changed (delivery_id bigint, row_number integer, field text)")
    return count


def lay_out(connection: Connection, contract: Contract) -> None:
    """Fill ``pg_temp.layout``: where each field of the entity stands in the rows of each arrival."""
    connection.execute("drop table if exists pg_temp.layout")
    connection.execute(sql.SQL(query("layout")).format(entity=sql.Literal(contract.entity)))
    connection.execute("analyze layout")


def keep_verdicts(connection: Connection, contract: Contract, entities: Sequence[str]) -> None:
    """Let the rejected rows of ``pg_temp.taken`` stay rejected for the reasons they were.

    Args:
        connection: in a transaction that stands in ``ops.privacy_run``.
        contract: of the entity.
        entities: every entity of the contracts: what nobody had delivered may yet come.
    """
    connection.execute(
        sql.SQL(query("keep_verdicts")).format(
            entity_table=sql.Identifier(contract.entity),
            entity=sql.Literal(contract.entity),
            judged=sql.Literal(AS_JUDGED),
            of_references=sql.Literal([f"unknown_{name}" for name in entities]),
        )
    )


def change_raw(
    connection: Connection, contract: Contract, changes: Sequence[Change], may_share: Sequence[str] = ()
) -> None:
    """Change cells of the rows of ``pg_temp.taken``; what was changed is added to ``pg_temp.changed``.

    Args:
        connection: in a transaction that stands in ``ops.privacy_run``.
        contract: of the entity; ``lay_out`` was called for it.
        changes: what becomes of which field.
        may_share: further fields that lose nothing when a column they are read from is changed.
    """
    for change in changes:
        connection.execute(
            sql.SQL(query("change_raw")).format(
                entity_table=sql.Identifier(contract.entity),
                field=sql.Literal(change.field),
                value=change.raw,
                condition=change.condition,
                judged=sql.Literal(AS_JUDGED),
                may_share=sql.Literal([*may_share, *(each.field for each in changes)]),
            )
        )


def empty_undeclared(connection: Connection, contract: Contract, condition: sql.Composable = _ALWAYS) -> None:
    """Empty the cells that nobody has said anything of, in the rows of ``pg_temp.taken``."""
    connection.execute(
        sql.SQL(query("empty_undeclared")).format(
            entity_table=sql.Identifier(contract.entity),
            key=sql.Literal(list(contract.key)),
            judged=sql.Literal(AS_JUDGED),
            condition=condition,
        )
    )


def changed_rows(connection: Connection) -> int:
    """How many raw rows have been changed since ``take``."""
    found = connection.execute(
        "select count(distinct (delivery_id, row_number)) from pg_temp.changed"
    ).fetchone()
    return int(found[0]) if found else 0


def change_staged(connection: Connection, contract: Contract, changes: Sequence[Change]) -> dict[str, int]:
    """Change the staged rows of ``pg_temp.taken`` alike.

    Returns:
        How many by relation, without those that had none.
    """
    counts = {}
    for name in staged_models(contract):
        columns = {
            row[0]
            for row in connection.execute(
                "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 "
                "and not attisdropped",
                [f"staging.{name}"],
            )
        }
        if not columns:
            continue
        new = {
            change.field: sql.SQL("case when {} then {} else staged.{} end").format(
                change.condition, change.staged, sql.Identifier(change.field)
            )
            for change in changes
            if change.field in columns
        }
        if not new:
            continue
        count = connection.execute(
            sql.SQL(query("change_staged")).format(
                relation=sql.Identifier(name),
                values=sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(field), value) for field, value in new.items()
                ),
                content_md5=_content_md5(contract, columns, new),
                is_other=sql.SQL(" or ").join(
                    sql.SQL("staged.{} is distinct from {}").format(sql.Identifier(field), value)
                    for field, value in new.items()
                ),
            )
        ).rowcount
        if count:
            counts[f"staging.{name}"] = count
    return counts


def _content_md5(contract: Contract, columns: set[str], new: Mapping[str, sql.Composable]) -> sql.Composable:
    """The hash of a staged row as the macro ``delivered_rows`` makes it."""

    def value(name: str) -> sql.Composable:
        return new.get(name, sql.SQL("staged.{}").format(sql.Identifier(name)))

    first = [item.name for item in contract.fields.values() if item.since == 1]
    later = [item.name for item in contract.fields.values() if item.since > 1 and item.name in columns]
    told = sql.SQL("row({})::text").format(sql.SQL(", ").join(map(value, first)))
    if later:
        told += sql.SQL(" || concat({})").format(
            sql.SQL(", ").join(
                sql.SQL("{} || ({})::text").format(sql.Literal(f",{name}="), value(name)) for name in later
            )
        )
    return sql.SQL("md5({})").format(told)
