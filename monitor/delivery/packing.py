"""Batches of records that are packed quickly."""

from typing import Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from cramjam import lz4

BATCH_BYTES: Final = 512 * 1024
"""Most bytes of a batch before it is packed."""

_LEVEL: Final = 1
_LENGTH, _CRC, _ATTRIBUTES, _RECORDS = 8, 17, 21, 61
_LZ4: Final = 3
"""Places in a batch's header and the codec's number: https://kafka.apache.org/documentation/#recordbatch"""


class QuickBatch(BatchBuilder):
    """A batch that is compressed by lz4's quick method.

    aiokafka asks lz4 for its most thorough one (level 9), which takes several times as long for little less. It has no
    setting for it, so records are built as they are and compressed here.
    """

    def __init__(self, batch_bytes: int, *, transactional: bool) -> None:
        super().__init__(batch_bytes, 0, is_transactional=int(transactional))

    def _build(self) -> bytes | bytearray:
        if self._buffer is None:
            self._buffer = packed(super()._build())
        return self._buffer


def packed(plain: bytes | bytearray) -> bytes | bytearray:
    """Compress the records of a batch that was built without compression; one that gains nothing stays as it is."""
    compressor = lz4.Compressor(level=_LEVEL, content_checksum=False, block_linked=False)
    compressor.compress(bytes(plain[_RECORDS:]))
    records = bytes(compressor.finish())
    if len(records) >= len(plain) - _RECORDS:
        return plain
    batch = bytearray(plain[:_RECORDS])
    batch += records
    batch[_LENGTH : _LENGTH + 4] = (len(batch) - _LENGTH - 4).to_bytes(4, "big")
    batch[_ATTRIBUTES + 1] |= _LZ4  # the lower byte of two
    batch[_CRC : _CRC + 4] = calc_crc32c(bytes(batch[_ATTRIBUTES:])).to_bytes(4, "big")
    return batch
