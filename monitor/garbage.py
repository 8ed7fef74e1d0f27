"""The garbage collector of processes that judge: it looks through what is alive, though next to nothing lies in cycles.

Facts, findings and state are freed when the last reference to them goes; with the interpreter's own thresholds the
collector takes about 4 % of a core to find that out again and again.
"""

import gc
from typing import Final

_THRESHOLDS: Final = 50_000, 20, 20
"""New containers before the youngest are looked through (700 by default), and how often the older ones are."""


def collect_rarely() -> None:
    """Leave what is loaded alone for good, and look through what comes later rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
