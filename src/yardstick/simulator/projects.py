"""The company's projects: names, sizes, and the latent quality that everything else follows from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random  # seeded on purpose: reproducible, not secret

from yardstick.simulator import catalogue

REGIONS = tuple(catalogue.REGIONS)


@dataclass(frozen=True)
class Project:
    """A project and what is true of it.

    Attributes:
        number: its place in the company, from 0.
        project_id: its id.
        name_zh: name in Chinese.
        name_en: name in English.
        region: region it belongs to.
        grade: service grade the owners pay for.
        kind: residential, commercial or office.
        households: households, or tenants.
        area_m2: area under management.
        quality: latent quality in the first month, -1 bad to +1 good.
        drift: change of quality per month.
        departments: what a department is better than its project, by department.
    """

    number: int
    project_id: str
    name_zh: str
    name_en: str
    region: str
    grade: str
    kind: str
    households: int
    area_m2: int
    quality: float
    drift: float
    departments: Mapping[str, float] = field(hash=False)

    @property
    def facilities(self) -> frozenset[str]:
        """What there is to look after, in the words of the standards."""
        found = {"lift", "garage", "fire_control_room", "green_area"}
        if self.kind != "residential":
            found.add("public_washroom")
        elif self.grade == "A":
            found.add("pool")
        return frozenset(found)

    def level(self, department: str, month: int) -> float:
        """Latent quality of a department in a month, before staff, weather and improvement."""
        return max(-1.2, min(1.2, self.quality + self.departments[department] + self.drift * month))


def make_projects(count: int, seed: int) -> list[Project]:
    """The projects of a company; another seed is another company."""
    found = []
    for number in range(count):
        random = Random(f"{seed}/project/{number}")  # noqa: S311
        if number < len(catalogue.PROJECTS):
            name_zh, name_en, grade, kind, households, area_m2 = catalogue.PROJECTS[number]
        else:
            name_zh, name_en = _name(number - len(catalogue.PROJECTS))
            grade, kind = (
                random.choice("ABBCC"),
                random.choices(("residential", "office", "commercial"), (8, 1, 1))[0],
            )
            households = random.randrange(400, 2400, 20)
            area_m2 = households * random.randrange(85, 130)
            if kind != "residential":
                households //= 4
        # Qualities are spread evenly, then shuffled by the seed: every company has good and bad projects.
        rank = (number * 7 + seed * 3) % count
        quality = (2 * (rank + 0.5) / count - 1) * 0.9 + random.uniform(-0.1, 0.1)
        found.append(
            Project(
                number=number,
                project_id=f"P{number + 1:03}",
                name_zh=name_zh,
                name_en=name_en,
                region=REGIONS[number % len(REGIONS)],
                grade=grade,
                kind=kind,
                households=households,
                area_m2=area_m2,
                quality=max(-1.0, min(1.0, quality)),
                drift=random.uniform(-0.06, 0.06),
                departments={code: random.gauss(0, 0.15) for code in (*catalogue.DEPARTMENTS, "PM")},
            )
        )
    return found


def _name(extra: int) -> tuple[str, str]:
    first = catalogue.MORE_FIRST[extra % len(catalogue.MORE_FIRST)]
    last = catalogue.MORE_LAST[extra // len(catalogue.MORE_FIRST) % len(catalogue.MORE_LAST)]
    phase = extra // (len(catalogue.MORE_FIRST) * len(catalogue.MORE_LAST)) + 1
    return (
        first[0] + last[0] + (f"{phase}期" if phase > 1 else ""),
        f"{first[1]} {last[1]}" + (f" Phase {phase}" if phase > 1 else ""),
    )


def house_of(project: Project, random: Random) -> str:
    """Any household of a project: building, unit, floor and door."""
    building, unit = random.randrange(1, 3 + project.households // 200), random.randrange(1, 3)
    return f"{project.project_id}-{building:02}{unit}{random.randrange(1, 27):02}{random.randrange(1, 5):02}"
