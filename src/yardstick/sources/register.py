"""Register sites: what the site files say becomes rows of ``ops`` that staging reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from yardstick.sources.site import FieldMapping, Site


def register(connection: psycopg.Connection[Any], site: Site) -> bool:
    """Write a site into ``ops``: its names, mapping, codes, projects and what it has to deliver by when.

    Rewritten only when the site file changed what is registered. A changed mapping gives old rows a
    new reading, so every delivery of an entity whose mapping changed becomes dirty and is built again.
    The caller commits.

    Returns:
        True when something was written.
    """
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"source {site.source_id}"])
    config = fingerprint(site)
    known = connection.execute(
        "select config_sha256, site_file from ops.source where source_id = %s", [site.source_id]
    ).fetchone()
    if known and known[0] == config:
        return False
    before = _registered(connection, site.source_id)
    connection.execute(
        "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
        "values (%s, %s, %s, %s, %s) "
        "on conflict (source_id) do update set names = excluded.names, site_file = excluded.site_file, "
        "time_zone = excluded.time_zone, config_sha256 = excluded.config_sha256, registered_at = now()",
        [
            site.source_id,
            json.dumps(dict(site.names), ensure_ascii=False),
            site.path.name,
            site.time_zone,
            config,
        ],
    )
    connection.execute("delete from ops.source_project where source_id = %s", [site.source_id])
    connection.execute(
        "insert into ops.source_project (source_id, project_id) select %s, unnest(%s::text [])",
        [site.source_id, list(site.projects)],
    )
    _expect(connection, site)
    connection.execute("delete from ops.source_field where source_id = %s", [site.source_id])
    with connection.cursor().copy(
        "copy ops.source_field (source_id, entity, field, source_columns, separator, constant, format, "
        "pattern, template, time_zone, null_values, is_coded, is_open_code) from stdin"
    ) as copy:
        for entity, name, mapping in _fields(site):
            copy.write_row([site.source_id, *_row(entity, name, mapping)])
    with connection.cursor().copy(
        "copy ops.source_code (source_id, entity, field, source_value, code) from stdin"
    ) as copy:
        for entity, name, mapping in _fields(site):
            for value, code in mapping.codes.items():
                copy.write_row([site.source_id, entity, name, value, code])
    if known:
        after = _registered(connection, site.source_id)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        connection.execute(
            "update ops.delivery set audited_build_id = null "
            "where source_id = %s and entity = any(%s) and audited_build_id is not null",
            [site.source_id, changed],
        )
    return True


def withdraw(connection: psycopg.Connection[Any], source_ids: Iterable[str]) -> None:
    """Expect nothing any more of sources that have no site file; what they delivered stays. The caller commits.

    Args:
        connection: to the warehouse.
        source_ids: every source that has one.
    """
    present = [list(source_ids)]
    connection.execute("delete from ops.expected where source_id <> all(%s)", present)
    # so that a site that comes back is registered whole
    connection.execute("update ops.source set config_sha256 = '' where source_id <> all(%s)", present)


def _expect(connection: psycopg.Connection[Any], site: Site) -> None:
    """Write when each entity has to be delivered; since when somebody waits for it stays."""
    connection.execute(
        "delete from ops.expected where source_id = %s and entity <> all(%s)",
        [site.source_id, [name for name, entity in site.entities.items() if entity.expected]],
    )
    connection.cursor().executemany(
        "insert into ops.expected (source_id, entity, every, by_time, after_days, is_required, if_missing, "
        "is_dated, valid_from) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict (source_id, entity) do update set every = excluded.every, by_time = excluded.by_time, "
        "after_days = excluded.after_days, is_required = excluded.is_required, "
        "if_missing = excluded.if_missing, is_dated = excluded.is_dated, valid_from = excluded.valid_from",
        _expectations(site),
    )


def _expectations(site: Site) -> list[list[Any]]:
    return [
        [
            site.source_id,
            entity.name,
            entity.expected.every,
            entity.expected.by,
            entity.expected.after_days,
            entity.expected.is_required,
            entity.expected.if_missing,
            entity.options.is_dated or entity.options.is_incremental,
            site.valid_from,
        ]
        for entity in site.entities.values()
        if entity.expected
    ]


def _registered(connection: psycopg.Connection[Any], source_id: str) -> dict[str, str]:
    """What is registered of each entity, as text that can be compared."""
    return dict(
        connection.execute(
            """
            select f.entity, string_agg(f::text || coalesce(c.codes, ''), E'\\n' order by f.field)
            from ops.source_field as f
            left join lateral (
                select string_agg(c::text, ',' order by c.source_value) as codes
                from ops.source_code as c
                where (c.source_id, c.entity, c.field) = (f.source_id, f.entity, f.field)
            ) as c on true
            where f.source_id = %s
            group by f.entity
            """,
            [source_id],
        ).fetchall()
    )


def _fields(site: Site) -> Iterator[tuple[str, str, FieldMapping]]:
    for entity in site.entities.values():
        for name, mapping in entity.fields.items():
            yield entity.name, name, mapping


def fingerprint(site: Site) -> str:
    """Hash of all that is registered of a site."""
    content = [
        dict(sorted(site.names.items())),
        site.time_zone,
        sorted(site.projects),
        [[str(value) for value in row] for row in _expectations(site)],
        sorted(
            (_row(entity, name, mapping), sorted(mapping.codes.items()))
            for entity, name, mapping in _fields(site)
        ),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _row(entity: str, name: str, mapping: FieldMapping) -> list[Any]:
    return [
        entity,
        name,
        list(mapping.columns),
        mapping.separator,
        mapping.constant,
        mapping.format,
        mapping.pattern,
        mapping.template,
        mapping.time_zone,
        list(mapping.null_values),
        bool(mapping.codes),
        mapping.is_open_code,
    ]
