"""Why a period cannot be released as asked."""

from __future__ import annotations


class AppraisalError(RuntimeError):
    """A period cannot be released as asked; the message says what to do."""


class NothingToReleaseError(AppraisalError):
    """The period has no scores."""


class DraftChangedError(AppraisalError):
    """The figures are no longer those that were signed."""


class ChainBrokenError(AppraisalError):
    """The log beside the database knows releases that the database does not hold."""


class ArtifactChangedError(AppraisalError):
    """A file differs from the one recorded under the same name."""
