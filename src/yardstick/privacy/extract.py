"""Everything that is held about one person, for the person."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from yardstick.contracts import load_contracts
from yardstick.errors import BadInputError
from yardstick.privacy import erasure
from yardstick.privacy.blanking import Connection, lay_out
from yardstick.privacy.runs import must_be_hr, run
from yardstick.settings import Settings

_SCHEMAS = ("staging", "intermediate", "marts", "appraisal", "publish", "release", "ops")


def extract(settings: Settings, person_id: str, login: str) -> dict[str, Any]:
    """Collect every row that names a person; that it was handed out is on record.

    Args:
        settings: the installation.
        person_id: who.
        login: the reader of role ``hr`` who hands it out.

    Returns:
        ``person_id``, ``as_of`` (ISO date) and ``relations``: the rows by relation, those of ``raw`` by the
        columns of the delivered file.

    Raises:
        BadInputError: for a login that is no reader of HR, and for somebody nothing is held about.
    """
    contracts = load_contracts()
    with run(settings, "extract", login, subject=person_id) as under_way:
        connection = under_way.connection
        must_be_hr(connection, login)
        erasure.list_persons(connection, {person_id: person_id})
        found: dict[str, list[dict[str, Any]]] = {}
        for entity, fields in erasure.entities_with_persons(contracts).items():
            lay_out(connection, contracts[entity])
            found[f"raw.{entity}"] = _delivered(connection, entity, fields, person_id)
        for relation, columns in erasure.person_columns(connection, _SCHEMAS).items():
            found[relation] = _held(connection, relation, columns, person_id)
        found["release.difference"] = _jsons(
            connection,
            sql.SQL(
                "select to_jsonb(d) from release.difference as d "
                "where d.relation in ('person', 'staff') and d.subject = {} order by d.release_id, d.position"
            ).format(sql.Literal(person_id)),
        )
        relations = {relation: rows for relation, rows in found.items() if rows}
        if not relations:
            raise BadInputError(f"nothing is held about a person {person_id!r}")
        return {"person_id": person_id, "as_of": under_way.as_of.isoformat(), "relations": relations}


def _delivered(
    connection: Connection, entity: str, fields: tuple[str, ...], person_id: str
) -> list[dict[str, Any]]:
    rows = erasure.rows_of_persons(entity, fields, [person_id], None)
    return _jsons(
        connection,
        sql.SQL(
            "select jsonb_build_object('source_id', d.source_id, 'file_name', d.file_name, "
            "'delivered_for', d.partition_date, 'row_number', r.row_number, 'cells', ("
            "select jsonb_object_agg(coalesce(a.header[c.number], 'column ' || c.number), c.cell) "
            "from unnest(string_to_array(r.cells, chr(31))) with ordinality as c (cell, number))) "
            "from ({rows}) as named inner join raw.{entity} as r "
            "on r.delivery_id = named.delivery_id and r.row_number = named.row_number "
            "inner join ops.delivery as d on d.delivery_id = r.delivery_id "
            "inner join ops.arrival as a on a.arrival_id = d.arrival_id order by r.delivery_id, r.row_number"
        ).format(rows=rows, entity=sql.Identifier(entity)),
    )


def _held(connection: Connection, relation: str, columns: list[str], person_id: str) -> list[dict[str, Any]]:
    names = [sql.Identifier(column) for column in columns if erasure.is_person(column)]
    return _jsons(
        connection,
        sql.SQL("select to_jsonb(t) from {} as t where {} in ({}) order by t::text").format(
            sql.Identifier(*relation.split(".")),
            sql.Literal(person_id),
            sql.SQL(", ").join(sql.SQL("t.{}").format(name) for name in names),
        ),
    )


def _jsons(connection: Connection, query: sql.Composed) -> list[dict[str, Any]]:
    return [row[0] for row in connection.execute(query)]
