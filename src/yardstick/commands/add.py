"""``yardstick site add``: asks its way from a sample delivery to a site file."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import typer

from yardstick import contracts as contracts_module
from yardstick import settings as settings_module
from yardstick.commands.common import Home, fail, known_errors, say
from yardstick.commands.from_template import add_from_template
from yardstick.contracts import Contract
from yardstick.settings import Settings
from yardstick.sources import draft as draft_module
from yardstick.sources import guess, sample, site_schema
from yardstick.sources.dates import compile_format
from yardstick.sources.draft import Draft, DraftError, EntityDraft
from yardstick.sources.sample import Table
from yardstick.sources.site_file import SiteError, load_sites

DateOrder = Literal["day-first", "month-first", "year-first"]
_ASKED_VALUES = 40
_LIKELY = 0.35
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Given:
    """What was said on the command line; None and empty where nothing was."""

    samples: list[Path]
    connection: str | None
    url: str | None
    path: str | None
    query: str | None
    entity: str | None
    fields: list[str]
    dates: DateOrder | None
    reading: dict[str, Any]
    source_id: str | None
    name_zh: str | None
    name_en: str | None
    time_zone: str | None
    valid_from: date | None
    out: Path | None
    data: Path | None
    yes: bool


def site_add(
    samples: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Delivered files; one entity each (or sheet)."),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Id of the Airflow connection of an API or a database.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="Path of an API: /api/v1/tickets?per_page=100.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of an API that asks for no login.")] = None,
    query: Annotated[str | None, typer.Option(help="A database's query: one SELECT.")] = None,
    entity: Annotated[str | None, typer.Option(help="What the sample is, instead of guessing.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="field=column, field==constant, field=- or field~format; repeat it."),
    ] = None,
    dates: Annotated[DateOrder | None, typer.Option(help="How to read 03/04/2026.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a text file, instead of guessing.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a text file, instead of guessing.")] = None,
    header_row: Annotated[int | None, typer.Option(min=1, help="Row of the column names, from 1.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook; without it all that look alike.")] = None,
    source_id: Annotated[str | None, typer.Option(help="Identifier: small letters, digits, _.")] = None,
    name_zh: Annotated[str | None, typer.Option(help="The source's name in Chinese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="The source's name in English.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of the source's clock: Asia/Shanghai.")] = None,
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day that matters.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, or to add an entity to.", show_default="sites/ID/site.yml"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder the deliveries lie in.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="Start from a ready mapping instead: see site templates.")
    ] = None,
    answer: Annotated[
        list[str] | None, typer.Option("--set", help="What the template asks for: NAME=VALUE; repeat it.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="With --template: the system's address, https://desk.example.com.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take every guess, ask nothing.")] = False,
    home: Home = None,
) -> None:
    """Make a site file from a sample delivery: guesses, shows what it guessed, and asks.

    The sample may be files (csv, tsv, csv.gz, xlsx, or an answer of an API saved as .json), a page of an API
    (--connection with --path, or --url) or a query (--connection with --query). What the sample cannot tell,
    such as whether 03/04 is in March or in April, is asked; with --yes it has to be said.

    With --template no sample is needed: systems in wide use have ready mappings.
    """
    reading = {"encoding": encoding, "delimiter": delimiter, "header_row": header_row, "sheet": sheet}
    given = _Given(
        samples or [], connection, url, path, query, entity, field or [], dates,
        {key: value for key, value in reading.items() if value is not None},
        source_id, name_zh, name_en, time_zone, valid_from.date() if valid_from else None, out, data, yes,
    )  # fmt: skip
    _check(given, template)
    with known_errors():
        if template:
            add_from_template(
                template, out, settings_module.load(home=home, data=data).sites,
                {
                    "source_id": source_id, "zh": name_zh, "en": name_en, "connection": connection,
                    "time_zone": time_zone, "valid_from": given.valid_from.isoformat() if given.valid_from else None,
                },
                answer or [], address, yes=yes,
            )  # fmt: skip
            return
        settings = settings_module.load(home=home, data=data)
        _Adding(given, settings, home).run()


def _check(given: _Given, template: str | None) -> None:
    """Leave with code 2 for what does not go together."""
    kinds = [bool(given.samples), bool(given.path or given.url), bool(given.query)]
    if template and any(kinds):
        raise fail("--template needs no sample: leave one of them out", 2)
    if not template and sum(kinds) != 1:
        raise fail(
            "say where the sample is: files, or --connection ID with --path or --query, or --url; or start from a "
            "--template",
            2,
        )
    if (given.path or given.query) and not given.connection:
        raise fail("--path and --query need --connection ID: the Airflow connection with the address", 2)
    if given.time_zone and given.time_zone not in available_timezones():
        raise fail(f"--time-zone {given.time_zone}: write an IANA name such as Asia/Shanghai", 2)
    if given.source_id and not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", given.source_id):
        raise fail(f"--source-id {given.source_id}: small letters, digits and _, a letter first", 2)
    known = contracts_module.load_contracts()
    if given.entity and given.entity not in known:
        raise fail(f"--entity {given.entity}: {guess.closest(given.entity, known)}", 2)


class _Adding:
    """One run of the command."""

    def __init__(self, given: _Given, settings: Settings, home: Path | None) -> None:
        self.given = given
        self.settings = settings
        self.home = home
        self.contracts = contracts_module.load_contracts()
        self.days: list[date] = []

    def run(self) -> None:
        """Ask, write, check, preview."""
        source_id = self._source_id()
        path = self._path(source_id)
        draft = self._site(source_id, path)
        before = path.read_text(encoding="utf-8") if path.exists() else None
        taken = set(load_sites(path)[0].entities) if before is not None else set()
        for table, keys in self._tables(draft):
            made = self._entity(table, keys, taken)
            if made:
                draft.entities.append(made)
                taken.add(made.contract.entity)
        if not draft.entities:
            raise fail("nothing to write: no entity was chosen")
        if before is None:
            draft.valid_from = self._valid_from(draft)
            text = draft.text()
        else:
            text = before
            for one in draft.entities:
                text = draft_module.append(text, one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(path)
        self._checked(path, draft)
        self._offer_preview(path, draft)

    # --- asking ---

    def _ask(self, question: str, default: _T, parse: Callable[[str], _T] | None = None) -> _T:
        """An answer, or the default; asked again while it cannot be used."""
        if self.given.yes:
            return default
        while True:
            text = _read(question, str(default)) or str(default)
            if parse is None:
                return text  # type: ignore[return-value] # without a parser the answer is a text
            try:
                return parse(text)
            except ValueError as error:
                say(f"  {error}")

    def _agrees(self, question: str) -> bool:
        return self.given.yes or _agrees(question)

    def _source_id(self) -> str:
        if self.given.source_id:
            return self.given.source_id
        if self.given.out and self.given.out.is_file():
            return load_sites(self.given.out)[0].source_id
        if self.given.out and self.given.out.suffix and self.given.out.stem != "site":
            word = self.given.out.stem
        elif self.given.samples:
            first = self.given.samples[0].resolve()
            word = guess.file_pattern(first.stem)[0].partition("{")[0] or first.parent.name
        else:
            word = self.given.connection or "api"
        plain = re.sub(r"[^a-z0-9]+", "_", word.casefold()).strip("_")
        proposal = plain if re.match(r"[a-z]", plain) else "site"

        def parse(text: str) -> str:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text):
                raise ValueError("small letters, digits and _, a letter first")
            return text

        return self._ask("Identifier of the source (never changes)", proposal, parse)

    def _path(self, source_id: str) -> Path:
        out = self.given.out or self.settings.sites / source_id / "site.yml"
        if out.is_dir():
            out = out / "site.yml"
        if out.suffix not in (".yml", ".yaml"):
            raise fail(f"--out {out}: a site file ends in .yml", 2)
        if out.exists():
            if not self._agrees(f"{out} is there. Add to it?"):
                raise fail(f"{out} is there already; say --out for another one")
            load_sites(out)  # a wrong file is told before anything is asked
        return out

    def _site(self, source_id: str, path: Path) -> Draft:
        given = self.given
        connector = "files" if given.samples else "database" if given.query else "rest"
        if path.exists():
            (site,) = load_sites(path)
            is_json = connector == "files" and all(each.suffix == ".json" for each in given.samples)
            connector = "rest" if is_json and site.connector == "rest" else connector
            if site.connector != connector:
                raise fail(f"{path} is a site with the connector {site.connector}; {connector} needs its own")
            return Draft(site.source_id, site.names, connector, site.time_zone, site.connection)
        if given.samples and all(each.suffix.lower() == ".json" for each in given.samples):
            connector = "rest"
        title = source_id.replace("_", " ").capitalize()
        names = {
            "zh": given.name_zh or self._ask("Name in Chinese", title),
            "en": given.name_en or self._ask("Name in English", title),
        }

        def parse(text: str) -> str:
            if text not in available_timezones():
                raise ValueError("an IANA name such as Asia/Shanghai or Europe/London")
            return text

        zone = given.time_zone or self._ask("Time zone of its clock", "Asia/Shanghai", parse)
        connection = given.connection
        if connector == "rest" and not connection:
            connection = self._ask("Id for its Airflow connection", f"{source_id}_api")
        schema = os.path.relpath(site_schema.path(), path.resolve().parent)
        return Draft(source_id, names, connector, zone, connection, schema=schema)

    # --- the sample ---

    def _tables(self, draft: Draft) -> list[tuple[Table, dict[str, Any]]]:
        """The tables of the sample with the connector's keys of each."""
        given = self.given
        if given.query:
            from yardstick.sources import sample_pull

            assert given.connection  # noqa: S101 (checked with the arguments)
            say(f"asking {given.connection} …")
            table, keys = sample_pull.of_query(
                given.connection, given.query, self.settings.home / "spool", ZoneInfo(draft.time_zone)
            )
            return [(table, keys)]
        if given.path or given.url:
            return [self._of_api(draft)]
        found = []
        for file in given.samples:
            tables = sample.read_file(file, given.reading)
            for table in tables:
                if draft.connector == "rest":
                    found.append((table, self._rest_keys(table)))
                else:
                    found.append((table, self._file_keys(file, table, len(tables) > 1)))
        return found

    def _of_api(self, draft: Draft) -> tuple[Table, dict[str, Any]]:
        from yardstick.sources import connections, sample_pull

        assert draft.connection  # noqa: S101 (asked for before)
        if self.given.url:
            connection, path = sample_pull.of_url(draft.connection, self.given.url)
        else:
            connection, path = connections.get(draft.connection), self.given.path or "/"
        say(f"asking {connection.host} …")
        table, keys = sample_pull.of_api(connection, path)
        return table, keys | self._window_keys()

    def _rest_keys(self, table: Table) -> dict[str, Any]:
        """What a saved answer cannot tell is asked."""
        path = self._ask(
            "Path that answers so, below the connection's address", "/" + table.name.removesuffix(".json")
        )
        return {"path": path, **table.reading, "pagination": {"kind": "none"}} | self._window_keys()

    def _window_keys(self) -> dict[str, Any]:
        since = self._ask("Query parameter for 'changed since' (empty: it gives everything every time)", "")
        if not since:
            return {}
        until = self._ask("Query parameter for 'changed before' (empty: none)", "")
        return {"incremental": {"from": since} | ({"until": until} if until else {})}

    def _file_keys(self, file: Path, table: Table, has_sheets: bool) -> dict[str, Any]:
        rows = f"{len(table.rows):,} rows" + (" and more" if table.is_cut else "")
        told = [f"{key} {value}" for key, value in table.reading.items()]
        say(f"\n{table.name}: {', '.join([*told, f'{len(table.header)} columns', rows])}")
        pattern, first, last = guess.file_pattern(file.name)
        self.days += [each for each in (first, last) if each]

        def parse(text: str) -> str:
            from yardstick.sources.pattern import compile_pattern

            if compile_pattern(text).span(file.name) is False:
                raise ValueError(f"{file.name} itself is not named so")
            return text

        pattern = self._ask("  Name of the files", pattern, parse)
        folder = "."
        if file.resolve().is_relative_to(self.settings.data):
            folder = file.resolve().parent.relative_to(self.settings.data).as_posix() or "."
        folder = self._ask("  Folder, below the data folder", folder)
        return {"folder": {"data": folder}, "files": pattern, **table.reading}

    # --- one entity ---

    def _entity(self, table: Table, keys: dict[str, Any], taken: set[str]) -> EntityDraft | None:
        for notice in table.notices:
            say(f"  note: {notice}")
        contract = self._contract(table, keys, taken)
        if contract is None:
            return None
        made = EntityDraft.of(table, contract, keys, guess.match(table, contract))
        for text in self.given.fields:
            if not text.startswith(tuple(contract.fields)) and len(self.given.samples) > 1:
                continue
            try:
                made.say(text)
            except DraftError as error:
                raise fail(f"--field {text}: {error}", 2) from None
        self._show(made)
        while not self.given.yes:
            text = self._ask(
                "Change? field=column, field==constant, field=-, field~format; empty: right so", ""
            )
            if not text:
                if made.lacking:
                    say(f"  still required: {', '.join(item.name for item in made.lacking)}")
                    if not _agrees("  Write it all the same?", is_usual=False):
                        continue
                break
            try:
                made.say(text)
            except DraftError as error:
                say(f"  {error}")
                continue
            self._show(made)
        self._dates(made)
        made.settle_empty_dates()
        self._codes(made)
        if made.lacking and self.given.yes:
            told = ", ".join(f"{item.name} ({item.meaning['zh']})" for item in made.lacking)
            raise fail(
                f"{contract.entity}: no column looks like {told}. Say --field {made.lacking[0].name}=COLUMN "
                f"or --field {made.lacking[0].name}==CONSTANT. Columns: {', '.join(filter(None, table.header))}"
            )
        self._note_days(made)
        return made

    def _contract(self, table: Table, keys: dict[str, Any], taken: set[str]) -> Contract | None:
        if self.given.entity:
            return self.contracts[self.given.entity]
        names = [table.name, *(str(keys[key]) for key in ("sheet", "path", "query") if key in keys)]
        ranked = [one for one in guess.rank(table, self.contracts, names) if one.entity not in taken]
        best = ranked[0]
        if self.given.yes:
            if best.score < _LIKELY:
                raise fail(
                    f"{' '.join(names)}: no entity looks like it (the closest is {best.entity}). Say --entity. "
                    f"Columns: {', '.join(filter(None, table.header))}"
                )
            return self.contracts[best.entity]
        listed = ", ".join(f"{one.entity} ({self.contracts[one.entity].names['zh']})" for one in ranked[:4])
        where = f" sheet {keys['sheet']!r}" if "sheet" in keys else ""
        say(f"{table.name}{where} looks like: {listed}")

        def parse(text: str) -> str:
            if text != "-" and text not in self.contracts:
                raise ValueError(guess.closest(text, self.contracts))
            return text

        chosen = self._ask(
            "What is it? (- to leave it out)", best.entity if best.score >= _LIKELY else "-", parse
        )
        return None if chosen == "-" else self.contracts[chosen]

    def _show(self, made: EntityDraft) -> None:
        from rich.console import Console
        from rich.table import Table as Grid
        from rich.text import Text

        grid = Grid(show_edge=False, title=f"{made.contract.entity}", title_justify="left")
        for name in ("field", "", "column", "looks like", "read as"):
            grid.add_column(name, overflow="fold")
        for name, item in made.contract.fields.items():
            one = made.fields.get(name)
            if one is None:
                if item.required:
                    grid.add_row(Text(name, "red"), "*", Text("?", "red"), "", item.meaning["zh"])
                continue
            unsure = " ?" if one.score < 0.8 else ""
            seen = "" if one.column is None else _sample(made.table.column(one.column), item.is_personal)
            grid.add_row(
                Text(name), "*" if item.required else "",
                Text((one.column if one.column is not None else f"= {one.constant}") + unsure),
                Text(seen), Text(_read_as(one)),
            )  # fmt: skip
        console = Console(stderr=True, width=None if sys.stderr.isatty() else 140)
        console.print(grid)
        if made.other_columns:
            say("  not mapped: " + ", ".join(
                f"{column} ({_shape(made.table.column(column))})" for column in made.other_columns
            ))  # fmt: skip

    def _dates(self, made: EntityDraft) -> None:
        """Settle how dates are written: what the sample leaves open is asked, never guessed."""
        for name in made.undecided:
            one = made.fields[name]
            column = one.column or ""
            values = [value for value in made.table.column(column) if value and value not in one.null_values]
            if not one.readings:
                if self.given.yes:
                    raise fail(
                        f"{name}: no date format fits {column!r}, such as {values[0]!r}. "
                        f"Say --field '{name}~FORMAT' in strptime notation, or --field {name}=-", 2
                    )  # fmt: skip
                self._settle(made, name, f"  {name}: how is {values[0]!r} written? (strptime notation)", "")
                continue
            if self.given.dates:
                fitting = [text for text in one.readings if _order(text) == self.given.dates]
                if len(fitting) == 1:
                    made.set_format(name, fitting[0])
                    continue
            value = next(
                (each for each in values if len(set(_days(each, one.readings).values())) > 1), values[0]
            )
            told = " or ".join(f"{day} ({text})" for text, day in _days(value, one.readings).items())
            if self.given.yes:
                raise fail(
                    f"{name}: {value!r} may be {told}, and nothing in {column!r} decides it. "
                    f"Say --dates, or --field '{name}~{one.readings[0]}'", 2
                )  # fmt: skip
            say(f"  {name}: {value!r} may be {told}.")
            self._settle(made, name, "  Which is it? (1 for the first, 2 for the second, or a format)", "")

    def _settle(self, made: EntityDraft, name: str, question: str, default: str) -> None:
        readings = made.fields[name].readings

        def parse(text: str) -> str:
            chosen = readings[int(text) - 1] if text.isdecimal() and 0 < int(text) <= len(readings) else text
            made.set_format(name, chosen)
            return chosen

        self._ask(question, default, parse)

    def _codes(self, made: EntityDraft) -> None:
        """Ask for the codes of values that have none."""
        for name, one in made.fields.items():
            item = made.contract.fields[name]
            allowed = item.vocabulary or (("true", "false") if item.type == "boolean" else ())
            if not one.uncoded or self.given.yes or not allowed:
                continue
            say(f"  {name}: codes are {', '.join(allowed)}")
            for value, count in list(one.uncoded.items())[:_ASKED_VALUES]:
                shown = "***" if item.is_personal else value

                def parse(text: str, allowed: Sequence[str] = allowed) -> str:
                    if text and text not in allowed:
                        raise ValueError(f"one of {', '.join(allowed)}, or empty")
                    return text

                code = self._ask(f"  {name}: code of {shown!r} ({count:,} rows; empty: rejected)", "", parse)
                if code:
                    del one.uncoded[value]
                    values = Counter(made.table.column(one.column or ""))
                    if not one.codes:  # so far every value was its own code
                        one.codes = {each: each for each in allowed if values[each]}
                    one.codes[value] = code

    def _note_days(self, made: EntityDraft) -> None:
        event = made.contract.event_date
        one = made.fields.get(event) if event else None
        if one and one.column is not None and one.format:
            zone = ZoneInfo("UTC")
            form = compile_format(one.format)
            self.days += [day for day in form.days(made.table.column(one.column), zone) if day]

    # --- the end ---

    def _valid_from(self, draft: Draft) -> str | None:
        needed = any(
            "incremental" in one.keys
            or (
                one.contract.event_date is None
                and not re.search(r"\{(day|month):", str(one.keys.get("files", "")))
            )
            for one in draft.entities
        )
        if not needed:
            return None
        if self.given.valid_from:
            return self.given.valid_from.isoformat()
        first = min(self.days, default=date.today()).replace(day=1)

        def parse(text: str) -> str:
            return date.fromisoformat(text).isoformat()

        return self._ask("First day that matters", first.isoformat(), parse)

    def _checked(self, path: Path, draft: Draft) -> None:
        try:
            load_sites(path)
        except SiteError as error:
            raise fail(
                f"{error}\nwritten, and not right yet: mend it, then ./scripts/yardstick site check {path}"
            ) from None
        say(f"{draft.source_id}: in order ({', '.join(one.contract.entity for one in draft.entities)})")

    def _offer_preview(self, path: Path, draft: Draft) -> None:
        day = max(self.days, default=date.today())
        data = self.given.data or (
            None if not self.given.samples or self._in_data() else self.given.samples[0].resolve().parent
        )
        told = f"./scripts/yardstick site preview {path} --day {day}" + (f" --data {data}" if data else "")
        if self.given.yes or not _agrees("Preview it now? Nothing lands."):
            say(f"see what it brings: {told}")
            return
        from yardstick.commands.preview import show

        (site,) = load_sites(path)
        show(site, day, [one.contract.entity for one in draft.entities], 10, self.home, data)

    def _in_data(self) -> bool:
        return all(each.resolve().is_relative_to(self.settings.data) for each in self.given.samples)


