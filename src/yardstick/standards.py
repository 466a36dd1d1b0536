"""Standards releases: read, check and load the YAML of ``expectations/standards/``.

One folder is one release: ``release.yml``, ``indicators.yml``, ``grades.yml``, ``calendars.yml``. Each is
in force from its ``effective_from`` until the next one's. A release that a signed period names is as
frozen as the period. The measures that indicators may name are registered where they are produced, in
``dbt_project/models/appraisal/_appraisal__models.yml``.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

import holidays
import jsonschema
import psycopg
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb

from yardstick.errors import BadInputError
from yardstick.settings import project_root

Connection = psycopg.Connection[Any]

FILES = ("release", "indicators", "grades", "calendars")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOAD_LOCK = 7_402_020
_MINUTES_PER_UNIT = {"minutes": 1, "service_minutes": 1, "hours": 60, "service_hours": 60, "days": 1440}
_MODELS = Path("dbt_project/models/appraisal/_appraisal__models.yml")


class StandardsError(BadInputError):
    """A standards release is wrong or may not be changed.

    Attributes:
        problems: one sentence each, naming file and place and what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Measure:
    """What the daily models count.

    Attributes:
        measure: code.
        kind: ``count``, or ``histogram`` of durations in minutes.
        is_stock: counted at the end of every day, so that one ticket counts on many days.
        part_of: the measure that this one is a share of; None when of none.
        dimensions: what it can be filtered by.
    """

    measure: str
    kind: str
    is_stock: bool
    part_of: tuple[str, ...]
    dimensions: frozenset[str]


@dataclass(frozen=True)
class Registry:
    """The measures, and the durations (minutes) at which a histogram can be cut exactly."""

    measures: Mapping[str, Measure]
    exact_minutes: frozenset[int]


@dataclass(frozen=True)
class Release:
    """One standards release as its files say it; ``indicators`` and ``grades`` in file order."""

    standards_release: str
    effective_from: date
    names: Mapping[str, str]
    content_sha256: str
    folder: Path
    project_grades: Mapping[str, Mapping[str, str]]
    scoring: Mapping[str, Any]
    indicators: Mapping[str, Mapping[str, Any]]
    grades: Mapping[str, Mapping[str, Any]]
    calendars: Mapping[str, Any]


@dataclass(frozen=True)
class CalendarDay:
    """Service hours of one calendar on one day, in minutes after local midnight; 0 to 0 when closed."""

    calendar_id: str
    day: date
    is_workday: bool
    opens_minute: int
    closes_minute: int


