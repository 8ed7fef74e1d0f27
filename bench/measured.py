"""What a process and its children used, from /proc (Linux)."""

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started and that still run."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and its running children."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def peak_mb(pid: int) -> int:
    """Greatest resident memory of a process and its running children, added up, MB."""
    total = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/status").read_text(encoding="ascii")
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0)
    return total // 1024


def anonymous_mb(pid: int) -> int:
    """Resident memory that belongs to no file, of a process and its running children, MB."""
    total = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/status").read_text(encoding="ascii")
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon")), 0)
    return total // 1024


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
