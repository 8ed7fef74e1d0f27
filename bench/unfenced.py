"""The worker without transactions, to see what the fence costs: `python -m bench.unfenced worker ...`.

For the bench alone. Records are written by an idempotent producer, acknowledged by all replicas, and visible at once; a
worker that was frozen and wakes could overwrite what another has written since.
"""

from collections.abc import Sequence
from functools import partial

import aiokafka
from aiokafka.structs import TopicPartition

from monitor.cli import main
from monitor.connection import Connection
from monitor.delivery.fence import Outgoing, written
from monitor.delivery.packing import BATCH_BYTES, QuickBatch
from monitor.worker import ports


class UnfencedProducer:
    """Writes groups of records in no transaction."""

    def __init__(self, connection: Connection, transactional_id: str, *, client_id: str) -> None:  # noqa: ARG002 - the fence's
        self._options = dict(connection.aiokafka()) | {"client_id": client_id}

    async def start(self) -> None:
        """Connect."""
        self._producer = aiokafka.AIOKafkaProducer(
            **self._options, enable_idempotence=True, max_batch_size=BATCH_BYTES, linger_ms=0
        )
        await self._producer.start()

    async def commit(self, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        """Write records and wait until they are acknowledged."""
        return await written(self._producer, records, partial(QuickBatch, BATCH_BYTES, transactional=False))

    async def stop(self) -> None:
        """Close."""
        await self._producer.stop()


if __name__ == "__main__":
    vars(ports)["FencedProducer"] = UnfencedProducer
    main()
