"""The parent of a worker: starts it, starts it again when it fails, passes signals on."""

import ctypes
import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from time import sleep
from types import FrameType
from typing import Final

from monitor import clock

log = logging.getLogger(__name__)

REFUSED: Final = 78
"""Exit code of a worker that must not be started again like this (EX_CONFIG)."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_AFTER_S: Final = 60.0
_PR_SET_PDEATHSIG: Final = 1


def supervise(command: Sequence[str]) -> int:
    """Run a worker until it ends well, refuses to start, or a signal ends it.

    Returns:
        The exit code: 0 after a clean end, `REFUSED` when a restart would not help.
    """
    stopping = False
    child: subprocess.Popen[bytes] | None = None

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGTERM if number == signal.SIGINT else number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pause = _FIRST_PAUSE_S
    while True:
        began = clock.monotonic()
        # its own group: Ctrl-C on the terminal reaches the parent alone, which passes it on once
        child = subprocess.Popen(  # noqa: S603 - our own program
            list(command),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call
            process_group=0,
        )
        code = child.wait()
        if stopping:
            return 0 if code in {0, -signal.SIGTERM} else code
        if code in {0, REFUSED}:
            return code
        if clock.monotonic() - began > _STEADY_AFTER_S:
            pause = _FIRST_PAUSE_S
        log.warning("the worker ended with exit code %d; starting it again in %.0f s", code, pause)
        until = clock.monotonic() + pause
        while clock.monotonic() < until and not stopping:
            sleep(0.1)
        if stopping:
            return 0
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