class _Loader(yaml.SafeLoader):
    """YAML without dates (they stay text) that refuses the same key twice."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} stands twice; keep one", key_node.start_mark
            )
        seen.add(key)
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def registry(root: Path | None = None) -> Registry:
    """The measures that the dbt models produce, from the models' own description.

    Args:
        root: the checkout; default ``settings.project_root()``.
    """
    path = (root or project_root()) / _MODELS
    described = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    measures: dict[str, Measure] = {}
    exact: set[int] = set()
    for model in described:
        meta = model.get("config", {}).get("meta", {})
        exact.update(meta.get("exact_minutes", []))
        for code, entry in meta.get("measures", {}).items():
            measures[code] = Measure(
                code,
                meta["measure_kind"],
                entry.get("stock", False),
                tuple(entry.get("part_of", [])),
                frozenset(entry["dimensions"]),
            )
    return Registry(measures, frozenset(exact))


def read(folder: Path, root: Path | None = None) -> list[Release]:
    """Read and check every release below ``folder``, in the order they come into force.

    Raises:
        StandardsError: with every problem found in any file.
    """
    known = registry(root)
    schema = json.loads((_schema_file(root)).read_text(encoding="utf-8"))
    problems: list[str] = []
    releases: list[Release] = []
    if not folder.is_dir():
        raise StandardsError(
            [f"{folder}: no such folder; YARDSTICK_STANDARDS names the folder of standards releases"]
        )
    for release_folder in sorted(p.parent for p in folder.glob("*/release.yml")):
        found = _read_files(release_folder, schema, problems)
        if found is None:
            continue
        release = _release(release_folder, found)
        problems += _problems(release, known)
        releases.append(release)
    releases.sort(key=lambda release: (release.effective_from, release.standards_release))
    if not releases and not problems:
        problems.append(f"{folder}: holds no standards release; a release is a folder with a release.yml")
    problems += _collisions(releases)
    if problems:
        raise StandardsError(problems)
    return releases


def check(folder: Path, root: Path | None = None) -> list[str]:
    """Problems of the releases below ``folder``; empty when all is well."""
    try:
        read(folder, root)
    except StandardsError as error:
        return error.problems
    return []


def in_force(releases: Iterable[Release], day: date) -> Release:
    """The release whose ``effective_from`` is the latest not after ``day``.

    Raises:
        StandardsError: when none is in force yet.
    """
    ordered = sorted(releases, key=lambda release: release.effective_from)
    position = bisect_right([release.effective_from for release in ordered], day)
    if not position:
        raise StandardsError(
            [f"no standards release is in force on {day}; the first starts on "
             f"{ordered[0].effective_from if ordered else 'no day'}: add one with an earlier effective_from"]
        )  # fmt: skip
    return ordered[position - 1]


def calendar_days(releases: Sequence[Release]) -> list[CalendarDay]:
    """Service hours of every calendar for the years its release names.

    A day follows the release in force on it; days before the first release follow the first.
    """
    ordered = sorted(releases, key=lambda release: release.effective_from)
    starts = [release.effective_from for release in ordered]
    days: dict[tuple[str, date], CalendarDay] = {}
    for index, release in enumerate(ordered):
        years = range(release.calendars["years"]["first"], release.calendars["years"]["last"] + 1)
        first = date(years[0], 1, 1) if index == 0 else release.effective_from
        last = date(years[-1], 12, 31)
        if index + 1 < len(ordered):
            last = min(last, starts[index + 1] - timedelta(days=1))
        for calendar_id, calendar in release.calendars["calendars"].items():
            for entry in _days_of(calendar_id, calendar, years, first, last):
                days[entry.calendar_id, entry.day] = entry
    return [days[key] for key in sorted(days)]


def load(connection: Connection, releases: Sequence[Release], root: Path | None = None) -> list[str]:
    """Bring ``ops.standards_*``, ``ops.calendar_day`` and ``ops.source_calendar`` in line; repeatable.

    Runs in the caller's transaction, behind a lock of its own. What is the same already is not written.

    Returns:
        The names of the releases that were added, changed or taken away.

    Raises:
        StandardsError: when a release that a signed period names was changed or taken away, or when a
            new release would come into force within a signed period.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOAD_LOCK])
    loaded = dict(
        connection.execute("select standards_release, content_sha256 from ops.standards_release").fetchall()
    )
    given = {release.standards_release: release for release in releases}
    changed = {name for name, release in given.items() if loaded.get(name) != release.content_sha256}
    changed |= loaded.keys() - given.keys()
    if problems := _frozen(connection, loaded, given, changed):
        raise StandardsError(problems)
    known = registry(root)
    for name in sorted(changed):
        for table in ("standards_grade", "standards_target", "standards_indicator", "standards_release"):
            statement = sql.SQL("delete from ops.{} where standards_release = %s").format(
                sql.Identifier(table)
            )
            connection.execute(statement, [name])
    for release in releases:
        if release.standards_release in changed:
            _insert(connection, release, known)
    _load_calendars(connection, releases)
    return sorted(changed)


