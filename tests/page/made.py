"""Alerts as workers write them, and a page over a real topic that holds them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from detectors.terms import Title
from monitor import clock
from monitor.connection import Connection
from monitor.page.feed import AlertFeed
from monitor.page.server import Page, serve
from monitor.page.standing import Entry
from monitor.pseudonyms import Pseudonyms
from topics.alerts import About, Action, Alert, Evidence, Texts, Window, alert_id, encode, headers
from topics.catalogue import ALERTS

PSEUDONYMS: Final = Pseudonyms(b"a secret for tests only")
TITLES: Final = {
    "repeat-visits": Title("频繁就诊", "Repeat visits"),
    "id-mismatch": Title("身份不符", "Identity mismatch"),
    "quota-progress": Title("总额指标超进度", "Quota progress"),
}
PARTITIONS: Final = 3
PERSON: Final = "PSN-0000417"
"""Looks like no other text of the tests, so that it can be searched for in answers."""
CERTNO: Final = "990000198503070026"


def alert(ident: str = "S1", **changes: Any) -> Alert:  # noqa: ANN401 - fields of the alert
    """A raised alert about a settlement."""
    fields: dict[str, Any] = {
        "jr_id": "",
        "status": "raised",
        "rule_id": "repeat-visits",
        "about": About("settlement", ident),
        "discriminator": "7d",
        "psn_no": PERSON,
        "fixmedins_code": "H1",
        "rule_ver": 1,
        "terms_id": "default-1:3f2a",
        "sev_deg": "3",
        "tier": "T2",
        "window": Window("2026-11-16 10:00:00", "2026-11-23 10:00:00"),
        "evidence": Evidence((f"settlement:{ident}",), 1, 8, 8),
        "vola_amt": "123.45",
        "vola_cont": Texts("一周内就诊8次。", "Eight visits within a week."),
        "basis": ("M §58(2)",),
    } | changes
    about = fields["about"]
    fields["jr_id"] = alert_id(fields["rule_id"], about.kind, about.id, fields["discriminator"])
    return Alert(**fields)


def withdrawal(of: Alert) -> Alert:
    """What is left of an alert when it is withdrawn."""
    return Alert(
        jr_id=of.jr_id, status="withdrawn", rule_id=of.rule_id, about=of.about, discriminator=of.discriminator,
        psn_no=of.psn_no, fixmedins_code=of.fixmedins_code,
    )  # fmt: skip


class Sent(NamedTuple):
    """One record to write; no alert: a tombstone for the key."""

    alert: Alert | None
    action: Action = "raised"
    revision: int = 1
    at: str = "2026-11-23T10:00:05.120+08:00"
    cause: str = "settlement:S1"
    key: str | None = None
    raw: bytes | None = None

    def record(self) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
        """Key, value, headers."""
        if self.alert is None:
            return (self.key or "").encode(), self.raw, []
        value = encode(self.alert)
        marks = headers(
            action=self.action, alert=self.alert, value=value, source="urn:test", time=self.at,
            revision=self.revision, cause=self.cause, record=("claims.facts.v1", 0, 7),
        )  # fmt: skip
        return self.alert.jr_id.encode(), value, marks


class Topic:
    """An alerts topic of the test's own on the real broker."""

    def __init__(self, servers: str, prefix: str) -> None:
        self.connection = Connection(servers)
        self.name = prefix + ALERTS
        self._transactions = 0

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(**self.connection.aiokafka())
        await admin.start()
        await admin.create_topics([NewTopic(self.name, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"})])
        await admin.close()

    async def delete(self) -> None:
        admin = AIOKafkaAdminClient(**self.connection.aiokafka())
        await admin.start()
        await admin.delete_topics([self.name])
        await admin.close()

    async def send(self, *records: Sent | Alert, abort: bool = False) -> None:
        """Write records in one transaction, committed or aborted."""
        self._transactions += 1
        producer = AIOKafkaProducer(
            **self.connection.aiokafka(), transactional_id=f"{self.name}-{self._transactions}", compression_type="lz4"
        )
        await producer.start()
        try:
            await producer.begin_transaction()
            for one in records:
                sent = one if isinstance(one, Sent) else Sent(one)
                key, value, marks = sent.record()
                await producer.send(self.name, value, key=key, headers=marks)
            await (producer.abort_transaction() if abort else producer.commit_transaction())
        finally:
            await producer.stop()


@asynccontextmanager
async def page_of(topic: Topic, *, keep: int = 100, port: int = 0, **options: Any) -> AsyncIterator["Served"]:  # noqa: ANN401 - of Page
    """The page over a topic, up to date."""
    feed = AlertFeed(topic.connection, topic.name, PSEUDONYMS, keep=keep)
    async with (
        serve(Page(feed, TITLES, **options), feed, host="127.0.0.1", port=port) as url,
        aiohttp.ClientSession(url) as client,
    ):
        await until(lambda: feed.caught_up)
        yield Served(url, feed, client)


class Served(NamedTuple):
    """A running page, what it follows, and a client that asks it."""

    url: str
    feed: AlertFeed
    client: aiohttp.ClientSession

    async def json(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        async with self.client.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until a condition holds."""
    end = clock.monotonic() + timeout_s
    while not condition():
        assert clock.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.02)


def entries(*alerts: Alert, at: str = "2026-11-23 10:00:00") -> Sequence[Entry]:
    """Alerts as the page holds them, one after the other."""
    return [Entry(alert=one, at=at, order=number, action="raised") for number, one in enumerate(alerts, 1)]
