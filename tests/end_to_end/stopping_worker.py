"""A worker that ends or freezes itself at a chosen point of a batch.

Usage: stopping_worker.py JSON, with bootstrap, prefix, group, data, point, batch (how many batches that matter to let
by), and optionally action (kill -9, or freeze: SIGSTOP) and session_timeout. It has no supervisor.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiokafka
from aiokafka.structs import TopicPartition

from monitor.app import WorkerSettings, build_worker
from monitor.connection import Connection
from monitor.delivery.app import run
from monitor.delivery.fence import FencedProducer, Outgoing
from monitor.delivery.stages import DeliverySettings
from monitor.records import Effects
from monitor.store import Store

POINTS = ("before-send", "before-commit", "before-store", "before-acknowledgement")
"""Judged; all sent to the broker; transaction committed; local state written."""

log = logging.getLogger(__name__)


class Stop:
    """Counts the batches that matter, and stops the process at the point of the chosen one."""

    def __init__(self, point: str, batch: int, number: signal.Signals) -> None:
        self._point = point
        self._left = batch
        self._number = number
        self._due: object = None

    def saw(self, *, matters: bool) -> None:
        """A batch begins, in the task of its unit."""
        if matters and self._due is None:
            self._left -= 1
            if self._left < 0:
                self._due = asyncio.current_task()

    def at(self, point: str) -> None:
        """The batch has come this far."""
        if point == self._point and self._due is not None and asyncio.current_task() is self._due:
            self._point = ""
            log.warning("%s at the point %s", self._number.name, point)
            os.kill(os.getpid(), self._number)


def main(config: dict[str, Any]) -> int:
    """Run until the point is reached, and on if it only freezes there."""
    number = signal.SIGSTOP if config.get("action") == "freeze" else signal.SIGKILL
    stop = Stop(config["point"], config["batch"], number)
    commit: Any = aiokafka.AIOKafkaProducer.commit_transaction
    apply = Store.apply

    async def noting_commit(self: FencedProducer, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        """A batch that matters has alerts and contributions: something to lose, or to say twice."""
        kinds = ("alerts.v1", "-contributions")
        stop.saw(matters=all(any(record.topic.endswith(kind) for record in records) for kind in kinds))
        stop.at("before-send")
        return await committing(self, records)

    async def noting_transaction(self: Any) -> None:  # noqa: ANN401 - aiokafka's own producer
        stop.at("before-commit")
        await commit(self)
        stop.at("before-store")

    def noting_apply(self: Store, effects: Effects, position: int) -> None:
        apply(self, effects, position)
        stop.at("before-acknowledgement")

    committing = FencedProducer.commit
    timeout_s = config.get("session_timeout", 6.0)
    delivery = DeliverySettings(
        max_batch_records=100,
        max_merge_records=100,
        max_fetch_records=200,
        session_timeout_s=timeout_s,
        heartbeat_interval_s=timeout_s / 3,
        commit_interval_s=0.3,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with (
        patch.object(FencedProducer, "commit", noting_commit),
        patch.object(aiokafka.AIOKafkaProducer, "commit_transaction", noting_transaction),
        patch.object(Store, "apply", noting_apply),
    ):
        app, url = build_worker(
            WorkerSettings(
                connection=Connection(bootstrap_servers=config["bootstrap"]),
                data=Path(config["data"]),
                group=config["group"],
                prefix=config["prefix"],
                delivery=delivery,
            )
        )
        log.info("pages at %s", url)
        return run(app)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