def show(folder: Path, day: date, language: str = "en") -> list[dict[str, object]]:
    """One row per indicator and project grade of the release in force on ``day``.

    Raises:
        StandardsError: when the folder's releases are wrong, or none is in force.
    """
    release = in_force(read(folder), day)
    return [
        {
            "standards_release": release.standards_release,
            "indicator": code,
            "name": indicator["names"][language],
            "unit": indicator["unit"],
            "direction": indicator["direction"],
            "project_grade": grade,
            **target,
            "minimum_sample": indicator["minimum_sample"],
        }
        for code, indicator in release.indicators.items()
        for grade, target in indicator["project_grades"].items()
    ]


def _schema_file(root: Path | None) -> Path:
    return (root or project_root()) / "expectations/standards/schema.json"


def _read_files(folder: Path, schema: dict[str, Any], problems: list[str]) -> dict[str, Any] | None:
    """The four files' content; None (and the problems) when one is missing or not of its shape."""
    found: dict[str, Any] = {}
    for part in FILES:
        path = folder / f"{part}.yml"
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
        except FileNotFoundError:
            problems.append(f"{path}: missing; a release has {', '.join(f'{name}.yml' for name in FILES)}")
            continue
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append(f"{path}: not readable as YAML: {' '.join(str(error).split())}")
            continue
        validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]})
        errors = sorted(
            validator.iter_errors(content), key=lambda error: [str(step) for step in error.absolute_path]
        )
        problems += [f"{path}: {_place(error)}: {_advice(error)}" for error in errors]
        if not errors:
            found[part] = content
    return found if len(found) == len(FILES) else None


def _place(error: jsonschema.ValidationError) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "top level"


def _advice(error: jsonschema.ValidationError) -> str:
    """What is wrong and what to write instead."""
    schema: Any = error.schema
    rule: Any = error.validator_value
    given: Any = error.instance
    if error.validator == "required":
        return f"add {', '.join(name for name in rule if name not in given)}"
    if error.validator == "additionalProperties" and "properties" in schema:
        return f"{error.message}; known are {', '.join(schema['properties'])}"
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(map(str, rule))}"
    if error.validator == "oneOf":
        return "name either a numerator measure, or a histogram and below_minutes"
    expected = schema.get("description")
    return f"{error.message}; expected: {expected}" if expected else error.message


def _release(folder: Path, found: Mapping[str, Any]) -> Release:
    # Order is meaning here: the table shows indicators and grades as the files list them.
    canonical = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    head = found["release"]
    return Release(
        standards_release=head["standards_release"],
        effective_from=date.fromisoformat(head["effective_from"]),
        names=head["names"],
        content_sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        folder=folder,
        project_grades=head["project_grades"],
        scoring=head["scoring"],
        indicators=found["indicators"]["indicators"],
        grades=found["grades"]["grades"],
        calendars=found["calendars"],
    )


def _problems(release: Release, known: Registry) -> list[str]:
    """What the shape of the files cannot say."""
    path = release.folder / "indicators.yml"
    problems = []
    for code, indicator in release.indicators.items():
        at = f"{path}: indicators.{code}"
        problems += [f"{at}.{problem}" for problem in _measure_problems(indicator, known)]
        problems += [f"{at}.{problem}" for problem in _target_problems(indicator, release)]
    for grade in release.project_grades:
        weights = [
            indicator["project_grades"][grade]["weight"]
            for indicator in release.indicators.values()
            if grade in indicator["project_grades"]
        ]
        if abs(sum(weights) - 100) > 1e-9:
            problems.append(
                f"{path}: weights of project grade {grade} add up to {sum(weights):g}; make it 100"
            )
    return problems + _grade_problems(release) + _calendar_problems(release)


