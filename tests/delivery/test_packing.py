"""Batches packed by ourselves are what any Kafka client reads."""

import os
from typing import Any

import pytest
from aiokafka.record.memory_records import MemoryRecords

from monitor.delivery.packing import QuickBatch

HEADERS = [("ce_id", b"1"), ("empty", None)]


def built(values: list[bytes | None], *, transactional: bool, batch_bytes: int = 512 * 1024) -> tuple[int, bytes]:
    """How many of the records fitted, and the batch."""
    batch: Any = QuickBatch(batch_bytes, transactional=transactional)
    for number, value in enumerate(values):
        if batch.append(timestamp=1_000 + number, key=b"key-%d" % number, value=value, headers=HEADERS) is None:
            break
    batch._set_producer_state(7, 2, 11)
    return batch.record_count(), bytes(batch._build())


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize(
    ("values", "codec"),
    [
        ([b'{"setl_id":"S%d","amount":"12.00"}' % number for number in range(2_000)], 3),
        ([None, b"", b"repeated " * 500], 3),
        ([os.urandom(300)], 0),  # gains nothing
        ([b"x"], 0),
    ],
)
def test_it_reads_back_with_its_marks(values: list[bytes | None], codec: int, *, transactional: bool) -> None:
    count, stored = built(values, transactional=transactional)
    batch: Any = MemoryRecords(stored).next_batch()
    assert batch.validate_crc()
    assert (batch.compression_type, batch.is_transactional) == (codec, transactional)
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (7, 2, 11)
    records = list(batch)
    assert count == len(values) == len(records)
    assert [record.value for record in records] == values
    assert [record.key for record in records] == [b"key-%d" % number for number in range(count)]
    assert [record.timestamp for record in records] == [1_000 + number for number in range(count)]
    assert records[0].headers == HEADERS


def test_a_full_batch_takes_no_more() -> None:
    count, stored = built([b"v" * 100] * 50, transactional=True, batch_bytes=1_000)
    assert 1 < count < 50
    assert len(list(MemoryRecords(stored).next_batch())) == count  # type: ignore[arg-type]


def test_it_is_packed_once() -> None:
    batch: Any = QuickBatch(1_000, transactional=False)
    batch.append(timestamp=1, key=None, value=b"v" * 500, headers=[])
    assert batch._build() is batch._build()
