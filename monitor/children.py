"""Child processes that end with their parent, even when the parent is killed."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def ends_with_parent(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for `subprocess.Popen`: the kernel sends the child a signal when its parent ends.

    Linux alone can do that; elsewhere nothing happens. The thread that starts the child counts as its parent, so
    start it from one that lives as long as the child shall.
    """
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None)  # loaded before the fork: other threads may hold the loader's lock in the child
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it has ended already
            os._exit(1)

    return prepare
