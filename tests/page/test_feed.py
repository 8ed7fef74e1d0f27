import asyncio

import pytest

from monitor.broker.server import EmbeddedBroker
from monitor.page.feed import QUEUE_SIZE, AlertFeed, Subscription
from monitor.page.standing import Change, Filter
from monitor.tasks import spawn
from tests.page.made import PERSON, PSEUDONYMS, Sent, Topic, alert, entries, page_of, until, withdrawal

pytestmark = pytest.mark.broker


def test_committed_alerts_of_all_partitions_stand_and_aborted_ones_do_not(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        topic = Topic(broker.bootstrap_servers, prefix)
        await topic.create()
        await topic.send(*(alert(f"S{number}") for number in range(20)))
        await topic.send(alert("ABORTED"), Sent(withdrawal(alert("S3")), "withdrawn"), abort=True)
        async with page_of(topic) as served:
            assert len(served.feed.standing) == 20
            shown = {entry.alert.about.id for entry in served.feed.standing}
            assert shown == {f"S{number}" for number in range(20)}

    asyncio.run(work())


def test_the_latest_version_of_each_alert_stands(broker: EmbeddedBroker, prefix: str) -> None:
    """Revisions replace, withdrawals and tombstones remove; what is no alert is counted and left out."""

    async def work() -> None:
        topic = Topic(broker.bootstrap_servers, prefix)
        await topic.create()
        first, second, third = alert("S1"), alert("S2"), alert("S3")
        await topic.send(
            first, second, third, Sent(None, key="k", raw=b'{"jr_id": 1}'), Sent(None, key="k", raw=b"\xff")
        )
        async with page_of(topic) as served:
            assert len(served.feed.standing) == 3
            assert served.feed.unreadable == 2
            revised = Sent(alert("S1", vola_amt="1.00"), "revised", 2, cause=f"enrolment:{PERSON}")
            await topic.send(revised, Sent(withdrawal(second), "withdrawn", 2), Sent(None, key=third.jr_id))
            await until(lambda: len(served.feed.standing) == 1)
            entry = served.feed.standing.find(first.jr_id)
            assert entry is not None
            assert entry.action == "revised"
            assert entry.revision == 2
            assert entry.at == "2026-11-23 10:00:05"
            assert entry.cause == f"enrolment:{PSEUDONYMS.person(PERSON)}"
            assert served.feed.summary()["amount"] == "1.00"

    asyncio.run(work())


def test_subscribers_hear_of_every_change_after_the_catching_up(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        topic = Topic(broker.bootstrap_servers, prefix)
        await topic.create()
        await topic.send(alert("OLD"))
        async with page_of(topic) as served:
            mine = served.feed.subscribe()
            await topic.send(alert("NEW"))
            await mine.wait(20)
            changes = mine.take()
            assert changes is not None
            assert [change.after.alert.about.id for change in changes] == ["NEW"]
            assert served.feed.summary()["per_minute"] == 1
            served.feed.unsubscribe(mine)
            await topic.send(alert("NEWER"))
            await until(lambda: len(served.feed.standing) == 3)
            assert mine.take() == []

    asyncio.run(work())


def test_a_topic_that_comes_later_is_waited_for(
    broker: EmbeddedBroker, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        topic = Topic(broker.bootstrap_servers, prefix)
        feed = AlertFeed(topic.connection, topic.name, PSEUDONYMS)
        following = spawn(feed.run(), "feed")
        await until(lambda: "claims-monitor topics create" in caplog.text)
        assert not feed.connected
        await topic.create()
        await topic.send(alert())
        await until(lambda: len(feed.standing) == 1 and feed.caught_up and feed.connected)
        following.cancel()

    asyncio.run(work())


def test_a_slow_reader_is_told_to_take_a_new_snapshot_and_costs_no_more_memory() -> None:
    async def work() -> None:
        (entry,) = entries(alert())
        mine = Subscription()
        for _ in range(QUEUE_SIZE):
            mine.put(Change(None, entry))
        taken = mine.take()
        assert taken is not None
        assert len(taken) == QUEUE_SIZE
        for _ in range(QUEUE_SIZE + 1):
            mine.put(Change(None, entry))
        assert mine.take() is None
        assert mine.take() == []
        mine.put(Change(None, entry))
        assert mine.take() == [Change(None, entry)]

    asyncio.run(work())


def test_a_broker_that_is_gone_is_noticed_and_its_return_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What stood goes on standing; the page says that Kafka does not answer, and goes on by itself."""

    async def work() -> None:
        folder = tmp_path_factory.mktemp("own-broker")
        with EmbeddedBroker(folder, heap="256m") as own:
            topic = Topic(own.bootstrap_servers, "own.")
            await topic.create()
            await topic.send(alert("S1"))
            async with page_of(topic) as served:
                await until(lambda: served.feed.connected)
                await asyncio.to_thread(own.kill)
                await until(lambda: not served.feed.connected)
                assert served.feed.standing.count(Filter()) == 1
                await asyncio.to_thread(own.start)
                await topic.send(alert("S2"))
                await until(lambda: len(served.feed.standing) == 2 and served.feed.connected, 40)

    asyncio.run(work())
