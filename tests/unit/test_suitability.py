"""Suitability of standards: the statistics against known answers, and the verdicts against what was planted."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import openpyxl
import pytest
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from yardstick import standards, suitability
from yardstick.bench import suitability as bench
from yardstick.settings import project_root
from yardstick.suitability import fits, levels, verdicts
from yardstick.suitability.checks import NOBODY, Check, Checks
from yardstick.suitability.verdicts import UNFIT, Findings, Thresholds
from yardstick.suitability.words import LANGUAGES, Named, Review, Words, texts

MONTHS = [date(2026, month, 1) for month in range(1, 5)]
LIMITS = fits.Limits(confidence=0.95, fewest=5, best_pass=0.6, sure_pass=0.97)


def made(
    *,
    seed: int = 1,
    projects: int = 16,
    slopes: Sequence[float] = (1.0,) * 12,
    leniency: Sequence[float] = (0.0, 0.0, 0.0, 1.5),
    drift: float = 0.0,
    ease: float = 1.5,
) -> Checks:
    """Checks of a company that is a Rasch model but for the given slopes; the first standard drifts."""
    random = np.random.default_rng(seed)
    level = random.normal(0, 1, projects)
    rows = []
    for project in range(projects):
        for place, month in enumerate(MONTHS):
            for inspector, lenient in enumerate(leniency):
                for standard, slope in enumerate(slopes):
                    odds = ease + slope * level[project] + lenient + (drift * place if standard == 0 else 0)
                    passed = int(random.binomial(3, 1 / (1 + math.exp(-odds))))
                    rows.append(
                        Check(
                            f"S{standard:02}", f"I{inspector}", f"P{project:02}", "AB"[project % 2], "cleaning",
                            month, 3, passed,
                        )
                    )  # fmt: skip
    return Checks.of(rows)


def rows_of(checks: Checks, standard: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.flatnonzero(checks.standard == checks.standards.index(standard))


def test_order_of_the_rows_changes_nothing() -> None:
    rows = [
        Check("S1", "I1", "P1", "A", "cleaning", MONTHS[0], 3, 2),
        Check("S2", NOBODY, "P2", "B", "repair", MONTHS[1], 1, 1),
    ]
    one, other = Checks.of(rows), Checks.of(reversed(rows))
    assert len(one) == 2
    assert one.inspectors == (NOBODY, "I1")
    for name in ("standard", "inspector", "project", "checked", "passed"):
        assert (getattr(one, name) == getattr(other, name)).all()


def test_pass_rate_has_wilsons_interval() -> None:
    found = fits.share(81, 263, 0.95)  # Newcombe, Statistics in Medicine 17 (1998), table I
    assert found.value == pytest.approx(0.3080, abs=1e-4)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert fits.share(0, 0, 0.95).value is None


def test_leniency_is_found_and_agrees_with_a_model_of_fixed_effects() -> None:
    checks = made(leniency=(0.0, 0.0, -1.0, 2.0))
    fitted = levels.fit(checks)
    design = np.zeros((len(checks), 4 + len(checks.standards) + len(checks.projects) - 2))
    design[np.arange(len(checks)), checks.inspector] = 1
    for offset, places in ((4, checks.standard), (3 + len(checks.standards), checks.project)):
        own = places > 0
        design[np.flatnonzero(own), offset + places[own] - 1] = 1
    fixed = GLM(np.column_stack([checks.passed, checks.checked - checks.passed]), design, Binomial()).fit()
    reference = fixed.params[:4] - np.mean(fixed.params[:2])
    estimated = fitted.leniency - np.mean(fitted.leniency[:2])
    assert estimated == pytest.approx(reference, abs=0.05)
    assert np.abs(estimated - [0, 0, -1, 2]).max() < 4 * fitted.leniency_error.max()


def test_level_without_a_standard_is_that_of_a_fit_without_it() -> None:
    checks = made()
    rows = rows_of(checks, "S03")
    quick = levels.fit(checks).without(rows)
    rest = Checks.of(
        Check(
            checks.standards[checks.standard[n]], checks.inspectors[checks.inspector[n]],
            checks.projects[checks.project[n]], "A", "cleaning", checks.months[checks.month[n]],
            int(checks.checked[n]), int(checks.passed[n]),
        )
        for n in range(len(checks))
        if n not in set(rows)
    )  # fmt: skip
    whole = levels.fit(rest)
    refitted = whole.effects[:, 0] + whole.effects[:, 1]
    of_project = np.array([quick[checks.project[rows] == place].mean() for place in range(16)])
    assert np.corrcoef(of_project, refitted)[0, 1] > 0.999
    assert np.abs((of_project - of_project.mean()) - (refitted - refitted.mean())).max() < 0.12


def test_a_visit_nobody_signed_is_counted_and_never_judged() -> None:
    checks = made()
    anonymous = replace(checks, inspectors=(NOBODY, *checks.inspectors[1:]))
    found = verdicts.judge(anonymous, (), bench.thresholds(), by_grade=False)
    assert {one.person_id for one in found.inspectors} == {"I1", "I2", "I3"}
    assert found.rate.checked == checks.checked.sum()


def test_summed_checks_are_fitted_as_single_ones() -> None:
    random = np.random.default_rng(3)
    project = np.repeat(np.arange(10), 4)
    level = random.normal(0, 1, 40)
    checked = np.full(40, 3.0)
    passed = random.binomial(3, 1 / (1 + np.exp(-1 - level))).astype(float)
    zero = np.zeros(40)
    summed = fits.regress(passed, checked, [level], zero, project, 0.95)
    single = np.concatenate([np.r_[np.ones(int(n)), np.zeros(3 - int(n))] for n in passed])
    each = fits.regress(
        single, np.ones(120), [np.repeat(level, 3)], np.zeros(120), np.repeat(project, 3), 0.95
    )
    assert summed is not None
    assert each is not None
    for one, other in zip(summed, each, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-6)
        assert one.error == pytest.approx(other.error, rel=0.01)  # of the sandwich's correction for few rows


def test_failures_and_passes_wholly_apart_have_no_fit() -> None:
    level = np.linspace(-2, 2, 40)
    passed = (level > 0).astype(float)
    assert fits.regress(passed, np.ones(40), [level], np.zeros(40), np.arange(40) % 10, 0.95) is None


def test_slopes_are_told_apart() -> None:
    checks = made(projects=30, slopes=(0.0, 0.5, *(1.0,) * 9, 2.0))
    fitted = levels.fit(checks)
    found = {}
    for standard in ("S00", "S01", "S05", "S11"):
        rows = rows_of(checks, standard)
        part = fits.examine(checks, rows, fitted.without(rows), fitted.leniency, LIMITS, None)
        assert part.discrimination is not None
        assert part.agreement is not None
        found[standard] = part.discrimination.value
        assert part.agreement.low < part.agreement.value < part.agreement.high
        assert (part.agreement.low > 0) == (standard != "S00")
    assert found["S00"] == pytest.approx(0, abs=0.25)
    assert found["S00"] < found["S01"] < found["S05"] < found["S11"]


def test_drift_of_one_standard_is_not_taken_for_a_better_company() -> None:
    checks = made(projects=30, drift=0.8, ease=0.5)
    found = verdicts.judge(checks, (), bench.thresholds(), by_grade=False)
    assert [one.part.standard for one in found.standards if one.is_drifting] == ["S00"]
    drift = found.standards[0].part
    assert drift.drift is not None
    assert drift.drift.low < 0.8 * fits.DAYS_OF_MONTH / 30.25 < drift.drift.high
    assert drift.drift_points is not None
    assert drift.drift_points > 20


def test_pass_rate_before_a_fair_inspector_takes_leniency_out() -> None:
    lenient = np.array([0.0, 2.0])
    checked = np.array([1000.0, 1000.0])
    passed = checked / (1 + np.exp(-(0.4 + lenient)))
    assert fits.fair_rate(passed, checked, lenient) == pytest.approx(1 / (1 + math.exp(-0.4)), abs=1e-9)
    assert fits.fair_rate(checked, checked, lenient) == 1
    assert fits.fair_rate(np.zeros(2), np.zeros(2), lenient) is None


def test_passes_given_by_a_lax_inspector_hardly_count() -> None:
    checked = np.array([200.0])
    fair = fits.chance_failable(np.zeros(1), checked, np.zeros(1), 0.97)
    assert fair == pytest.approx(stats.poisson.cdf(0, 6))
    assert fits.chance_failable(np.zeros(1), checked, np.array([5.0]), 0.97) > 0.9
    assert fits.chance_passable(np.array([60.0]), checked, np.zeros(1), 0.6) < 1e-10
    assert fits.chance_passable(np.array([150.0]), checked, np.zeros(1), 0.6) > 0.99


def test_quarters_are_those_of_the_level() -> None:
    level = np.arange(8.0)
    best, worst = fits.quarters(level[::-1].copy(), np.ones(8))
    assert np.flatnonzero(best).tolist() == [0, 1]
    assert np.flatnonzero(worst).tolist() == [6, 7]


def test_shrinking_takes_chance_for_nothing() -> None:
    random = np.random.default_rng(5)
    errors = np.full(40, 0.3)
    assert verdicts.variance_between(random.normal(0, 0.3, 40), errors) < 0.02
    assert verdicts.variance_between(random.normal(0, 1.0, 40), errors) == pytest.approx(1, abs=0.4)
    assert verdicts.variance_between(errors[:1], errors[:1]) == 0


def test_typical_slope_is_unmoved_by_a_few_unfit_ones() -> None:
    ordinary = [fits.Estimate(1 + n / 100, 0.2, 0, 0, 29) for n in range(-10, 11)]
    odd = [fits.Estimate(-1, 0.2, 0, 0, 29)] * 2
    assert verdicts.typical_slope([*ordinary, *odd]) == pytest.approx(1, abs=0.03)
    assert verdicts.typical_slope([]) == 1


def test_a_company_without_checks_is_told_so() -> None:
    with pytest.raises(ValueError, match="no check with a result"):
        verdicts.judge(Checks.of([]), (), bench.thresholds())


def test_few_checks_are_called_too_little() -> None:
    rows = [Check("S1", "I1", "P1", "A", "cleaning", MONTHS[0], 5, 5)]
    found = verdicts.judge(Checks.of(rows), (), bench.thresholds())
    assert [(one.verdict, one.reason) for one in found.standards] == [("too_little_data", "checks")]
    assert found.standards[0].checks_needed
    assert [one.verdict for one in found.inspectors] == ["too_little_data"]


@cache
def judged(seed: int, planted: bool) -> tuple[bench.Company, Findings]:
    company = bench.make_company(seed, 6, planted=planted)
    return company, verdicts.judge(company.checks, company.vetoes, bench.thresholds(), by_grade=seed == 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_planted_is_found_and_nothing_else(seed: int) -> None:
    company, found = judged(seed, True)
    said = bench.found_in(found)
    assert said <= company.planted, "something is called unfit that is not"
    assert {one for one in company.planted if one[0].endswith("inspector")} <= said
    checks = {one.part.standard: one.part.rate.checked for one in found.standards}
    fine = {one.part.standard for one in found.standards if one.verdict == "fine"}
    enough = {"too_strict": 60, "too_lax": 250}  # what two seeds can show; the benchmark says more
    told = {
        (kind, code) for kind, code in company.planted if checks.get(code, 0) >= enough.get(kind, math.inf)
    }
    assert len(told) > 5
    assert told <= said
    assert not fine & {code for kind, code in company.planted if kind in UNFIT}


def test_nothing_is_found_in_a_company_without_faults() -> None:
    company, found = judged(1, False)
    assert found.rate.checked > 50_000
    assert not company.planted
    assert not bench.found_in(found)
    assert not [one for one in found.standards if one.is_drifting]
    assert [one for one in found.by_grade if one.verdict in UNFIT] == []


def test_a_veto_that_is_always_passed_is_fine() -> None:
    company, found = judged(1, True)
    vetoes = [one for one in found.standards if one.is_veto and one.part.rate.value == 1]
    assert vetoes
    assert {one.part.standard for one in vetoes} <= company.vetoes
    assert {(one.verdict, one.reason) for one in vetoes if one.part.rate.checked >= 40} == {("fine", "veto")}


@cache
def reviewed() -> Review:
    release = standards.read(project_root() / "expectations/standards")[-1]
    named = {
        code: Named(one.names, tuple(release.categories[name].names for name in release.category_path(one.category)))
        for code, one in release.inspection_standards.items()
    }  # fmt: skip
    return Review(
        date(2026, 1, 1), date(2026, 6, 30), release, Thresholds.of(release.suitability), named, judged(1, True)[1]
    )  # fmt: skip


def test_both_languages_say_the_same_things() -> None:
    def keys(value: object, path: str = "") -> set[str]:
        if isinstance(value, dict) and not set(value) <= {"one", "other"}:
            return {key for name, inner in value.items() for key in keys(inner, f"{path}.{name}")}
        return {path}

    first, second = (keys(texts(code)) for code in LANGUAGES)
    assert len(first) > 80
    assert first == second
    assert len(texts("en")["how_list"]) == len(texts("zh-Hans")["how_list"])


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_verdict_has_a_sentence_with_its_figures(code: str) -> None:
    words, review = Words(code), reviewed()
    said = {one.reason: words.said(one, review.thresholds) for one in review.findings.standards}
    assert {"too_strict", "too_lax", "discriminates", "unclear", "veto"} <= set(said)
    assert all("{" not in sentence and sentence for sentence in said.values())
    for one in review.unfit:
        assert words.todo(one)
    summary = words.summary(review)
    assert str(len(review.unfit)) in summary[0]
    odd = [one.person_id for one in review.findings.inspectors if one.verdict in ("lax", "strict")]
    assert odd
    assert all(any(person in sentence for sentence in summary) for person in odd)


def test_the_same_findings_are_the_same_bytes() -> None:
    once, again = suitability.render(reviewed()), suitability.render(reviewed())
    assert sorted(once) == sorted(
        f"{code}/{name}" for code in LANGUAGES for name in ("index.html", "suitability.xlsx")
    )
    assert once == again


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_shows_every_standard_and_asks_nobody(code: str) -> None:
    review = reviewed()
    page = suitability.render(review)[f"{code}/index.html"].decode()
    assert all(one.part.standard in page for one in review.findings.standards)
    assert page.count("<circle") >= len(review.findings.standards)
    assert "http" not in page.replace("http-equiv", "")
    assert (
        "nan"
        not in page.lower().split("</style>")[1].replace("finance", "").replace("maintenance", "").split()
    )


def test_a_name_is_text_wherever_it_goes() -> None:
    review = reviewed()
    code = review.unfit[0].part.standard
    evil = replace(review, named={**review.named, code: Named({"zh": "=1+1<b>", "en": "=1+1<b>"}, ())})
    files = suitability.render(evil)
    assert b"=1+1<b>" not in files["en/index.html"]
    assert b"=1+1&lt;b&gt;" in files["en/index.html"]
    book = openpyxl.load_workbook(io.BytesIO(files["en/suitability.xlsx"]))
    cells = [cell for row in book.worksheets[0].iter_rows() for cell in row if cell.value == "=1+1<b>"]
    assert [cell.data_type for cell in cells] == ["s"]


def test_workbook_can_be_worked_with() -> None:
    review = reviewed()
    book = openpyxl.load_workbook(io.BytesIO(suitability.render(review)["en/suitability.xlsx"]))
    names = [book_sheet.title for book_sheet in book.worksheets]
    assert names == ["Standards", "By grade", "Inspectors", "How to read"]
    sheet = book.worksheets[0]
    assert sheet.freeze_panes == "C5"
    assert sheet.auto_filter.ref
    head = [cell.value for cell in sheet[4]]
    assert sheet.max_row == 4 + len(review.findings.standards)
    passed = head.index("Passed") + 1
    assert sheet.cell(5, passed).number_format == "0.0%"
    assert sheet.cell(4, passed).comment is not None
    assert book.worksheets[2].max_row == 4 + len(review.findings.inspectors)
