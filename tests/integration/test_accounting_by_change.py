"""What became of an older delivery's rows is kept by what changes, and equals a count of all of them.

Staging is imitated: the same relations as dbt makes of tickets, with the columns that accounting reads.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.deliveries import Company

from yardstick import transform
from yardstick.settings import Settings

Row = tuple[str, str | None]
"""Key and content; None for content that is rejected."""

_COLUMNS = (
    "delivery_id bigint, row_number integer, source_id text, partition_date date, source_ticket_id text, "
    "content_md5 text"
)


@dataclass
class Staging:
    """Deliveries of tickets, staged as dbt does it, and every row of them, to be counted slowly."""

    company: Company
    rows: dict[int, list[Row]] = field(default_factory=dict)

    def make(self) -> Staging:
        with self.company.open() as connection:
            connection.execute(
                f"create schema staging; create table staging.stg_delivered__tickets ({_COLUMNS}); "
                f"create table staging.stg_delivered__ticket_versions ({_COLUMNS}); "
                f"create table staging.stg_delivered__ticket_rows ({_COLUMNS}, problems jsonb); "
                "create table ops.flag (delivery_id bigint, row_number integer, source_id text, entity text, "
                "field text, value text, rule text)".encode()
            )
        return self

    def deliver(self, rows: Sequence[Row]) -> int:
        delivery = self.company.deliver("ticket", {"2026-03-02": [{}] * len(rows)})[0]
        self.rows[delivery] = list(rows)
        return delivery

    def build(self) -> int:
        """Stage and account for what is dirty; returns the build."""
        planned = transform.plan_build(self.company.settings, "tests")
        assert planned
        with self.company.open() as connection, connection.transaction():
            ids = list(planned.delivery_ids)
            connection.execute("truncate staging.stg_delivered__ticket_rows, staging.stg_delivered__tickets")
            connection.execute(
                "delete from staging.stg_delivered__ticket_versions where delivery_id = any(%s)", [ids]
            )
            for delivery in ids:
                for number, (key, content) in enumerate(self.rows[delivery], start=2):
                    problems = (
                        "[]" if content else '[{"rule": "unknown_code", "field": "status", "reason": "odd"}]'
                    )
                    connection.execute(
                        "insert into staging.stg_delivered__ticket_rows values "
                        "(%s, %s, 'site', '2026-03-02', %s, %s, %s)",
                        [delivery, number, key, content, problems],
                    )
            connection.execute(
                "insert into staging.stg_delivered__ticket_versions "
                "select delivery_id, row_number, source_id, partition_date, source_ticket_id, content_md5 "
                "from staging.stg_delivered__ticket_rows where problems = '[]'"
            )
            connection.execute(
                "insert into staging.stg_delivered__tickets "
                "select distinct on (source_ticket_id) delivery_id, row_number, source_id, partition_date, "
                "source_ticket_id, content_md5 from (select *, lag(content_md5) over (partition by source_ticket_id "
                "order by delivery_id, row_number) as before from staging.stg_delivered__ticket_versions) as v "
                "where content_md5 is distinct from before "
                "order by source_ticket_id, delivery_id desc, row_number desc"
            )
        transform.account(self.company.settings, planned.build_id)
        self.company.audit(planned.build_id)
        return planned.build_id

    def counted(self) -> dict[int, tuple[int, ...]]:
        """Landed, staged, superseded, rejected, duplicate by delivery, of every row."""
        lives: dict[str, list[tuple[int, str]]] = defaultdict(list)
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for delivery, rows in sorted(self.rows.items()):
            found[delivery]["landed"] = len(rows)
            for key, content in rows:
                if content:
                    lives[key].append((delivery, content))
                else:
                    found[delivery]["rejected"] += 1
        for life in lives.values():
            changes = [n for n, (_, content) in enumerate(life) if n == 0 or life[n - 1][1] != content]
            for n, (delivery, _) in enumerate(life):
                fate = "staged" if n == changes[-1] else "superseded" if n in changes else "duplicate"
                found[delivery][fate] += 1
        names = ("landed", "staged", "superseded", "rejected", "duplicate")
        return {delivery: tuple(each[name] for name in names) for delivery, each in found.items()}

    def told(self) -> dict[int, tuple[int, ...]]:
        """The same, as the ledger has it."""
        return {
            row[0]: row[1:]
            for row in self.company.rows(
                "select delivery_id, rows_landed, rows_staged, rows_superseded, rows_rejected, rows_duplicate "
                "from ops.delivery"
            )
        }


@pytest.fixture
def staging(settings: Settings) -> Staging:
    return Staging(Company(settings).register()).make()


def test_counts_kept_by_what_changes_equal_a_count_of_every_row(staging: Staging) -> None:
    draw = random.Random(5)
    names = [f"T{number}" for number in range(60)]

    def some_rows(count: int) -> list[Row]:
        rows: list[Row] = []
        for name in draw.sample(names, count):
            content = draw.choice(["phone", "app", "web", None])
            rows += [(name, content)] * draw.choice([1, 1, 1, 2])
        return rows

    seen: Counter[str] = Counter()
    for turn in range(40):
        for _ in range(draw.choice([1, 2])):
            staging.deliver(some_rows(draw.choice([3, 10, 40])))
        if turn in (10, 20):  # an installation from before: nothing is known row by row
            with staging.company.open() as connection:
                connection.execute(
                    "truncate ops.outdated_row; update ops.delivery set is_counted_by_row = false"
                )
        if turn in (15, 25, 30):  # a mapping is mended: rows of an older delivery mean something else
            again = draw.choice(sorted(staging.rows))
            staging.rows[again] = [
                (name, draw.choice(["phone", "app", None])) for name, _ in staging.rows[again]
            ]
            with staging.company.open() as connection:
                connection.execute(
                    "update ops.delivery set audited_build_id = null where delivery_id = %s", [again]
                )
        before = staging.told()
        staging.build()
        assert staging.told() == staging.counted(), turn
        for delivery, counts in staging.told().items():
            seen["older changed"] += None not in before[delivery] and counts != before[delivery]
    assert seen["older changed"] > 50
    fates = dict(staging.company.rows("select fate, count(*) from ops.outdated_row group by fate"))
    counted = staging.counted().values()
    assert fates == {"superseded": sum(c[2] for c in counted), "duplicate": sum(c[4] for c in counted)}


def test_a_delivery_of_which_nothing_changed_is_not_accounted_for_again(staging: Staging) -> None:
    first = staging.deliver([("T1", "app"), ("T2", "app")])
    second = staging.deliver([("T3", "app")])
    before = staging.build()
    third = staging.deliver([("T1", "web"), ("T3", "app")])
    after = staging.build()
    assert staging.told() == {first: (2, 1, 1, 0, 0), second: (1, 1, 0, 0, 0), third: (2, 1, 0, 0, 1)}
    assert dict(staging.company.rows("select delivery_id, accounted_build_id from ops.delivery")) == {
        first: after,
        second: before,
        third: after,
    }
    assert staging.company.rows("select delivery_id, fate from ops.outdated_row order by 1") == [
        (first, "superseded"),
        (third, "duplicate"),
    ]
