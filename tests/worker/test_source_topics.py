"""A worker does not start on source topics that are not those its state was made from."""

import asyncio
import json

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from monitor.topic_admin import create, describe
from tests.facts import at, settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, times
from tests.worker.processes import command, eventually
from topics.catalogue import CLAIMS, all_topics

pytestmark = pytest.mark.broker

REFUSED = 78


def recreate(site: Site, name: str) -> None:
    """Delete a topic and create it again."""

    async def work() -> None:
        admin = AIOKafkaAdminClient(**site.connection.aiokafka())
        await admin.start()
        await admin.delete_topics([site.prefix + name])
        await admin.close()

    asyncio.run(work())
    eventually(lambda: not asyncio.run(describe(site.connection, [site.prefix + name])))
    topics = [topic for topic in all_topics(GROUP) if topic.name == name]
    made = create(site.connection, topics, prefix=site.prefix, record_time="create", partitions=site.partitions)
    asyncio.run(made)


def _judged(site: Site, start_worker: StartWorker) -> None:
    visits = [settlement(f"S{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", 4))]
    site.facts(*visits, at=at(0, "12:00:00"))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: site.alerts("repeat-visits"))
    assert worker.stop() == 0


def refused_states(site: Site) -> set[str]:
    """Partitions whose state a worker would not take over, by the doctor's word while none runs."""
    ended = command("doctor", *site.options, "--group", GROUP, "--json")
    assert "Traceback" not in ended.stderr
    findings = json.loads(ended.stdout)["findings"]
    return {each["where"] for each in findings if (each["check"], each["level"]) == ("state", "wrong")}


def test_a_recreated_topic_is_refused(make_site: MakeSite, start_worker: StartWorker) -> None:
    """It ends before what was judged: going on would skip its first facts. The message says what to do."""
    site = make_site()
    _judged(site, start_worker)
    assert refused_states(site) == set()
    recreate(site, CLAIMS)
    assert refused_states(site) == {"persons-0"}
    worker = start_worker(site.options)
    assert worker.ends() == REFUSED
    assert f"{site.prefix}{CLAIMS}[0] ends at offset 0, but was read up to 4" in worker.log or (
        f"{site.prefix}{CLAIMS} was deleted and created again" in worker.log
    )
    assert "claims-monitor worker rebuild" in worker.log
    assert "starting it again" not in worker.log


def test_a_topic_that_was_given_partitions_is_refused(make_site: MakeSite, start_worker: StartWorker) -> None:
    """Keys have moved away from their state; which topic has how many is said."""
    site = make_site()
    _judged(site, start_worker)

    async def widen() -> None:
        admin = AIOKafkaAdminClient(**site.connection.aiokafka())
        await admin.start()
        await admin.create_partitions({site.prefix + CLAIMS: NewPartitions(total_count=2)})
        await admin.close()

    asyncio.run(widen())
    assert "persons-0" in refused_states(site)
    worker = start_worker(site.options)
    assert worker.ends() == REFUSED
    assert f"{site.prefix}{CLAIMS} has 2, " in worker.log
    assert "starting it again" not in worker.log
