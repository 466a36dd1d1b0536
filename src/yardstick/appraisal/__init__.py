"""Freeze a signed period, chain it to the one before, and prove later that nothing moved.

``appraisal.*`` is live and moves with every late ticket; ``release.*`` never does. A period is drafted
(read and hashed), signed by somebody, released in one transaction, and from then on only restated: a
new version beside the old, with a reason. What is hashed, and how, stands in
``docs/decisions/0008-release-hash.md``.
"""

from __future__ import annotations

from yardstick.appraisal.canonical import canonical, code_version, sha256
from yardstick.appraisal.chain import Problem, chain_log, record_artifacts, verify
from yardstick.appraisal.content import RELATIONS, Content, Draft, kind_of, period_span
from yardstick.appraisal.errors import (
    AppraisalError,
    ArtifactChangedError,
    ChainBrokenError,
    DraftChangedError,
    NothingToReleaseError,
)
from yardstick.appraisal.freezing import Signature
from yardstick.appraisal.restatement import proposals, restate
from yardstick.appraisal.signing import (
    AUTO_SIGN,
    draft,
    periods_to_announce,
    prepare,
    release,
    release_signed,
)
from yardstick.periods import Kind

__all__ = [
    "AUTO_SIGN",
    "RELATIONS",
    "AppraisalError",
    "ArtifactChangedError",
    "ChainBrokenError",
    "Content",
    "Draft",
    "DraftChangedError",
    "Kind",
    "NothingToReleaseError",
    "Problem",
    "Signature",
    "canonical",
    "chain_log",
    "code_version",
    "draft",
    "kind_of",
    "period_span",
    "periods_to_announce",
    "prepare",
    "proposals",
    "record_artifacts",
    "release",
    "release_signed",
    "restate",
    "sha256",
    "verify",
]
