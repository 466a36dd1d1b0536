"""Posts day by day, slowly: who should be there, who holds it, who was there. What the SQL is held to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = Mapping[str, str]
Place = tuple[str, str, date]
_MICRO = Decimal("0.000001")


@dataclass
class Staffing:
    """What is delivered of posts and people; an open end is empty, a last day counts.

    Attributes:
        people: by person.
        posts: rows of establishment.
        assignments: rows.
        certificates: every version of every certificate with the day it was delivered, in order.
        shifts: rows of attendance.
    """

    people: Mapping[str, Row]
    posts: Sequence[Row]
    assignments: Sequence[Row]
    certificates: Sequence[tuple[date, Row]]
    shifts: Iterable[Mapping[str, Any]]

    def daily(self, first: date, last: date) -> dict[Place, dict[str, Any]]:
        """Figures of every post on every day from ``first`` to ``last``, by project, post and day."""
        by_day: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
        for shift in self.shifts:
            by_day[shift["shift_date"]].append(shift)
        found: dict[Place, dict[str, Any]] = {}
        day = first
        while day <= last:
            for (project, post), figures in self._of_day(day, by_day[day]).items():
                found[project, post, day] = figures
            day += timedelta(days=1)
        return found

    def monthly(self, first: date, last: date) -> dict[tuple[date, str, str], Decimal]:
        """Days in service by month, person and project, each day split by the shares held on it."""
        found: dict[tuple[date, str, str], Decimal] = defaultdict(Decimal)
        for person, row in self.people.items():
            day = max(first, _day(row["joined_date"]))
            end = min(last, _day(row["left_date"])) if row.get("left_date") else last
            while day <= end:
                month = day.replace(day=1)
                held = self.held(person, day)
                whole = sum((share for _, _, share in held), Decimal(0))
                parts = [
                    (share / whole).quantize(_MICRO, ROUND_HALF_UP) if whole else Decimal(0)
                    for _, _, share in held
                ]
                if whole:
                    parts[0] = 1 - sum(parts[1:], Decimal(0))
                    for (_, project, _), part in zip(held, parts, strict=True):
                        found[month, person, project] += part
                else:
                    found[month, person, ""] += 1
                day += timedelta(days=1)
        return dict(found)

    def attended(
        self, first: date, last: date
    ) -> tuple[dict[tuple[date, str, str], Counter[str]], dict[tuple[date, str], Counter[str]]]:
        """What shifts come to by month, person and project; what days come to by month and person."""
        of_parts: dict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
        of_months: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        of_days: dict[tuple[str, date], list[Mapping[str, Any]]] = defaultdict(list)
        for shift in self.shifts:
            day, person = shift["shift_date"], shift["person_id"]
            if not first <= day <= last or shift["status"] == "open":
                continue
            of_days[person, day].append(shift)
            held = self.held(person, day)
            main, main_project = held[0][:2] if held else ("", "")
            project = shift["project_id"] or ("" if shift["post_id"] else main_project)
            project = project or self._project(shift["post_id"] or main, day)
            part = of_parts[day.replace(day=1), person, project]
            part["late_shifts"] += bool(shift["late_minutes"])
            part["early_shifts"] += bool(shift["early_minutes"])
            part["absent_shifts"] += shift["status"] == "absent"
            for name in ("late_minutes", "worked_minutes", "leave_minutes", "overtime_minutes"):
                part[name] += shift[name] or 0
        for (person, day), shifts in of_days.items():
            month = of_months[day.replace(day=1), person]
            statuses = {shift["status"] for shift in shifts}
            came = any(shift["is_on_duty"] for shift in shifts)
            month["days_due"] += any(
                shift["shift_kind"] in ("work", "training") and shift["planned_minutes"] is not None
                for shift in shifts
            )
            month["days_present"] += came
            month["days_on_leave"] += not came and "leave" in statuses
            month["days_absent"] += not came and "leave" not in statuses and "absent" in statuses
        return dict(of_parts), dict(of_months)

    def held(self, person: str, day: date) -> list[tuple[str, str, Decimal]]:
        """Post, project and share of all that a person holds on a day, the main one first."""
        of_person = self.people[person]
        if day < _day(of_person["joined_date"]) or (
            of_person.get("left_date") and day > _day(of_person["left_date"])
        ):
            return []
        latest: dict[str, Row] = {}
        for row in sorted(
            (row for row in self.assignments if row["person_id"] == person), key=lambda r: r["valid_from"]
        ):
            if _day(row["valid_from"]) <= day:
                latest[row["post_id"]] = row  # a later row ends the one before
        rows = [row for row in latest.values() if not row.get("valid_to") or day <= _day(row["valid_to"])]
        rows.sort(
            key=lambda r: (
                (r.get("assignment_kind") or "primary") != "primary",
                -Decimal(r.get("share_pct") or 100),
                r["post_id"],
            )
        )
        told = [Decimal(row.get("share_pct") or 100) for row in rows]
        whole = max(sum(told), Decimal(100))
        shares = [(share / whole).quantize(_MICRO, ROUND_HALF_UP) for share in told]
        if shares:
            shares[0] += (sum(told) / whole).quantize(_MICRO, ROUND_HALF_UP) - sum(shares)
        return [
            (row["post_id"], row.get("project_id") or self._project(row["post_id"], day), share)
            for row, share in zip(rows, shares, strict=True)
        ]

    def _post(self, post: str, day: date) -> Row | None:
        rows = sorted(
            (row for row in self.posts if row["post_id"] == post and _day(row["valid_from"]) <= day),
            key=lambda row: row["valid_from"],
        )
        if not rows or (rows[-1].get("valid_to") and day > _day(rows[-1]["valid_to"])):
            return None
        return rows[-1]

    def _project(self, post: str, day: date) -> str:
        row = self._post(post, day)
        return row.get("project_id", "") if row else ""

    def _is_certified(self, person: str, kind: str, day: date) -> bool:
        versions: dict[str, list[tuple[date, Row]]] = defaultdict(list)
        for told, row in self.certificates:
            versions[row["source_certificate_id"]].append((told, row))
        for told in versions.values():
            now = told[-1][1]
            if now["person_id"] != person or now["certificate_kind"] != kind:
                continue
            withdrawn = None
            for since, row in reversed(told):
                if row.get("status", "valid") in ("", "valid"):
                    break
                withdrawn = since
            if (
                (not now.get("valid_from") or _day(now["valid_from"]) <= day)
                and (not now.get("valid_to") or day <= _day(now["valid_to"]))
                and (withdrawn is None or day < withdrawn)
            ):
                return True
        return False

    def _of_day(
        self, day: date, shifts: Sequence[Mapping[str, Any]]
    ) -> dict[tuple[str, str], dict[str, Any]]:
        figures: dict[tuple[str, str], dict[str, Any]] = {}

        def at(project: str, post: str) -> dict[str, Any]:
            row = self._post(post, day)
            asked = row.get("required_certificate_kind") if row else None
            return figures.setdefault(
                (project, post),
                {
                    "established_persons": Decimal(0), "filled_persons": Decimal(0), "assigned_persons": 0,
                    "certified_persons": Decimal(0) if asked else None,
                    "uncertified_on_duty_persons": 0 if asked else None,
                    **dict.fromkeys(
                        ("rostered_persons", "on_duty_persons", "on_leave_persons", "absent_persons",
                         "unknown_persons", "late_persons", "early_persons", "incomplete_punches",
                         "planned_minutes", "worked_minutes", "overtime_minutes"), 0
                    ),
                },
            )  # fmt: skip

        for post in {row["post_id"] for row in self.posts}:
            if row := self._post(post, day):
                at(row.get("project_id", ""), post)["established_persons"] = Decimal(
                    row["established_persons"]
                )
        mains: dict[str, tuple[str, str]] = {}
        for person in self.people:
            for number, (post, project, share) in enumerate(self.held(person, day)):
                place = at(project, post)
                place["filled_persons"] += share
                place["assigned_persons"] += 1
                row = self._post(post, day)
                asked = row.get("required_certificate_kind") if row else None
                if asked and self._is_certified(person, asked, day):
                    place["certified_persons"] += share
                if not number:
                    mains[person] = post, project

        seen: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for shift in shifts:
            main, main_project = mains.get(shift["person_id"], ("", ""))
            post = shift["post_id"] or main
            project = shift["project_id"] or ("" if shift["post_id"] else main_project)
            seen[project or self._project(post, day), post, shift["person_id"]].append(shift)
        for (project, post, person), own in seen.items():
            place = at(project, post)
            came = any(shift["is_on_duty"] for shift in own)
            place["on_duty_persons"] += came
            place["rostered_persons"] += any(
                shift["shift_kind"] in ("work", "training") and shift["status"] != "cancelled"
                for shift in own
            )
            for name, statuses in (
                ("on_leave_persons", ("leave",)),
                ("absent_persons", ("absent",)),
                ("unknown_persons", ("open", "unclear")),
            ):
                place[name] += not came and any(shift["status"] in statuses for shift in own)
            place["late_persons"] += any(shift["late_minutes"] for shift in own)
            place["early_persons"] += any(shift["early_minutes"] for shift in own)
            place["incomplete_punches"] += sum(
                shift["status"] in ("missing_in", "missing_out", "contradictory") for shift in own
            )
            for name in ("planned_minutes", "worked_minutes", "overtime_minutes"):
                place[name] += sum(shift[name] or 0 for shift in own)
            row = self._post(post, day)
            asked = row.get("required_certificate_kind") if row else None
            if asked and came and not self._is_certified(person, asked, day):
                place["uncertified_on_duty_persons"] += 1
        for place in figures.values():
            missing = place["established_persons"] - place["filled_persons"]
            place["vacant_persons"], place["surplus_persons"] = (
                max(missing, Decimal(0)),
                max(-missing, Decimal(0)),
            )
        return figures


def _day(text: str) -> date:
    return date.fromisoformat(text)
