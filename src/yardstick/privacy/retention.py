"""Enforce retention: what has been kept as long as its class says goes, and what went is written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from psycopg import sql

from yardstick import warehouse
from yardstick.contracts import Contract, load_contracts
from yardstick.errors import BadInputError
from yardstick.privacy import erasure
from yardstick.privacy.blanking import (
    MARK,
    Change,
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
from yardstick.privacy.classes import UNDECLARED, DataClass, leaves_mark, load_classes, whose
from yardstick.privacy.runs import Run, kept_originals, run
from yardstick.settings import Settings
from yardstick.staging_models import current_model, staged_models, versions_model

_COPIES = ("intermediate", "marts", "appraisal", "publish")


class Removed(NamedTuple):
    """How many rows (or files) of a relation a class has lost; what is of ``cut_off`` or later is kept."""

    name: str
    relation: str
    cut_off: date | None
    rows: int


def retain(
    settings: Settings, as_of: date | None = None, *, run_by: str = "by hand", is_dry: bool = False
) -> list[Removed]:
    """Remove what its class no longer keeps; again on the same day, nothing more is found.

    Args:
        settings: the installation.
        as_of: the day to go by; default today. A day to come shows what will go.
        run_by: who, for the record.
        is_dry: only say what would go.

    Returns:
        What went, by class and relation.

    Raises:
        BadInputError: when the classes are wrong, or it is to go by a day that has not come.
    """
    contracts = load_contracts()
    classes = load_classes(settings.root, contracts)
    if as_of and as_of > date.today() and not is_dry:
        raise BadInputError(f"{as_of} has not come: what is to be kept until then cannot be removed now")
    with run(settings, "retention", run_by, as_of=as_of, is_dry=is_dry) as under_way:
        for each in classes.values():
            _WAYS[each.then](settings, under_way, each, contracts, classes)
    return [Removed(*place, count) for place, count in under_way.removed.items()]


def _remove(
    settings: Settings,
    under_way: Run,
    each: DataClass,
    contracts: Mapping[str, Contract],
    classes: Mapping[str, DataClass],
) -> None:
    if each.counted_from == "leaving":
        _remove_of_leavers(under_way, each, contracts)
        return
    fields = each.fields
    if each.name == UNDECLARED:
        fields = dict.fromkeys(contracts, ("*",))
    for entity, names in fields.items():
        contract = contracts[entity]
        if not _has_due(under_way, each, entity, names):
            continue
        lay_out(under_way.connection, contract)
        if each.then == "key":
            changes = _take_households(under_way, contract)
        else:
            take(
                under_way.connection,
                sql.SQL(query("rows_of_days")).format(entity_table=sql.Identifier(entity)),
            )
            changes = [removal(contract, name) for name in names if name != "*"]
        keep_verdicts(under_way.connection, contract, list(contracts))
        if each.name == UNDECLARED:
            empty_undeclared(under_way.connection, contract)
        gone_before = [
            name
            for other in classes.values()
            if other.counted_from == "day" and other.months <= each.months
            for name in other.fields.get(entity, ())
        ]
        _apply(under_way, each, contract, changes, gone_before)
        _note_blanked(under_way, entity, names, sql.SQL("pg_temp.due"), is_whole=True)


def _has_due(under_way: Run, each: DataClass, entity: str, names: tuple[str, ...]) -> bool:
    """Fill ``pg_temp.due`` with the deliveries whose day has come; staged rows must be there to be changed."""
    under_way.connection.execute("drop table if exists pg_temp.due")
    count = under_way.connection.execute(
        sql.SQL(query("due_deliveries")).format(
            entity=sql.Literal(entity),
            cut_off=sql.Literal(each.cut_off(under_way.as_of)),
            fields=sql.Literal([f"{entity}.{name}" for name in names]),
        )
    ).rowcount
    return count > 0


def _take_households(under_way: Run, contract: Contract) -> list[Change]:
    take(
        under_way.connection,
        sql.SQL(query("rows_of_households")).format(
            entity_table=sql.Identifier(contract.entity), versions=sql.Identifier(versions_model(contract))
        ),
    )
    return [
        Change("household_id", sql.SQL("coalesce(taken.household_key, '')"), sql.SQL("taken.household_key"))
    ]


def _apply(
    under_way: Run,
    each: DataClass,
    contract: Contract,
    changes: list[Change],
    gone_before: list[str],
) -> None:
    change_raw(under_way.connection, contract, changes, gone_before)
    counts = {f"raw.{contract.entity}": changed_rows(under_way.connection)}
    counts |= change_staged(under_way.connection, contract, changes)
    under_way.note(each.name, counts, each.cut_off(under_way.as_of))


def _note_blanked(
    under_way: Run, entity: str, names: tuple[str, ...], deliveries: sql.SQL, *, is_whole: bool
) -> None:
    under_way.connection.execute(
        sql.SQL(query("note_blanked")).format(
            entity=sql.Literal(entity),
            fields=sql.Literal(list(names)),
            deliveries=deliveries,
            is_whole=sql.Literal(is_whole),
        )
    )


def _find_leavers(under_way: Run, each: DataClass, contracts: Mapping[str, Contract]) -> bool:
    """Fill ``pg_temp.leaver`` with who left before the cut-off and was not erased."""
    connection = under_way.connection
    relation = f"staging.{current_model(contracts['person'])}"
    if not warehouse.exists(connection, relation):
        return False
    connection.execute("drop table if exists pg_temp.leaver")
    count = connection.execute(
        sql.SQL(
            "create temporary table leaver as select person_id from {} where left_date < {} "
            "and person_id not in (select e.pseudonym from ops.erasure as e)"
        ).format(sql.Identifier(*relation.split(".")), sql.Literal(each.cut_off(under_way.as_of)))
    ).rowcount
    return count > 0


def _remove_of_leavers(under_way: Run, each: DataClass, contracts: Mapping[str, Contract]) -> None:
    connection = under_way.connection
    if not _find_leavers(under_way, each, contracts):
        return
    for entity, names in each.fields.items():
        contract = contracts[entity]
        of_person = {name: whose(contract, name) or "" for name in names}
        for field in sorted(set(of_person.values())):
            mine = tuple(name for name in names if of_person[name] == field)
            if _take_leavers(under_way, contract, field, mine):
                keep_verdicts(connection, contract, list(contracts))
                _apply(under_way, each, contract, [removal(contract, name) for name in mine], [])
                _note_blanked(under_way, entity, mine, sql.SQL("pg_temp.taken"), is_whole=False)
            for name in mine:
                under_way.note(
                    each.name,
                    _remove_copies(under_way, contract, field, name),
                    each.cut_off(under_way.as_of),
                )


def _take_leavers(under_way: Run, contract: Contract, field: str, names: tuple[str, ...]) -> bool:
    """Take the rows about leavers in which something is left to remove."""
    connection = under_way.connection
    if not all(warehouse.exists(connection, f"staging.{name}") for name in staged_models(contract)):
        return False
    lay_out(connection, contract)
    is_there = sql.SQL(" or ").join(
        sql.SQL(
            "v.{0} is not null" + (" and v.{0} <> {1}" if leaves_mark(contract.fields[name]) else "")
        ).format(sql.Identifier(name), sql.Literal(MARK))
        for name in names
    )
    return bool(
        take(
            connection,
            sql.SQL(query("rows_of_leavers")).format(
                entity=sql.Literal(contract.entity),
                entity_table=sql.Identifier(contract.entity),
                versions=sql.Identifier(versions_model(contract)),
                whose=sql.Identifier(field),
                whose_name=sql.Literal(field),
                is_there=is_there,
            ),
        )
    )


def _remove_copies(under_way: Run, contract: Contract, field: str, name: str) -> dict[str, int]:
    """The same of the copies that tables beyond staging hold, by the id beside the value."""
    value = MARK if leaves_mark(contract.fields[name]) else None
    counts = {}
    for relation in erasure.tables_with(under_way.connection, _COPIES, field, name):
        counts[relation] = under_way.connection.execute(
            sql.SQL(
                "update {relation} set {name} = {value} where {field} in (select person_id from pg_temp.leaver) "
                "and {name} is not null and {name} is distinct from {value}"
            ).format(
                relation=sql.Identifier(*relation.split(".")),
                name=sql.Identifier(name),
                field=sql.Identifier(field),
                value=sql.Literal(value),
            )
        ).rowcount
    return counts


def _erase(
    _settings: Settings,
    under_way: Run,
    each: DataClass,
    contracts: Mapping[str, Contract],
    _classes: Mapping[str, DataClass],
) -> None:
    if not _find_leavers(under_way, each, contracts):
        return
    found = under_way.connection.execute("select person_id from pg_temp.leaver order by 1").fetchall()
    reason = f"{each.name}: kept for {each.months} months after leaving"
    counts = erasure.pseudonymise(
        under_way.connection,
        contracts,
        {row[0]: erasure.enter(under_way.connection, under_way.run_id, row[0], reason) for row in found},
    )
    under_way.note(each.name, counts, each.cut_off(under_way.as_of))


def _delete(
    settings: Settings,
    under_way: Run,
    each: DataClass,
    _contracts: Mapping[str, Contract],
    _classes: Mapping[str, DataClass],
) -> None:
    cut_off, connection = each.cut_off(under_way.as_of), under_way.connection
    if each.counted_from == "arrival":
        under_way.originals = set(
            kept_originals(
                settings, [row[0] for row in connection.execute(query("originals_due"), {"cut_off": cut_off})]
            )
        )
        counts = {"store": len(under_way.originals)}
    elif each.counted_from == "entry":
        counts = {
            "ops.hr_read": connection.execute(
                "delete from ops.hr_read where read_at < %s", [cut_off]
            ).rowcount
        }
    else:
        counts = {
            "ops.erasure": connection.execute(
                "update ops.erasure set fingerprint = null where last_seen_at < %s and fingerprint is not null",
                [cut_off],
            ).rowcount
        }
    under_way.note(each.name, counts, cut_off)


_WAYS = {"remove": _remove, "key": _remove, "erase": _erase, "delete": _delete}