def _measure_problems(indicator: Mapping[str, Any], known: Registry) -> list[str]:
    strange = (
        ["numerator", "denominator", "below_minutes"] if indicator["kind"] == "quantile" else ["quantile"]
    )
    if indicator["scoring"] != "bands":
        strange.append("bands")
    problems = [
        f"{name}: does not belong to a {indicator['kind']} with {indicator['scoring']} scoring; remove it"
        for name in strange
        if name in indicator
    ]
    used = []
    for role, kind in (("numerator", "count"), ("denominator", "count"), ("histogram", "histogram")):
        name = indicator.get(role)
        if name is None:
            continue
        measure = known.measures.get(name)
        if measure is None or measure.kind != kind:
            have = ", ".join(m.measure for m in known.measures.values() if m.kind == kind)
            problems.append(f"{role}: {name!r} is no measure of kind {kind}; choose one of {have}")
            continue
        used.append(measure)
    for field in indicator.get("filters", {}):
        problems += [
            f"filters.{field}: measure {measure.measure} is not kept by {field}; remove the filter"
            for measure in used
            if field not in measure.dimensions
        ]
    cut = indicator.get("below_minutes")
    if cut is not None and cut not in known.exact_minutes:
        have = ", ".join(map(str, sorted(known.exact_minutes)))
        problems.append(f"below_minutes: histograms cannot be cut at {cut}; choose one of {have}")
    if indicator["kind"] == "quantile" and indicator["unit"] not in _MINUTES_PER_UNIT:
        problems.append(
            f"unit: a duration is given in {', '.join(_MINUTES_PER_UNIT)}, not {indicator['unit']}"
        )
    return problems


def _target_problems(indicator: Mapping[str, Any], release: Release) -> list[str]:
    problems = []
    targets = indicator["project_grades"]
    missing = [grade for grade in release.project_grades if grade not in targets]
    unknown = [grade for grade in targets if grade not in release.project_grades]
    if missing:
        problems.append(f"project_grades: add {', '.join(missing)}")
    if unknown:
        problems.append(
            f"project_grades: {', '.join(unknown)} is not among the project_grades of release.yml"
        )
    sign = 1 if indicator["direction"] == "higher" else -1
    for grade, target in targets.items():
        if not sign * target["zero"] < sign * target["floor"] < sign * target["target"]:
            order = "zero < floor < target" if sign > 0 else "zero > floor > target"
            problems.append(f"project_grades.{grade}: {indicator['direction']} is better, so write {order}")
    bands = indicator.get("bands", [])
    ordered = sorted(bands, key=lambda band: sign * band["value"])
    if any(low["points"] >= high["points"] for low, high in pairwise(ordered)):
        problems.append("bands: a better value must bring more points")
    return problems


def _grade_problems(release: Release) -> list[str]:
    path = release.folder / "grades.yml"
    minima = [grade["minimum_score"] for grade in release.grades.values()]
    problems = []
    if any(low >= high for high, low in pairwise(minima)):
        problems.append(
            f"{path}: grades: list them from the highest minimum_score to the lowest, no two alike"
        )
    if minima[-1] != 0:
        problems.append(
            f"{path}: grades.{list(release.grades)[-1]}.minimum_score: the last grade must start at 0"
        )
    return problems


def _calendar_problems(release: Release) -> list[str]:
    path = release.folder / "calendars.yml"
    content = release.calendars
    problems = []
    for source, code in content.get("by_source", {}).items():
        if code not in content["calendars"]:
            have = ", ".join(content["calendars"])
            problems.append(f"{path}: by_source.{source}: no calendar {code!r}; choose one of {have}")
    if content["years"]["first"] > content["years"]["last"]:
        problems.append(f"{path}: years: first is after last")
    for code, calendar in content["calendars"].items():
        at = f"{path}: calendars.{code}"
        for day, (opens, closes) in calendar["weekly"].items():
            if _minute(opens) >= _minute(closes):
                problems.append(f"{at}.weekly.{day}: {opens} is not before {closes}")
        for closure in calendar.get("closures", []):
            try:
                date.fromisoformat(closure)
            except ValueError:
                problems.append(f"{at}.closures: {closure} is not a date")
        if rule := calendar.get("holidays"):
            if rule.get("make_up_as") not in {None, *calendar["weekly"]}:
                problems.append(f"{at}.holidays.make_up_as: {rule['make_up_as']} has no hours in weekly")
            try:
                holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"))
            except NotImplementedError as error:
                problems.append(f"{at}.holidays: {error}")
    return problems


