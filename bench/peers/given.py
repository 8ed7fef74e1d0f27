"""What the bench tells a peer's program."""

import json
import os
from pathlib import Path

from bench.checks import quota_of
from bench.progress import Progress

SERVERS = os.environ["BENCH_SERVERS"]
"""Bootstrap servers."""
CLAIMS = os.environ["BENCH_CLAIMS"]
"""Topic of claims, keyed by person; four partitions."""
ALERTS = os.environ["BENCH_ALERTS"]
"""Topic for alerts, key and JSON value as `bench.checks` makes them."""
NAME = os.environ["BENCH_NAME"]
"""Of the application or group; new for each run."""
FOLDER = Path(os.environ["BENCH_FOLDER"])
"""For state; new for each run."""
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])
QUOTAS = dict(
    quota_of(json.loads(line)) for line in Path(os.environ["BENCH_QUOTAS"]).read_text(encoding="utf-8").splitlines()
)
"""Quota of the month by institution."""


def progress() -> Progress:
    """Where the program counts."""
    return Progress(FOLDER)
