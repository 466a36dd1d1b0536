"""Guesses a mapping from a sample: which entity, which column is which field, date formats, codes, days.

Everything here is a proposal that a person confirms. What cannot be known from the sample, day or month
first, is said to be so (``FieldGuess.readings``) and not chosen.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from yardstick.contracts import Contract, Field
from yardstick.sources.dates import ISO, DateFormat, DateFormatError, compile_format
from yardstick.sources.fold import fold
from yardstick.sources.pattern import compile_pattern
from yardstick.sources.sample import Table

SYNONYMS = Path(__file__).with_name("synonyms.yml")
SURE_ENOUGH = 0.6
ABSENT_WORDS = frozenset(
    {"-", "--", "---", "—", "——", "/", "无", "暂无", "null", "none", "nil", "n/a", "na", "#n/a"}
)
_BOOLEANS = frozenset({"true", "false", "t", "f", "yes", "no", "y", "n", "on", "off", "1", "0"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LOOKED_AT = 3000

_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d",
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y",
    "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d.%m.%y",
    "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%y",
)  # fmt: skip
_CLOCKS = (
    "", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%H时%M分", "%H时%M分%S秒",
    "%H:%M%z", "%H:%M:%S%z", "%H:%M:%S.%f%z", "%H:%M:%S %z",
)  # fmt: skip


@dataclass
class FieldGuess:
    """How one field may be read.

    Attributes:
        column: the source's column; None for a constant.
        score: how sure, 0 to 1.
        constant: the value of every row.
        format: of a date; None when it is no date or ``readings`` are to be chosen from.
        readings: formats that fit every value alike and mean different days.
        unread: values that the format does not fit, and how often.
        codes: code by source value.
        uncoded: source values without a code, and how often.
        null_values: texts that mean that there is no value.
        note: what a person should know of it.
    """

    column: str | None
    score: float = 1.0
    constant: str | None = None
    format: str | None = None
    readings: tuple[str, ...] = ()
    unread: dict[str, int] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    uncoded: dict[str, int] = field(default_factory=dict)
    null_values: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class EntityGuess:
    """One reading of a table.

    Attributes:
        entity: the contract.
        score: how well it fits; to be compared only.
        columns: field by column, with how sure it is.
    """

    entity: str
    score: float
    columns: Mapping[str, tuple[str, float]]


# --- words ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def synonyms() -> dict[str, Any]:
    """What site systems call things (``synonyms.yml``)."""
    content: dict[str, Any] = yaml.safe_load(SYNONYMS.read_text(encoding="utf-8"))
    return content


_SAME_WORDS = {
    "number": "no",
    "num": "no",
    "nr": "no",
    "identifier": "id",
    "datetime": "time",
    "timestamp": "time",
}
_NEGATIONS = re.compile(r"[未不非无没]|\b(not?|un\w+|in(active|complete|valid))\b", re.IGNORECASE)


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """A name without case, width, white space and punctuation; ``WO Number`` is ``wono``."""
    apart = re.sub(r"[\W_]+", " ", fold(name)).split()
    return "".join(_SAME_WORDS.get(word, word) for word in apart)


def _without_brackets(name: str) -> str:
    return re.sub(r"[(（\[【].*?[)）\]】]", "", name)


@lru_cache(maxsize=8192)
def _words(name: str) -> frozenset[str]:
    """The words of a name: camelCase, spaces, punctuation and underscores separate them."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    found = re.findall(r"[a-z0-9]+", fold(apart).replace("_", " "))
    return frozenset(_SAME_WORDS.get(word, word) for word in found)


@lru_cache(maxsize=65_536)
def likeness(column: str, alias: str) -> float:
    """How much a column's name is like a known one, 0 to 1; of ``outer.inner`` the inner name tells less."""
    if "." in column:
        outer, _, inner = column.rpartition(".")
        return max(likeness(f"{outer} {inner}".replace(".", " "), alias), 0.85 * likeness(inner, alias))
    whole, bare, known = plain(column), plain(_without_brackets(column)), plain(alias)
    if not known or not whole:
        return 0.0
    if known in (whole, bare):
        return 1.0
    if known.isascii():
        words, wanted = _words(column), _words(alias)
        if wanted and words and (wanted < words or words < wanted):
            small, large = sorted((wanted, words), key=len)
            inside = 0.45 + 0.4 * sum(map(len, small)) / sum(map(len, large))
            return min(inside, 0.9)
        return 0.9 * _ratio(bare, known, 0.8) if min(len(bare), len(known)) > 3 else 0.0
    if len(known) >= 2 and len(bare) >= 2 and (known in bare or bare in known):
        return 0.5 + 0.4 * min(len(known), len(bare)) / max(len(known), len(bare))
    return 0.9 * _ratio(bare, known, 0.75)


