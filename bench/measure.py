"""What a process and its children use, read from /proc: seconds of CPU, and memory at its peak.

Memory is the sum of the resident sets of the whole tree, sampled every 50 ms, or the kernel's own high-water mark of
the largest process where that is more: a peak between two samples is not missed in a tree of one process. Pages that
processes share count once for each.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True)
class Usage:
    """What one copy took: seconds of wall clock and of CPU, on both sides, and MiB of memory at the client's peak."""

    seconds: float
    client_cpu_seconds: float
    server_cpu_seconds: float
    peak_mb: float


def tree_of(pid: int) -> list[int]:
    """A process and all its descendants that are alive."""
    found, unseen = [pid], [pid]
    while unseen:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{unseen.pop()}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                unseen += children
    return found


def cpu_seconds(pid: int) -> float:
    """CPU of a process, of its living descendants, and of its children that ended and were waited for."""
    return sum(_cpu_ticks(member) for member in tree_of(pid)) / _TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its descendants together, at this moment."""
    return sum(_status_kib(member, "VmRSS") for member in tree_of(pid)) / _KIB


def high_water_mb(pid: int) -> float:
    """The most that any one process of the tree ever had resident."""
    return max(_status_kib(member, "VmHWM") for member in tree_of(pid)) / _KIB


def parse_cpu_ticks(stat: str) -> int:
    """The clock ticks in a `/proc/<pid>/stat`: its own and those of the children it waited for."""
    # The program's name comes first, in parentheses, and may hold anything.
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def parse_status_kib(status: str, name: str) -> int:
    """One size in a `/proc/<pid>/status`; 0 where the process has no memory any more."""
    for line in status.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def load_average() -> float:
    """How many processes ran or wanted to, on average over the last minute."""
    return os.getloadavg()[0]


def _cpu_ticks(pid: int) -> int:
    try:
        return parse_cpu_ticks(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _status_kib(pid: int, name: str) -> int:
    try:
        return parse_status_kib(Path(f"/proc/{pid}/status").read_text(), name)
    except (FileNotFoundError, ProcessLookupError):
        return 0
