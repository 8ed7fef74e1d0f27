"""The parent of a worker: starts it, starts it again when it fails, passes signals on."""

import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from time import sleep
from types import FrameType
from typing import Final

from monitor import clock
from monitor.children import ends_with_parent

log = logging.getLogger(__name__)

REFUSED: Final = 78
"""Exit code of a worker that must not be started again like this (EX_CONFIG)."""
FAILED: Final = 1

RESTARTS_VARIABLE: Final = "CLAIMS_MONITOR_RESTARTS"
"""By which a child knows how often it was started again."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_AFTER_S: Final = 60.0
_GRACE_S: Final = 30.0
_LOOK_S: Final = 0.5


def supervise(command: Sequence[str], grace_s: float = _GRACE_S) -> int:
    """Run a worker until it ends well, refuses to start, or a signal ends it.

    Args:
        command: starts the worker.
        grace_s: so long after the signal a worker that has not ended is killed. That loses nothing: what it did is in
            transactions, and the rest is judged by the next owner.

    Returns:
        The exit code: 0 after a clean end, `REFUSED` when a restart would not help, `FAILED` when the worker failed
        while a signal was ending it.
    """
    parent = _Parent(grace_s)
    signal.signal(signal.SIGTERM, parent.stop)
    signal.signal(signal.SIGINT, parent.stop)
    pause = _FIRST_PAUSE_S
    again = 0
    while True:
        began = clock.monotonic()
        code = parent.run(command, again)
        if parent.told_to_stop():
            return 0 if code in {0, -signal.SIGTERM} or parent.out_of_patience else FAILED
        if code in {0, REFUSED}:
            return code
        if clock.monotonic() - began > _STEADY_AFTER_S:
            pause = _FIRST_PAUSE_S
        log.warning("the worker ended with %s; starting it again in %.0f s", _ending(code), pause)
        until = clock.monotonic() + pause
        while clock.monotonic() < until:
            sleep(0.1)
            if parent.told_to_stop():
                return 0
        pause = min(pause * 2, _LONGEST_PAUSE_S)
        again += 1


def restarts() -> int:
    """How often the parent has started this process again after it failed; 0 without a parent."""
    return int(os.environ.get(RESTARTS_VARIABLE, "0"))


class _Parent:
    """The child that runs and whether a signal has ended it all."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._stopping = False
        self._deadline: float | None = None
        self.out_of_patience = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str], again: int) -> int:
        """Run a child to its end, told how often it was started again; gives its exit code."""
        # its own group: Ctrl-C on the terminal reaches the parent alone, which passes it on once
        self._child = child = subprocess.Popen(  # noqa: S603 - our own program
            list(command),
            preexec_fn=ends_with_parent(signal.SIGKILL),  # noqa: PLW1509 - system calls
            process_group=0,
            env=os.environ | {RESTARTS_VARIABLE: str(again)},
        )
        if self._stopping:  # the signal came while it was being started
            child.terminate()
        while True:
            try:
                return child.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                if self._deadline is not None and clock.monotonic() > self._deadline and not self.out_of_patience:
                    log.warning("the worker did not end within %.0f s of the signal: killing it", self._grace_s)
                    self.out_of_patience = True
                    child.kill()

    def told_to_stop(self) -> bool:
        """Whether a signal came."""
        return self._stopping

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """End cleanly: SIGTERM goes on to the child; whoever insists (a second signal) does not wait for it."""
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGKILL if self._stopping else signal.SIGTERM)
        if not self._stopping:
            self._deadline = clock.monotonic() + self._grace_s
        self._stopping = True


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