def _collisions(releases: Sequence[Release]) -> list[str]:
    """Names and effective dates that two releases share."""
    problems = []
    names: dict[str, Release] = {}
    starts: dict[date, Release] = {}
    for release in releases:
        if (other := names.setdefault(release.standards_release, release)) is not release:
            problems.append(
                f"{release.folder}/release.yml: standards_release {release.standards_release!r} is that "
                f"of {other.folder} too; give it another name"
            )
        if (other := starts.setdefault(release.effective_from, release)) is not release:
            problems.append(
                f"{release.folder}/release.yml: effective_from {release.effective_from} is that of "
                f"{other.folder} too; only one release can come into force on a day"
            )
    return problems


def _frozen(
    connection: Connection, loaded: Mapping[str, str], given: Mapping[str, Release], changed: set[str]
) -> list[str]:
    """Changes that signed periods forbid."""
    signed = connection.execute(
        "select standards_release, (array_agg(period order by period_start))[1], max(period_end) "
        "from release.release group by 1"
    ).fetchall()
    problems = []
    for name, period, _ in signed:
        if name not in given:
            problems.append(f"standards release {name}: {period} was signed with it; put its folder back")
        elif name in loaded and name in changed:
            problems.append(
                f"{given[name].folder}: {period} was signed with {name}, so it can no longer be changed; "
                "copy the folder, give the copy a new standards_release and a later effective_from"
            )
    for name in changed & given.keys():
        release = given[name]
        within = [
            (period_end, used)
            for used, _, period_end in signed
            if used != name and period_end >= release.effective_from
        ]
        if within:
            problems.append(
                f"{release.folder}/release.yml: effective_from {release.effective_from} lies within what was "
                f"signed with {within[0][1]} (until {within[0][0]}); choose a first of month after it"
            )
    return problems


def _insert(connection: Connection, release: Release, known: Registry) -> None:
    of_release = {"standards_release": release.standards_release}
    scoring = release.scoring
    head = {
        "effective_from": release.effective_from,
        "content_sha256": release.content_sha256,
        "names": Jsonb(release.names),
        "points_at_floor": scoring["points_at_floor"],
        "minimum_weight_measured": scoring["minimum_weight_measured"],
        "confidence": scoring["confidence"],
        "confidence_z": round(NormalDist().inv_cdf((1 + scoring["confidence"]) / 2), 9),
    }
    _insert_rows(connection, "standards_release", [of_release | head])
    _insert_rows(
        connection,
        "standards_indicator",
        [
            of_release | {"indicator": code, "position": position} | _indicator_row(indicator, known)
            for position, (code, indicator) in enumerate(release.indicators.items(), start=1)
        ],
    )
    _insert_rows(
        connection,
        "standards_target",
        [
            of_release
            | {"indicator": code, "project_grade": grade, "weight": target["weight"]}
            | {f"{name}_value": target[name] for name in ("zero", "floor", "target")}
            for code, indicator in release.indicators.items()
            for grade, target in indicator["project_grades"].items()
        ],
    )
    _insert_rows(
        connection,
        "standards_grade",
        [
            of_release | {"grade": code, **grade, "names": Jsonb(grade["names"])}
            for code, grade in release.grades.items()
        ],
    )


