"""The one text of a content, its hash, and the version of the code that made it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import subprocess
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_DECIMALS = 9
_CODE = ("src/yardstick", "dbt_project", "expectations")
_CODE_SUFFIXES = frozenset({".py", ".sql", ".yml", ".yaml", ".csv", ".html", ".j2", ".css", ".js", ".json"})
_NOT_CODE = frozenset({"target", "logs", "dbt_packages", "__pycache__"})


def canonical(value: Any) -> str:
    """The one text of a content: JSON with sorted keys, no spaces, nulls left out, floats rounded.

    Raises:
        ValueError: for a number that is not finite.
    """
    return json.dumps(
        _plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def sha256(value: Any) -> str:
    """Hash of the canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value as JSON knows it; null entries are left out, so that a later column changes no old hash."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value


def rounded(value: float) -> float:
    """Rounded so that the order in which a sum was made cannot show; -0.0 is 0.0."""
    if not math.isfinite(value):
        raise ValueError(f"{value!r} cannot be released")
    return round(value, _DECIMALS) + 0.0


@functools.lru_cache
def code_version(root: Path) -> str:
    """What made the figures: package version and commit, or the code's hash when there is no clean commit."""
    version = metadata.version("yardstick")
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "-C", str(root)]
        top = _output([*git, "rev-parse", "--show-toplevel"])
        if Path(top).resolve() == root.resolve() and not _output(
            [*git, "status", "--porcelain", "--", *_CODE]
        ):
            return f"{version}+git.{_output([*git, 'rev-parse', 'HEAD'])[:12]}"
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root)
            if path.suffix in _CODE_SUFFIXES and not _NOT_CODE.intersection(name.parts) and path.is_file():
                digest.update(
                    f"{name.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
                )
    return f"{version}+sha256.{digest.hexdigest()[:12]}"


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
