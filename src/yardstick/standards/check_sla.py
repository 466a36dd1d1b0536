"""Do a release's service levels agree with what they name, and can each of them ever apply?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yardstick.contracts import load_contracts
from yardstick.settings import project_root
from yardstick.standards.release import Release, SlaPolicy


def sla_problems(release: Release, root: Path | None = None) -> list[str]:
    """What is wrong with a release's sla.yml; empty when all is well.

    Args:
        release: the release.
        root: the checkout that has the contracts; default ``settings.project_root()``.
    """
    if not release.sla_policies:
        return []
    problems = [*_unknown(release, root or project_root()), *_same_names(release), *_never(release)]
    return [f"{release.files['sla']}: policies.{problem}" for problem in problems]


def _unknown(release: Release, root: Path) -> Iterator[str]:
    """Grades and channels that there are not; priorities and service items are the sources' own."""
    channels = load_contracts(root / "expectations/contracts")["ticket"].fields["channel"].vocabulary or ()
    known = {"project_grades": tuple(release.project_grades), "channels": channels}
    for code, policy in release.sla_policies.items():
        for name, choices in known.items():
            for given in policy.applies_to.get(name, ()):
                if given not in choices:
                    yield (
                        f"{code}.applies_to.{name}: no {name.replace('_', ' ').removesuffix('s')} {given!r}; "
                        f"choose one of {', '.join(choices)}"
                    )


def _same_names(release: Release) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for code, policy in release.sla_policies.items():
        for language, name in policy.names.items():
            if (other := seen.setdefault((language, name), code)) != code:
                yield f"{code}.names.{language}: {name!r} is the name of {other} too; give it another"


def _never(release: Release) -> Iterator[str]:
    """Policies before which there is one that takes every ticket they could apply to."""
    before: list[SlaPolicy] = []
    for code, policy in release.sla_policies.items():
        for other in before:
            if _takes_all(other.applies_to, policy.applies_to):
                yield (
                    f"{code}: never applies, because {other.policy} stands before it and takes every ticket that "
                    f"it could; put {code} first, or narrow {other.policy}"
                )
                break
        before.append(policy)


def _takes_all(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether every ticket that ``narrow`` is asked of is one of ``wide``, too."""
    return all(
        name in narrow
        and (narrow[name] == asked if isinstance(asked, bool) else set(narrow[name]) <= set(asked))
        for name, asked in wide.items()
    )