def _ratio(one: str, other: str, least: float) -> float:
    """How alike two texts are by their letters; 0 below the least that counts, which is soon seen."""
    both = len(one) + len(other)
    shared = sum(min(one.count(letter), other.count(letter)) for letter in set(one))
    if 2 * shared < least * both:
        return 0.0
    found = difflib.SequenceMatcher(None, one, other).ratio()
    return found if found >= least else 0.0


def aliases(contract: Contract, item: Field) -> list[tuple[str, float]]:
    """Every name of a field, with how much it tells."""
    known = synonyms()["fields"]
    own = known.get(contract.entity, {}).get(item.name, [])
    general = known["*"].get(item.name, [])
    stem = re.sub(r"_(id|at|date|zh|en|m2|cny)$|^source_", "", item.name)
    return [
        (item.name, 1.0),
        *((str(word), 1.0) for word in own),
        (item.meaning["zh"], 0.99),
        *((str(word), 0.97) for word in general),
        (item.meaning["en"], 0.95),
        (stem, 0.9),
    ]


def closest(name: str, known: Iterable[str]) -> str:
    """What may have been meant, as a sentence."""
    listed = [each for each in known if each]
    close = max(listed, key=lambda each: max(likeness(name, each), likeness(each, name)), default="")
    if close and max(likeness(name, close), likeness(close, name)) >= 0.5:
        return f"Is it {close!r}?"
    return f"There are {', '.join(listed)}."


