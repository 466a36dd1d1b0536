"""One language of the handbook: what the release's numbers and codes say in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from yardstick.reports.language import Language, number
from yardstick.standards import InspectionStandard, Release, ServiceStandard, SlaPolicy, indicator_code
from yardstick.standards.words import amount

LANGUAGES = ("zh-Hans", "en")
_TEXTS = Path(__file__).parent / "texts"
_FILTER_LABELS = {
    "inspection_type": "inspection_types",
    "inspection_scope": "scopes",
    "dimension": "survey_dimensions",
}


@cache
def texts(code: str) -> dict[str, Any]:
    """The message file of one language."""
    return yaml.safe_load((_TEXTS / f"{code}.yml").read_text(encoding="utf-8"))


def plain(value: float, digits: int = 6) -> str:
    """A number as short as it can be written."""
    text = number(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def first_up(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Words:
    """The handbook in one language.

    Attributes:
        code: ``zh-Hans`` or ``en``.
        release: whose codes are put into words.
    """

    code: str
    release: Release

    def text(self, key: str, /, **values: object) -> str:
        """The message ``key`` (``a.b`` looks into a group) with ``{values}`` put in.

        Raises:
            KeyError: for a message that the language file lacks.
        """
        message: Any = texts(self.code)
        for part in key.split("."):
            message = message[part]
        if isinstance(message, dict):
            message = message["one" if values.get("n") in (1, "1") else "other"]
        return str(message).format(**values) if values else str(message)

    def group(self, key: str) -> Any:
        """A list or a mapping of messages."""
        return texts(self.code)[key]

    def label(self, group: str, code: str) -> str:
        """The name of a code; the code itself when it has none."""
        return texts(self.code)[group].get(code, code)

    def labels(self, group: str, codes: Iterable[str]) -> str:
        """Names of codes, one after the other."""
        return self.listed([self.label(group, code) for code in codes])

    def listed(self, names: Sequence[str]) -> str:
        """Names one after the other: ``a, b and c``, ``a、b和c``."""
        if len(names) < 2:
            return "".join(names)
        return self.text("comma").join(names[:-1]) + self.text("and") + names[-1]

    def say(self, names: Mapping[str, str], code: str = "") -> str:
        """A text of the release in this language."""
        return Language(self.code).name(names, code)

    def day(self, day: date) -> str:
        """A day in words."""
        return Language(self.code).day(day)

    def value(self, value: float, unit: str) -> str:
        """A value of an indicator in its unit; a ratio as a percentage."""
        return amount(value, unit, self.code)

    def days(self, count: int) -> str:
        """How many days."""
        return self.text("days", n=count)

    def category(self, code: str) -> str:
        """A category's name."""
        return self.say(self.release.categories[code].names, code)

    def grade(self, code: str) -> str:
        """A project grade's name."""
        return self.say(self.release.project_grades[code], code)

    def scoring(self, standard: InspectionStandard) -> str:
        """How one check of a standard is scored."""
        scoring = standard.scoring
        values = {"n": plain(scoring["full_score"])}
        if scoring["method"] == "deduction":
            values["per"] = plain(scoring["per_finding"])
        return self.text(f"scoring_words.{scoring['method']}", **values)

    def inspected(self, standard: InspectionStandard) -> str:
        """Which types of inspection look at a standard, and how often at least where there is a limit."""
        said = self.text("inspections_of", types=self.labels("inspection_types", standard.inspected))
        if standard.check_every_days:
            said += self.text("semicolon") + self.text("every_days", n=standard.check_every_days)
        return said

    def applies(self, standard: InspectionStandard) -> str:
        """Which projects a standard holds for."""
        limits = standard.applies_to or {}
        if not limits:
            return self.text("everywhere")
        parts = []
        if grades := limits.get("project_grades"):
            parts.append(self.text("grades_of", grades=self.listed([self.grade(code) for code in grades])))
        if types := limits.get("project_types"):
            parts.append(self.labels("project_types", types))
        if facilities := limits.get("facilities"):
            names = self.labels("facilities", facilities)
            parts.append(self.text("with_facilities", facilities=names))
        return self.text("semicolon").join(parts)

    def asked(self, policy: SlaPolicy) -> list[tuple[str, Sequence[str] | None]]:
        """What a ticket must be for a service level policy: labels and codes; codes of sources stay as they are."""
        found: list[tuple[str, Sequence[str] | None]] = []
        for name, asked in policy.applies_to.items():
            if isinstance(asked, bool):
                found.append((self.text("asked.emergency" if asked else "asked.no_emergency"), None))
            elif name == "project_grades":
                found.append((self.text(f"asked.{name}"), [self.grade(code) for code in asked]))
            elif name == "channels":
                found.append((self.text(f"asked.{name}"), [self.label(name, code) for code in asked]))
            else:
                found.append((self.text(f"asked.{name}"), asked))
        return found or [(self.text("asked.all"), None)]

    def measure(self, code: str) -> str:
        """What a measure counts."""
        return self.label("measures", code)

    def counted(self, indicator: Mapping[str, Any]) -> str:
        """What an indicator's value is made of."""
        if indicator["kind"] == "quantile":
            said = self.text(
                "measured_quantile",
                share=plain(100 * indicator["quantile"]) + "%",
                histogram=self.measure(indicator["histogram"]),
            )
        elif indicator["kind"] == "ratio" and "histogram" in indicator:
            said = self.text(
                "measured_below",
                histogram=self.measure(indicator["histogram"]),
                minutes=plain(indicator["below_minutes"]),
                denominator=self.measure(indicator["denominator"]),
            )
        else:
            said = self.text(
                f"measured_{indicator['kind']}",
                numerator=self.measure(indicator["numerator"]),
                denominator=self.measure(indicator["denominator"]),
            )
        if filters := indicator.get("filters"):
            limits = [
                f"{self.label('filters', field)} {self.listed([self._filtered(field, code) for code in codes])}"
                for field, codes in filters.items()
            ]
            said += self.text("brackets", text=self.text("only", what=self.listed(limits)))
        return first_up(said)

    def _filtered(self, field: str, code: str) -> str:
        if field == "standard_category" and code in self.release.categories:
            return self.category(code)
        return self.label(_FILTER_LABELS[field], code) if field in _FILTER_LABELS else code

    def points(self, indicator: Mapping[str, Any], target: Mapping[str, float]) -> str:
        """How an indicator's value becomes points at one project grade, with its numbers."""
        if indicator["scoring"] != "linear":
            return self.points_rule(indicator)
        unit = indicator["unit"]
        said = self.text(
            "linear_words",
            target_value=self.value(target["target"], unit),
            floor_value=self.value(target["floor"], unit),
            floor_points=plain(self.release.scoring["points_at_floor"]),
            zero_value=self.value(target["zero"], unit),
        )
        value, points = self._between(target)
        return self._joined(
            said, self.text("linear_example", value=self.value(value, unit), points=plain(points))
        )

    def points_rule(self, indicator: Mapping[str, Any]) -> str:
        """How an indicator's value becomes points, whatever the project grade."""
        unit, method = indicator["unit"], indicator["scoring"]
        if method == "deduction":
            return self.text("deduction_words", points=plain(indicator["points_per_event"]))
        if method == "veto":
            code, last = list(self.release.grades.items())[-1]
            return self.text("veto_indicator_words", grade=self.say(last["names"], code))
        if method == "bands":
            best_first = sorted(indicator["bands"], key=lambda band: -band["points"])
            bands = [
                self.text("bands_band", value=self.value(band["value"], unit), points=plain(band["points"]))
                for band in best_first
            ]
            return self.text("bands_words", bands=self.text("semicolon").join(bands))
        grade, target = next(iter(indicator["project_grades"].items()))
        value, points = self._between(target)
        return self._joined(
            self.text("linear_line", floor_points=plain(self.release.scoring["points_at_floor"])),
            self.text(
                "linear_example_of",
                grade=self.grade(grade),
                value=self.value(value, unit),
                points=plain(points),
            ),
        )

    def _between(self, target: Mapping[str, float]) -> tuple[float, float]:
        """The value half way between floor and target, and its points."""
        points = (self.release.scoring["points_at_floor"] + 100) / 2
        return (target["floor"] + target["target"]) / 2, points

    def _joined(self, *sentences: str) -> str:
        return (" " if self.code == "en" else "").join(sentences)

    def nonconformity(self, code: str, indicator: Mapping[str, Any]) -> str | None:
        """What a month worse than its floor or target leads to; None when to nothing."""
        if not (rule := indicator.get("nonconformity")):
            return None
        return self.text(
            f"nonconformity_words_{rule['below']}",
            code=indicator_code(code),
            severity=self.label("severities", rule["severity"]),
            accountable=self.label("functions", rule["accountable"]),
            days=self.days(rule["rectify_within_days"]),
        )

    def service_limit(self, standard: ServiceStandard) -> str:
        """The number a service standard is held to."""
        if standard.at_least is not None:
            return self.text("service_limit_least", value=plain(standard.at_least))
        return self.text("service_limit_most", value=plain(standard.at_most or 0))
