"""What is personal: how long it is kept, handed out to whom it is about, and erased.

Classes and months stand in ``expectations/retention.yml``; what is kept back and why in
``docs/decisions/0032-privacy.md``. Who reads ``hr`` is logged by its views (``warehouse/schema/052_hr_read.sql``).
"""

from __future__ import annotations

from yardstick.privacy.classes import DataClass, RetentionError, load_classes
from yardstick.privacy.erasure import erase, keep_erased
from yardstick.privacy.extract import extract
from yardstick.privacy.retention import retain

__all__ = ["DataClass", "RetentionError", "erase", "extract", "keep_erased", "load_classes", "retain"]
