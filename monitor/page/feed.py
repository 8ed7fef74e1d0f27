"""Follows `alerts.v1` from its beginning, keeps what stands, and tells subscribers of each change."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, cast

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from monitor import clock
from monitor.page.standing import KEEP, Change, Entry, Standing
from monitor.pseudonyms import Pseudonyms
from topics.alerts import decode
from topics.money import BadNumber
from topics.times import BadTime, format_time, from_record_time, parse_time

QUEUE_SIZE: Final = 2_000
"""Changes a subscriber may lie behind before it has to start from a new snapshot."""
_POLL_MS: Final = 200
_MOST_RECORDS: Final = 2_000
_RETRY_S: Final = 2.0
_MINUTE_S: Final = 60
_SILENCE_S: Final = 5.0
"""A broker that answered no fetch for so long counts as lost; an idle one answers every half second."""

Record = ConsumerRecord[bytes, bytes]

log = logging.getLogger(__name__)


class KafkaAccess(Protocol):
    """How to reach the broker (`monitor.connection.Connection`)."""

    def aiokafka(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients."""


class NoSuchTopic(Exception):
    """The alerts' topic does not exist."""


class Subscription:
    """A reader's queue of changes. A reader that falls behind loses them and has to take a new snapshot."""

    def __init__(self, size: int = QUEUE_SIZE) -> None:
        self._size = size
        self._changes: deque[Change] = deque()
        self._news = asyncio.Event()
        self._lost = False
        self._closed = False

    def put(self, change: Change) -> None:
        """Add a change, or drop all of them when the reader is too slow."""
        if self._lost:
            return
        if len(self._changes) >= self._size:
            self.resync()
            return
        self._changes.append(change)
        self._news.set()

    def resync(self) -> None:
        """Make the reader take a new snapshot."""
        self._lost = True
        self._changes.clear()
        self._news.set()

    def close(self) -> None:
        """End the reader."""
        self._closed = True
        self._news.set()

    @property
    def closed(self) -> bool:
        """Whether the feed has ended."""
        return self._closed

    async def wait(self, timeout_s: float) -> None:
        """Return when there is something to take, or after a time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return

    def take(self) -> list[Change] | None:
        """The changes since the last call; None: some were lost, take a new snapshot."""
        self._news.clear()
        if self._lost:
            self._lost = False
            return None
        changes = list(self._changes)
        self._changes.clear()
        return changes


class AlertFeed:
    """Reads all partitions of the alerts' topic, committed transactions alone, without a consumer group.

    Args:
        kafka: how to reach the broker.
        topic: full name of the topic with the latest state of each alert.
        pseudonyms: what stands for persons' numbers; nothing unmasked is kept.
        keep: how many of the newest alerts are kept in full.
    """

    def __init__(self, kafka: KafkaAccess, topic: str, pseudonyms: Pseudonyms, *, keep: int = KEEP) -> None:
        self._kafka = kafka
        self._topic = topic
        self._pseudonyms = pseudonyms
        self._keep = keep
        self.standing = Standing(keep)
        self.caught_up = False
        self.connected = False
        self.unreadable = 0
        self._positions: dict[int, int] = {}
        self._order = 0
        self._answered = 0
        self._heard = 0.0
        self._rate: deque[tuple[float, int]] = deque()
        self._subscriptions: set[Subscription] = set()

    def subscribe(self) -> Subscription:
        """A queue of the changes from now on; give it back with `unsubscribe`."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop filling a queue."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all subscriptions."""
        for subscription in self._subscriptions:
            subscription.close()

    def summary(self) -> dict[str, Any]:
        """Totals (`Standing.totals`), changes in the last minute, and whether the feed is up to date."""
        horizon = clock.monotonic() - _MINUTE_S
        while self._rate and self._rate[0][0] < horizon:
            self._rate.popleft()
        return self.standing.totals() | {
            "per_minute": sum(count for _, count in self._rate),
            "caught_up": self.caught_up,
            "connected": self.connected,
            "unreadable": self.unreadable,
        }

    async def run(self) -> None:
        """Follow the topic until cancelled; a lost broker or a missing topic is waited for."""
        said = ""
        while True:
            try:
                await self._follow()
            except OffsetOutOfRangeError:
                log.warning("%s was made anew or cut; reading it from its beginning", self._topic)
                self._start_over()
            except (KafkaError, OSError, NoSuchTopic) as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("cannot read %s: %s; trying again every %g s", self._topic, error, _RETRY_S)
            finally:
                self.connected = False
            await asyncio.sleep(_RETRY_S)

    def _start_over(self) -> None:
        self.standing = Standing(self._keep)
        self.caught_up = False
        self._positions.clear()
        for subscription in self._subscriptions:
            subscription.resync()

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka.aiokafka(),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
        )
        await consumer.start()
        try:
            partitions = await self._assign(consumer)
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
                self._listen(consumer, partitions)
                changes = [
                    change for records in batches.values() for record in records if (change := self._apply(record))
                ]
                for partition, records in batches.items():
                    self._positions[partition.partition] = records[-1].offset + 1
                self._publish(changes)
                if not self.caught_up and await self._at_end(consumer, partitions, idle=not batches):
                    self._catch_up()
                if batches:
                    await asyncio.sleep(0)  # a long topic must not starve the page
        finally:
            await consumer.stop()

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        partitions = [TopicPartition(self._topic, number) for number in await self._numbers()]
        consumer.assign(partitions)
        begins: Mapping[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, self._positions.get(partition.partition, begins[partition]))
        return partitions

    async def _numbers(self) -> list[int]:
        """The topic's partitions."""
        admin = AIOKafkaAdminClient(**self._kafka.aiokafka())
        try:
            await admin.start()
            (about,) = await admin.describe_topics([self._topic])
        finally:
            await admin.close()
        if not about["partitions"]:
            raise NoSuchTopic("there is no such topic yet; make it with: claims-monitor topics create")
        return sorted(partition["partition"] for partition in about["partitions"])

    def _listen(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Notice whether the broker still answers: the client itself goes on trying without a word."""
        answered = max((consumer.last_poll_timestamp(partition) or 0 for partition in partitions), default=0)
        if answered != self._answered:
            self._answered = answered
            self._heard = clock.monotonic()
        self.connected = bool(answered) and clock.monotonic() - self._heard < _SILENCE_S

    async def _at_end(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], *, idle: bool) -> bool:
        """Whether everything committed by now was read; an idle poll says so too (markers hide the last offset)."""
        for partition in partitions:
            end = consumer.last_stable_offset(partition)
            if end is None or (not idle and await consumer.position(partition) < end):
                return False
        return True

    def _catch_up(self) -> None:
        self.caught_up = True
        log.info("%s is read: %d alerts stand", self._topic, len(self.standing))
        for subscription in self._subscriptions:
            subscription.resync()

    def _publish(self, changes: list[Change]) -> None:
        if not changes or not self.caught_up:
            return
        self._rate.append((clock.monotonic(), len(changes)))
        for subscription in self._subscriptions:
            for change in changes:
                subscription.put(change)

    def _apply(self, record: Record) -> Change | None:
        self._order += 1
        arrived = format_time(from_record_time(record.timestamp))
        try:
            if record.value is None:
                return self.standing.gone((record.key or b"").decode(), self._order, arrived)
            return self.standing.apply(self._entry(record, record.value, arrived))
        except (msgspec.DecodeError, BadNumber, BadTime, UnicodeDecodeError):
            # the message of the error is left out: it can quote the value
            self.unreadable += 1
            log.warning("%s/%d offset %d is no alert; left out", record.topic, record.partition, record.offset)
            return None

    def _entry(self, record: Record, value: bytes, arrived: str) -> Entry:
        headers = {name: value.decode() for name, value in record.headers if value is not None}
        revision, cause, at = headers.get("revision", ""), headers.get("cause"), headers.get("ce_time")
        action = headers.get("ce_type", "").removeprefix("claims-monitor.alert.").removesuffix(".v1")
        return Entry(
            alert=self._pseudonyms.mask_alert(decode(value)),
            at=format_time(parse_time(at)) if at else arrived,
            order=self._order,
            action=cast("Literal['raised', 'revised', 'withdrawn']", action) if action in _ACTIONS else None,
            revision=int(revision) if revision.isascii() and revision.isdigit() else None,
            cause=None if cause is None else self._pseudonyms.mask_ref(cause),
        )


_ACTIONS: Final = frozenset({"raised", "revised", "withdrawn"})
