"""A worker process of the delivery tests: it notes what its handlers are given, in a file of JSON lines.

Usage: worker_program.py JSON, with bootstrap, group, stages ({name: [topics]}), out and options of `Noting`.
"""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from aiokafka.errors import IllegalStateError

from monitor import tasks
from monitor.connection import Connection
from monitor.delivery.app import DeliveryApp, build_app, run
from monitor.delivery.consumer import BatchConsumer
from monitor.delivery.stages import DeliverySettings, Record, Stage, UnitControl
from monitor.delivery.transport import BatchConsumerThread


class Noting:
    """Notes every call; options make it slow, failing, or pausing."""

    def __init__(
        self, out: TextIO, options: Mapping[str, Any], stage: Stage, partition: int, unit: UnitControl
    ) -> None:
        self._out = out
        self._options = options
        self._name = f"{stage.name}-{partition}"
        self._partition = partition
        self._unit = unit
        self._calls = 0
        self._resuming: asyncio.Task[None] | None = None

    def _note(self, event: str, **more: object) -> None:
        self._out.write(json.dumps({"event": event, "unit": self._name, **more}) + "\n")
        self._out.flush()

    async def open(self) -> None:
        self._note("opening", generation=self._unit.generation)
        await asyncio.sleep(self._options.get("open_s", 0))
        self._note("opened")

    async def handle(self, batches: Mapping[str, list[Record]]) -> None:
        self._calls += 1
        self._note("handling", count=sum(map(len, batches.values())))
        await asyncio.sleep(self._options.get("handle_s", 0))
        if self._calls == self._options.get("fail_on_call"):
            raise RuntimeError("this handler was told to fail")
        self._note(
            "handled", offsets={topic: [record.offset for record in records] for topic, records in batches.items()}
        )
        topic = str(self._options.get("pause_topic"))
        if topic in batches and self._resuming is None:
            self._unit.pause(topic)
            self._note("paused")
            self._resuming = tasks.spawn(self._resume(topic), "resume")

    async def _resume(self, topic: str) -> None:
        await asyncio.sleep(self._options["pause_s"])
        self._note("resumed")
        self._unit.resume(topic)

    async def close(self) -> None:
        self._note("closed")


async def note_status(app: DeliveryApp, out: TextIO) -> None:
    """Write the status ten times a second."""
    while not app.should_stop:
        status = app.status()
        out.write(
            json.dumps(
                {
                    "event": "status",
                    "ready": status.ready,
                    "generation": status.generation,
                    "units": {
                        f"{unit.stage}-{unit.partition}": {
                            "state": unit.state,
                            "in_flight": unit.in_flight,
                            "lag": [part.lag for part in unit.partitions],
                            "committed": [part.committed for part in unit.partitions],
                            "position": [part.position for part in unit.partitions],
                        }
                        for unit in status.units
                    },
                }
            )
            + "\n"
        )
        out.flush()
        await asyncio.sleep(0.1)


async def seek_again(app: DeliveryApp, every_s: float) -> None:
    """Set all positions to where they should be, as after a rebalance or a hole, while fetches are under way."""
    while not app.should_stop:
        await asyncio.sleep(every_s)
        consumer = cast("BatchConsumer", app.consumer)
        with contextlib.suppress(IllegalStateError):  # not assigned at the moment
            await consumer._batch_thread.start_at({tp: one.next for tp, one in consumer.progress.items()})


async def rejoin_when_told(app: DeliveryApp) -> None:
    """Join the group again at each SIGUSR1: alone in it, a worker has its partitions back before a fetch has ended."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
    while not app.should_stop:
        await told.wait()
        told.clear()
        thread = cast("BatchConsumer", app.consumer)._batch_thread

        async def ask(thread: BatchConsumerThread = thread) -> None:
            cast("Any", thread._ensure_consumer())._coordinator.request_rejoin()

        await thread.call_thread(ask)


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    config = json.loads(sys.argv[1])
    options = config.get("options", {})
    out = Path(config["out"]).open("a", encoding="utf-8")  # noqa: SIM115 - as long as the process
    stages = [Stage(name, tuple(topics)) for name, topics in config["stages"].items()]
    app = build_app(
        group=config["group"],
        connection=Connection(bootstrap_servers=config["bootstrap"]),
        stages=stages,
        handler=lambda stage, partition, unit: Noting(out, options, stage, partition, unit),
        settings=DeliverySettings(**config.get("settings", {})),
    )

    @app.task  # type: ignore[untyped-decorator]
    async def watch() -> None:
        await note_status(app, out)

    if "seek_s" in options:

        @app.task  # type: ignore[untyped-decorator]
        async def seek() -> None:
            await seek_again(app, options["seek_s"])

    if "rejoin" in options:

        @app.task  # type: ignore[untyped-decorator]
        async def rejoin() -> None:
            await rejoin_when_told(app)

    return run(app)


if __name__ == "__main__":
    sys.exit(main())
