"""Files that a reader sees whole: the old one or the new one, never part of one."""

from __future__ import annotations

import os
from pathlib import Path


def put(path: Path, body: bytes, *, mode: int | None = None) -> Path:
    """Put a file in place at once; its folder is made when it is not there.

    Args:
        path: where.
        body: what.
        mode: who may read it, from the first byte on; None: as the process makes files.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if mode is not None:
        part.touch(mode=mode)
        part.chmod(mode)
    part.write_bytes(body)
    part.replace(path)
    return path
