"""Child processes that never outlive their purpose.

A child dies with its parent (``PR_SET_PDEATHSIG``), is recorded in the home's ``run`` folder with its
start time, and what a killed parent left behind is ended by the next start (`sweep`).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def started_at(pid: int) -> str | None:
    """The kernel's start tick of a living process, None when there is none: tells a reused pid apart."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


@dataclass
class Child:
    """One supervised process, leader of its own process group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    record: Path

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return ""


@dataclass
class Family:
    """The children of one start; use as a context manager."""

    run: Path
    logs: Path
    children: list[Child] = field(default_factory=list)

    def __enter__(self) -> Family:
        """Clear what an earlier, killed start left behind."""
        sweep(self.run)
        return self

    def __exit__(self, *_: object) -> None:
        """End every child, the last started first."""
        self.stop()

    def start(self, name: str, command: list[str], environment: Mapping[str, str], cwd: Path) -> Child:
        """Start ``command`` in its own process group, its output in ``logs/name.log``."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        handle: IO[bytes]
        with log.open("ab") as handle:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        record = self.run / f"{name}.json"
        record.write_text(json.dumps({"pid": process.pid, "started_at": started_at(process.pid)}))
        child = Child(name, process, log, record)
        self.children.append(child)
        return child

    def dead(self) -> Child | None:
        """The first child that has ended although nobody asked it to."""
        return next((child for child in self.children if not child.alive()), None)

    def stop(self) -> None:
        """End all children and what they started: ask, wait ten seconds, kill."""
        for child in reversed(self.children):
            _signal_group(child.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for child in reversed(self.children):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, deadline - time.monotonic()))
        for child in self.children:
            _signal_group(child.process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(5)
            child.record.unlink(missing_ok=True)
        self.children.clear()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _works_in(pid: int, home: Path) -> bool:
    """Whether a process works below ``home``; its environment would not tell, Airflow writes over it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(home)
    return False


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def sweep(run: Path) -> list[str]:
    """End processes that a killed start of this home left running; returns their names.

    Children are found by their records; what those had started (Airflow's workers run in sessions
    of their own) by working below the home and by having lost their parent.
    """
    ended: list[str] = []
    for record in sorted(run.glob("*.json")) if run.is_dir() else []:
        try:
            known = json.loads(record.read_text())
            pid, tick = int(known["pid"]), known["started_at"]
        except (ValueError, KeyError, OSError):
            record.unlink(missing_ok=True)
            continue
        if started_at(pid) == tick and tick is not None:
            _signal_group(pid, signal.SIGTERM)
            deadline = time.monotonic() + 5
            while started_at(pid) == tick and time.monotonic() < deadline:
                time.sleep(0.1)
            _signal_group(pid, signal.SIGKILL)
            ended.append(record.stem)
        record.unlink(missing_ok=True)
    for pid in _pids():
        if pid == os.getpid() or not _works_in(pid, run.parent):
            continue
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if parent == 1 and b"airflow" in command:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                ended.append(f"orphan {pid}")
    return ended