def _read(question: str, default: str) -> str:
    """A line of the terminal or the pipe; asked on stderr, where questions are in nobody's way."""
    typer.echo(f"{question}{f' [{default}]' if default else ''}: ", nl=False, err=True)
    try:
        return input().strip()
    except EOFError:
        raise typer.Abort from None


def _agrees(question: str, *, is_usual: bool = True) -> bool:
    while True:
        text = _read(f"{question} {'[Y/n]' if is_usual else '[y/N]'}", "").casefold()
        if text in ("", "y", "yes", "n", "no"):
            return text in ("y", "yes") or (not text and is_usual)


def _order(text: str) -> str:
    places = {letter: text.find(f"%{letter}") for letter in "Yymd"}
    year = max(places["Y"], places["y"])
    if year < min(places["m"], places["d"]):
        return "year-first"
    return "day-first" if places["d"] < places["m"] else "month-first"


def _days(value: str, formats: Sequence[str]) -> Mapping[str, str]:
    found = {text: compile_format(text).day(value, ZoneInfo("UTC")) for text in formats}
    return {text: f"{day:%-d %B %Y}" for text, day in found.items() if day}


def _read_as(one: guess.FieldGuess) -> str:
    told = []
    if one.readings:
        told.append("asked below: " + " or ".join(one.readings))
    elif one.format:
        told.append(one.format)
    if one.unread:
        told.append(f"{sum(one.unread.values()):,} written otherwise")
    if one.codes:
        told.append(", ".join(f"{value} → {code}" for value, code in list(one.codes.items())[:6]))
    if one.uncoded:
        told.append(f"without a code: {', '.join(list(one.uncoded)[:6])}")
    if one.null_values:
        told.append(f"{', '.join(one.null_values)}: none")
    return "; ".join(told)


def _sample(values: Sequence[str], is_personal: bool) -> str:
    value = next((each for each in values if each), "")
    return _mask(value) if is_personal else value[:40]


def _shape(values: Sequence[str]) -> str:
    return _mask(next((each for each in values if each), "")) or "empty"


def _mask(value: str) -> str:
    """What a value looks like without what it says: it may be personal."""
    shown = re.sub(r"[0-9]", "9", value[:16])
    shown = re.sub(r"[A-Za-z]", "x", shown)
    return re.sub(r"[^\x00-\x7f]", "字", shown)