# --- shapes of values -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """What the values of a column look like.

    Attributes:
        count: values that are there.
        distinct: how many different ones.
        dates: share that may be dates.
        clocks: share of the dates that have a time of day.
        numbers: share that are numbers.
    """

    count: int
    distinct: int
    dates: float
    clocks: float
    numbers: float


_DATE_LIKE = re.compile(
    r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?.*|20\d{6}(\d{4,6})?"
    r"|\d{1,2}[- ][A-Za-z]{3}[- ,]\s?\d{2,4}.*|[A-Za-z]{3} \d{1,2}, \d{4}.*"
)
_CLOCK_LIKE = re.compile(r".*\d{1,2}[:时]\d{2}.*|20\d{10,12}")


def shape(values: Iterable[str]) -> Shape:
    """What values look like; words that mean that there is none do not count."""
    there = [value for value in values if value and value.casefold() not in ABSENT_WORDS][:_LOOKED_AT]
    if not there:
        return Shape(0, 0, 0, 0, 0)
    dates = [value for value in there if _DATE_LIKE.fullmatch(value)]
    return Shape(
        count=len(there),
        distinct=len(set(there)),
        dates=len(dates) / len(there),
        clocks=sum(_CLOCK_LIKE.fullmatch(value) is not None for value in dates) / max(len(dates), 1),
        numbers=sum(_NUMBER.fullmatch(value.replace(",", "")) is not None for value in there) / len(there),
    )


def _fits(contract: Contract, item: Field, seen: Shape, values: Sequence[str]) -> float:
    """What the values add to, or take from, the likeness of the names."""
    if not seen.count:
        return 0.0
    if item.type in ("timestamp", "date"):
        if seen.dates < 0.5:
            return -0.7
        return 0.05 if (seen.clocks > 0.5) == (item.type == "timestamp") else -0.05
    if item.type in ("integer", "numeric"):
        return -0.6 if seen.numbers < 0.6 or seen.dates > 0.9 else 0.05
    if seen.dates > 0.9 and not re.fullmatch(r"\d+", values[0] if values else ""):
        return -0.5
    if item.type == "boolean" or item.vocabulary:
        _, uncoded = code_table(contract, item, Counter(value for value in values if value))
        known = sum(1 for value in set(values) if value) - len(uncoded)
        share = known / max(1, len(set(filter(None, values))))
        if item.type == "boolean":
            return 0.1 if share == 1 and seen.distinct <= 4 else -0.5
        return -0.4 if seen.distinct > 60 else 0.15 * share - (0.15 if share == 0 else 0)
    if contract.key == (item.name,) and seen.distinct < seen.count:
        return -0.2 if seen.distinct > 0.5 * seen.count else -0.35
    return 0.0


# --- entity and columns ---------------------------------------------------------------------------


def rank(table: Table, contracts: Mapping[str, Contract], names: Sequence[str] = ()) -> list[EntityGuess]:
    """The entities a table may be of, the likeliest first.

    Args:
        table: the sample.
        contracts: contracts by entity.
        names: names of file, sheet, path or query that may tell.
    """
    shapes = {column: shape(table.column(column)) for column in _columns(table)}
    found = [_match(table, contract, shapes, names) for contract in contracts.values()]
    return sorted(found, key=lambda guess: (-guess.score, guess.entity))


def match(table: Table, contract: Contract) -> EntityGuess:
    """The columns of a table as fields of one entity."""
    return _match(table, contract, {column: shape(table.column(column)) for column in _columns(table)}, ())


def _columns(table: Table) -> list[str]:
    """Columns that can be mapped: named, and only once."""
    count = Counter(map(fold, table.header))
    return [column for column in table.header if column and count[fold(column)] == 1]


def _match(
    table: Table, contract: Contract, shapes: Mapping[str, Shape], names: Sequence[str]
) -> EntityGuess:
    scored = []
    samples = {column: table.column(column)[:_LOOKED_AT] for column in shapes}
    for place, item in enumerate(contract.fields.values()):
        known = aliases(contract, item)
        for column, seen in shapes.items():
            like = max(weight * likeness(column, alias) for alias, weight in known)
            if like < 0.5:
                continue
            score = like + _fits(contract, item, seen, samples[column])
            if score >= SURE_ENOUGH:
                scored.append((score, like, -place, -table.header.index(column), item.name, column))
    chosen: dict[str, tuple[str, float]] = {}
    for score, *_, name, column in sorted(scored, reverse=True):
        if name not in {taken for taken, _ in chosen.values()} and column not in chosen:
            chosen[column] = (name, min(score, 1.0))
    required = [item.name for item in contract.fields.values() if item.required]
    mapped = dict(chosen.values())
    share_required = sum(min(mapped.get(name, 0), 1) for name in required) / len(required)
    share_columns = sum(mapped.values()) / max(len(shapes), 1)
    named = max((_named(contract, name) for name in names), default=0.0)
    return EntityGuess(contract.entity, 0.5 * share_required + 0.5 * share_columns + 0.3 * named, chosen)


def _named(contract: Contract, name: str) -> float:
    """Whether a file, sheet or path is named for an entity."""
    known = [contract.entity, *contract.names.values(), *synonyms()["entities"].get(contract.entity, [])]
    words, bare = _words(name), plain(re.sub(r"[0-9]+", "", name))
    best = 0.0
    for alias in known:
        wanted = plain(alias)
        hit = _words(alias) <= words if wanted.isascii() else wanted in bare
        if hit:
            best = max(best, 0.6 + 0.4 * min(1, len(wanted) / max(len(bare), 1)))
    return best


# --- one field ------------------------------------------------------------------------------------


def describe(contract: Contract, item: Field, table: Table, column: str, score: float = 1.0) -> FieldGuess:
    """How a field may be read from a column: date format, codes, texts that mean nothing."""
    values = Counter(value for value in table.column(column) if value)
    guess = FieldGuess(column, score)
    coded = bool(item.vocabulary) or item.type == "boolean"
    if coded or item.type != "text":
        absent = [value for value in values if value.casefold() in ABSENT_WORDS]
        if coded:
            absent = [value for value in absent if not code_table(contract, item, Counter([value]))[0]]
        guess.null_values = tuple(sorted(absent))
        for value in absent:
            del values[value]
    if item.type in ("timestamp", "date"):
        formats, guess.unread = date_formats(values)
        if len(formats) == 1:
            guess.format = formats[0]
        guess.readings = tuple(formats) if len(formats) > 1 else ()
    elif coded:
        guess.codes, guess.uncoded = code_table(contract, item, values)
    return guess


@lru_cache(maxsize=1)
def _formats() -> tuple[DateFormat, ...]:
    """Every way to write a date that is tried, the plainest first."""
    found = [compile_format(ISO)]
    for day, clock in product(_DATES, _CLOCKS):
        for between in (" ", "T") if clock else ("",):
            if between == "T" and not day.startswith("%Y-"):
                continue
            try:
                found.append(compile_format(f"{day}{between}{clock}"))
            except DateFormatError:  # pragma: no cover - every combination is sound
                continue
    found += [compile_format("%Y%m%d%H%M%S"), compile_format("%Y%m%d%H%M"), compile_format("%Y%m%d %H%M%S")]
    return tuple(found)


def date_formats(values: Mapping[str, int]) -> tuple[list[str], dict[str, int]]:
    """The formats that fit most values, and the values that they do not fit.

    Args:
        values: values with how often each stands.

    Returns:
        One format per reading: several only when they fit alike and mean different days. None when less
        than half of the values fit any.
    """
    from zoneinfo import ZoneInfo

    # Evenly spread: a file in order of time begins with a few days only.
    some = list(values)[:: 1 + len(values) // _LOOKED_AT]
    zone = ZoneInfo("UTC")
    best: dict[tuple[date | None, ...], str] = {}
    most = 0
    for form in _formats():
        if not any(form.day(value, zone) for value in some[:50]):
            continue
        days = tuple(form.days(some, zone))
        count = sum(day is not None for day in days)
        if count > most:
            best, most = {days: form.text}, count
        elif count == most:
            best.setdefault(days, form.text)
    if not some or most * 2 < len(some):
        return [], {}
    misfits = {value: values[value] for value, day in zip(some, next(iter(best)), strict=True) if day is None}
    return list(best.values()), misfits


def code_table(
    contract: Contract, item: Field, values: Mapping[str, int]
) -> tuple[dict[str, str], dict[str, int]]:
    """Codes for the values of a coded field, and the values that have none.

    A value that is the code itself needs no entry, unless another one has one.
    """
    vocabulary = item.vocabulary or ("true", "false")
    codes, uncoded = {}, {}
    for value in sorted(values, key=lambda each: (-values[each], each)):
        code = _code(contract, item, value, vocabulary)
        if code is None:
            uncoded[value] = values[value]
        else:
            codes[value] = code
    if item.type == "boolean" and all(value.casefold() in _BOOLEANS for value in codes):
        return {}, uncoded
    if all(value == code for value, code in codes.items()):
        return {}, uncoded
    return codes, uncoded


def _code(contract: Contract, item: Field, value: str, vocabulary: Sequence[str]) -> str | None:
    if value in vocabulary:
        return value
    wanted = plain(value) or value.strip()
    known = synonyms()["codes"]
    own = known.get(f"{contract.entity}.{item.name}", {})
    table = {code: [code, *map(str, own.get(code, known["*"].get(code, [])))] for code in vocabulary}
    for code, words in table.items():
        if any(wanted == (plain(word) or word) for word in words):
            return code
    if item.type == "boolean" or _NEGATIONS.search(value):
        return None  # 未办结 is not nearly 办结
    like, code = max((_code_likeness(value, word), code) for code, words in table.items() for word in words)
    return code if like >= 0.8 else None


def _code_likeness(value: str, word: str) -> float:
    """How much a source's value is like a word for a code."""
    given, known = plain(value), plain(word)
    if not given or not known:
        return 0.0
    if not known.isascii():
        if len(known) >= 2 and (known in given or (len(given) >= 2 and given in known)):
            return 0.6 + 0.4 * min(len(known), len(given)) / max(len(known), len(given))
        return 0.0
    if len(known) >= 3 and _words(word) <= _words(value):
        return 0.8 + 0.2 * len(known) / len(given)
    if min(len(known), len(given)) < 4:
        return 0.0
    return _ratio(given, known, 0.85)


# --- file names -----------------------------------------------------------------------------------

_DAY = re.compile(r"(20\d\d)([-_.年]?)(0[1-9]|1[0-2])([-_.月]?)(0[1-9]|[12]\d|3[01])(日?)(?!\d)")
_MONTH = re.compile(r"(20\d\d)([-_.年]?)(0[1-9]|1[0-2])(月?)(?!\d)")


def file_pattern(name: str) -> tuple[str, date | None, date | None]:
    """The pattern a file name is of, and the days it stands for.

    Example:
        >>> file_pattern("工单_20260131.csv")[0]
        '工单_{day:%Y%m%d}.csv'
    """
    for kind, expression in (("day", _DAY), ("month", _MONTH)):
        hit = next(
            (each for each in expression.finditer(name) if not name[: each.start()][-1:].isdigit()), None
        )
        if hit is None:
            continue
        parts = list(hit.groups())
        form = f"%Y{parts[1]}%m{parts[3]}" + (f"%d{parts[5]}" if kind == "day" else "")
        text = f"{name[: hit.start()]}{{{kind}:{form}}}{name[hit.end() :]}"
        span = compile_pattern(text).span(name)
        if isinstance(span, tuple):
            return text, *span
    return name, None, None
