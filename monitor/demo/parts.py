"""Parts of the demo that its drill and the tools use too: a small model, a worker process."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from detectors.model import Settings
from monitor import clock
from monitor.broker.ports import free_port
from monitor.children import ends_with_parent
from monitor.connection import Connection
from monitor.samples import Samples
from monitor.simulator import SimulationConfig, preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from monitor.training import fit
from monitor.worker.owners import members
from topics.catalogue import DEFAULT_GROUP
from topics.times import DAY, UTC_OFFSET

_TRAINING_DAYS: Final = 90
"""Features look 90 days back, and thresholds of a few thousand settlements jump from day to day."""
_HELD_OUT_DAYS: Final = 45
"""A week of so small a region has 650 settlements: too few for a threshold that one in 2,000 passes."""
_OWN_DAYS: Final = 50
_OWN_HELD_OUT_DAYS: Final = 20


def own_model(folder: Path, region: SimulationConfig, seed: int) -> Path:
    """Fit a model on a region's own past, without plants, from 150 to 100 days ago: its own keep the budget best."""
    return _fitted(folder, replace(region, days=_OWN_DAYS), seed, seed, 150, _OWN_HELD_OUT_DAYS)


def small_model(folder: Path, seed: int, ago: int = 150) -> Path:
    """Fit a model on the past of another, smaller region, from so many days ago on."""
    return _fitted(folder, replace(preset("small"), days=_TRAINING_DAYS), seed + 1, seed, ago, _HELD_OUT_DAYS)


def _fitted(folder: Path, region: SimulationConfig, seed: int, model_seed: int, ago: int, hold_out_days: int) -> Path:
    today = (clock.now_ms() // 1000 + UTC_OFFSET) // DAY
    config = replace(region, clean=True, begin=today - ago)
    lines = (msgspec.json.encode(fact) for _, fact in simulate(config, seed))
    samples = Samples(place(lines), load_terms(None).general, lambda _bad: None)
    model = fit(samples, Settings(seed=model_seed, hold_out_days=hold_out_days))
    path = folder / "demo.model"
    path.write_bytes(model.to_bytes())
    return path


def start_worker(
    connection: Connection,
    folder: Path,
    model: Path | None,
    *,
    data: Path | None = None,
    more: Sequence[str] = (),
    within: Sequence[str] = (),
) -> "subprocess.Popen[bytes]":
    """Start a worker process; its log goes into the folder.

    Args:
        connection: to the broker.
        folder: of the demo.
        model: that scores settlements; None: they are not scored.
        data: of the worker; by default in the folder.
        more: options.
        within: a command that runs the worker's.
    """
    command = [
        *within,
        sys.executable,
        "-m",
        "monitor.cli",
        "worker",
        "--bootstrap-servers",
        connection.bootstrap_servers,
    ]
    # a fixed port: Prometheus knows the worker by it, over restarts too
    command += ["--data", str(data or folder / "worker"), "--http-port", str(free_port()), *more]
    command += [] if model is None else ["--model", str(model)]
    with (folder / "worker.log").open("ab") as output:
        # its own session: Ctrl-C is this process's to pass on
        return subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509 - two system calls
        )


def end(worker: "subprocess.Popen[bytes]") -> None:
    """End a worker cleanly, or by force when that takes too long."""
    worker.terminate()
    try:
        worker.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


async def until_ready(connection: Connection, worker: "subprocess.Popen[bytes]", stopped: asyncio.Event) -> str | None:
    """Wait until the worker has its partitions; gives the address of its pages, None when stopped before.

    Raises:
        RuntimeError: the worker ended.
    """
    from monitor.app import ask_worker

    while not stopped.is_set():
        if worker.poll() is not None:
            raise RuntimeError(f"the worker ended with exit code {worker.returncode}")
        for url in await members(connection, DEFAULT_GROUP):
            with contextlib.suppress(OSError):
                status, _ = await ask_worker(url, "/ready", "")
                if status == 200:
                    return url
        await asyncio.sleep(0.3)
    return None
