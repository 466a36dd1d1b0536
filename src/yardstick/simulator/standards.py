"""The inspection standards of the simulated company: those of the shipped catalogue, and how each really behaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from random import Random  # seeded on purpose: reproducible, not secret

from yardstick import standards
from yardstick.settings import project_root
from yardstick.simulator.posts import POST_KINDS
from yardstick.simulator.projects import Project

_UNFIT_SHARE = 0.05
_DEPARTMENT = {kind.function: kind.department for kind in POST_KINDS}


@dataclass(frozen=True)
class Standard:
    """One standard and how it behaves.

    Attributes:
        code: its code.
        root: root of the category it stands in.
        theme: the category that a thematic inspection of it is called by.
        department: department that is held to it.
        name_zh: what is looked at.
        full_score: points it is worth.
        is_veto: whether failing it vetoes the inspection.
        inspected: types of inspection that look at it.
        grades: service grades it applies to; empty: all.
        kinds: kinds of project it applies to; empty: all.
        facilities: what a project must have for it to apply.
        ease: log odds that a middling department passes it.
        discrimination: how much of a department's level shows in it.
        verdict: what is planted: ``fine``, ``too_strict``, ``too_lax`` or ``does_not_discriminate``.
    """

    code: str
    root: str
    theme: str
    department: str
    name_zh: str
    full_score: float
    is_veto: bool
    inspected: frozenset[str]
    grades: frozenset[str]
    kinds: frozenset[str]
    facilities: frozenset[str]
    ease: float = 0.0
    discrimination: float = 0.0
    verdict: str = "fine"

    def applies_to(self, project: Project) -> bool:
        """Whether the project has what the standard is about."""
        return (
            (not self.grades or project.grade in self.grades)
            and (not self.kinds or project.kind in self.kinds)
            and self.facilities <= project.facilities
        )


def make_standards(seed: int, *, planted: bool) -> dict[str, Standard]:
    """The standards by code; some of them unfit when ``planted``."""
    random = Random(f"{seed}/standards")  # noqa: S311
    found = {
        standard.code: replace(
            standard,
            ease=6.0 if standard.is_veto else random.uniform(2.1, 3.4),
            discrimination=random.uniform(1.2, 2.2),
        )
        for standard in _catalogue()
    }
    if planted:
        ordinary = [code for code, standard in found.items() if not standard.is_veto]
        each = max(2, round(_UNFIT_SHARE * len(ordinary) / 2))
        chosen = random.sample(ordinary, 3 * each)
        for codes, verdict, ease, discrimination in (
            (chosen[:each], "too_strict", -2.6, 0.8),
            (chosen[each : 2 * each], "too_lax", 8.0, 0.0),
            (chosen[2 * each :], "does_not_discriminate", 1.4, 0.0),
        ):
            for code in codes:
                found[code] = replace(found[code], ease=ease, discrimination=discrimination, verdict=verdict)
    return found


@cache
def release() -> standards.Release:
    """The standards release that the company inspects by: the latest that says what to inspect."""
    releases = standards.read(project_root() / "expectations/standards")
    return next(found for found in reversed(releases) if found.inspection_standards)


@cache
def _catalogue() -> tuple[Standard, ...]:
    """What the release says, in the catalogue's order."""
    catalogue = release()
    found = []
    for code, standard in catalogue.inspection_standards.items():
        path = catalogue.category_path(standard.category)
        # A root that is divided twice is inspected by its parts, such as cleaning indoors.
        theme = path[1] if len(path) > 2 else path[0]
        where = standard.applies_to
        found.append(
            Standard(
                code=code,
                root=path[0],
                theme=theme,
                department=_DEPARTMENT[catalogue.categories[standard.category].function],
                name_zh=standard.names["zh"],
                full_score=standard.scoring["full_score"],
                is_veto=standard.veto,
                inspected=frozenset(standard.inspected),
                grades=frozenset(where.get("project_grades", ())),
                kinds=frozenset(where.get("project_types", ())),
                facilities=frozenset(where.get("facilities", ())),
            )
        )
    return tuple(found)
