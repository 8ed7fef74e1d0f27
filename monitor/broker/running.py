"""Finds and stops the broker that runs with a data folder, by the note it leaves there."""

import contextlib
import fcntl
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

from monitor import clock

CONFIG: Final = "server.properties"
"""The broker's settings in its data folder; its process is known by that argument."""
_NOTE: Final = "broker.json"
_LOCK: Final = "broker.lock"
_STOP_WITHIN_S: Final = 20.0


@dataclass(frozen=True)
class Running:
    """A broker that runs.

    Attributes:
        pid: of its process.
        bootstrap_servers: where it takes requests.
        ready: whether it takes requests already.
    """

    pid: int
    bootstrap_servers: str
    ready: bool = True


def note(data: Path, found: Running) -> None:
    """Leave a note in the data folder."""
    content = {"pid": found.pid, "bootstrap_servers": found.bootstrap_servers, "ready": found.ready}
    part = data / (_NOTE + ".part")
    part.write_text(json.dumps(content), encoding="ascii")
    part.replace(data / _NOTE)


def forget(data: Path) -> None:
    """Take the note away."""
    (data / _NOTE).unlink(missing_ok=True)


def lock(data: Path) -> int | None:
    """Lock a data folder; None when a broker has it.

    The file descriptor is handed to the broker's process: the folder is locked for as long as that lives, whatever
    becomes of the process that started it.
    """
    descriptor = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def running(data: Path) -> Running | None:
    """The broker that runs with a data folder; None without one. A stale note is taken away."""
    folder = data.absolute()
    try:
        content = json.loads((folder / _NOTE).read_text(encoding="ascii"))
        found = Running(int(content["pid"]), str(content["bootstrap_servers"]), bool(content.get("ready", True)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not _is_broker(found.pid, folder):
        forget(folder)
        return None
    return found


def stop(data: Path) -> bool:
    """Stop the broker that runs with a data folder; tells whether there was one."""
    found = running(data)
    if found is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    until = clock.monotonic() + _STOP_WITHIN_S
    while _is_broker(found.pid, data.absolute()):
        if clock.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
        sleep(0.1)
    forget(data.absolute())
    return True


def _is_broker(pid: int, data: Path) -> bool:
    """Whether the process lives and is the broker of this folder (a number may have been given to another)."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc").exists()
    return b"kafka.Kafka" in arguments and os.fsencode(data / CONFIG) in arguments