def _insert_rows(connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one shape into a table of ``ops``."""
    statement = sql.SQL("insert into ops.{} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, rows[0])),
        sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _indicator_row(indicator: Mapping[str, Any], known: Registry) -> dict[str, Any]:
    """What ops.standards_indicator holds of one indicator beyond its key and position."""
    top = known.measures.get(indicator.get("numerator") or indicator.get("histogram") or "")
    bottom = known.measures.get(indicator.get("denominator") or "")
    is_quantile = indicator["kind"] == "quantile"
    is_share = top is not None and bottom is not None and bottom.measure in top.part_of
    plain = ("reform_part", "unit", "direction", "kind", "scoring", "minimum_sample")
    return {name: indicator[name] for name in plain} | {
        "names": Jsonb(indicator["names"]),
        "numerator_measure": indicator.get("numerator"),
        "denominator_measure": indicator.get("denominator"),
        "histogram_measure": indicator.get("histogram"),
        "quantile": indicator.get("quantile"),
        "below_minutes": indicator.get("below_minutes"),
        "minutes_per_unit": _MINUTES_PER_UNIT[indicator["unit"]] if is_quantile else None,
        "filters": Jsonb(indicator.get("filters", {})),
        "bands": Jsonb(indicator["bands"]) if "bands" in indicator else None,
        "interval_method": "order_statistic" if is_quantile else "wilson" if is_share else "rate",
        "is_numerator_stock": bool(top and top.is_stock),
        "is_denominator_stock": bool(bottom and bottom.is_stock),
    }


def _load_calendars(connection: Connection, releases: Sequence[Release]) -> None:
    """Make the calendar tables equal to what the releases say, writing only differences."""
    latest = max(releases, key=lambda release: release.effective_from).calendars
    connection.execute(
        "create temporary table given_calendar_day (like ops.calendar_day) on commit drop"
    )  # fmt: skip
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy given_calendar_day (calendar_id, day, is_workday, opens_minute, closes_minute) from stdin"
        ) as copy,
    ):
        for entry in calendar_days(releases):
            copy.write_row(
                (entry.calendar_id, entry.day, entry.is_workday, entry.opens_minute, entry.closes_minute)
            )
    connection.execute(
        "delete from ops.calendar_day as d where not exists "
        "(select from given_calendar_day as g where g.calendar_id = d.calendar_id and g.day = d.day)"
    )
    connection.execute(
        "insert into ops.calendar_day as d (calendar_id, day, is_workday, opens_minute, closes_minute) "
        "select calendar_id, day, is_workday, opens_minute, closes_minute from given_calendar_day "
        "on conflict (calendar_id, day) do update set is_workday = excluded.is_workday, "
        "opens_minute = excluded.opens_minute, closes_minute = excluded.closes_minute "
        "where (d.is_workday, d.opens_minute, d.closes_minute) "
        "is distinct from (excluded.is_workday, excluded.opens_minute, excluded.closes_minute)"
    )
    connection.execute("drop table given_calendar_day")
    by_source = latest.get("by_source", {})
    connection.execute("delete from ops.source_calendar where not source_id = any(%s)", [list(by_source)])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.source_calendar as c (source_id, calendar_id) values (%s, %s) "
            "on conflict (source_id) do update set calendar_id = excluded.calendar_id "
            "where c.calendar_id <> excluded.calendar_id",
            list(by_source.items()),
        )


def _days_of(
    calendar_id: str, calendar: Mapping[str, Any], years: range, first: date, last: date
) -> Iterable[CalendarDay]:
    rule = calendar.get("holidays")
    closed = {date.fromisoformat(day) for day in calendar.get("closures", [])}
    make_up: set[date] = set()
    if rule:
        public = holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"), years=years)
        closed |= set(public)
        if rule.get("make_up_as"):
            make_up = set(public.weekend_workdays) - closed
    day = first
    while day <= last:
        hours = calendar["weekly"].get(
            rule["make_up_as"] if rule and day in make_up else _DAYS[day.weekday()]
        )
        if day in closed:
            hours = None
        opens, closes = (_minute(hours[0]), _minute(hours[1])) if hours else (0, 0)
        yield CalendarDay(calendar_id, day, hours is not None, opens, closes)
        day += timedelta(days=1)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
