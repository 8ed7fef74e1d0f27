"""The one place that reads the wall clock.

The clock decides nothing about findings: time is in the log (event time and Kafka record time). It serves
progress displays, latencies, file names and the time stamps of produced ticks.
"""

import time


def now_ms() -> int:
    """Milliseconds since 1970-01-01 00:00:00 UTC."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the one place


def now_s() -> float:
    """Seconds since 1970-01-01 00:00:00 UTC."""
    return time.time()  # noqa: TID251 - the one place


def monotonic() -> float:
    """Seconds of a clock that never goes back, for durations."""
    return time.monotonic()
