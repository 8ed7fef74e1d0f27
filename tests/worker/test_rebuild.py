"""A group's state dropped on purpose: its facts are judged again from the beginning, to the same alerts."""

import asyncio

import pytest

from tests.facts import at, settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, times
from tests.worker.processes import command, done, eventually
from tests.worker.test_source_topics import recreate
from topics.alerts import encode
from topics.catalogue import CLAIMS, person_changelog

pytestmark = pytest.mark.broker

REFUSED = 78


def facts(site: Site, person: str = "P1") -> None:
    """Four visits of one day."""
    visits = [
        settlement(f"{person}-{n}", psn_no=person, mdtrt_id=f"V{person}-{n}", setl_time=time)
        for n, time in enumerate(times("2026-03-02", 4))
    ]
    site.facts(*visits, at=at(0, "12:00:00"))


def standing(site: Site) -> list[bytes]:
    """The standing alerts, to the byte."""
    return sorted(encode(alert) for alert in site.alerts())


def test_a_group_is_rebuilt_when_its_workers_have_stopped(make_site: MakeSite, start_worker: StartWorker) -> None:
    """While one runs nothing is dropped; afterwards a worker, even one with its old local state, judges all anew."""
    site = make_site(partitions=2)
    rebuild = ["worker", "rebuild", *site.options, "--group", GROUP, "--yes", "--data", "/nonexistent"]
    facts(site)
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: site.alerts("repeat-visits"))
    before = standing(site)
    refused = command(*rebuild)
    assert refused.returncode == 1
    assert "stop all of them first" in refused.stderr
    assert worker.stop() == 0
    assert "will be deleted" in done(*rebuild, "--dry-run")
    written = len(site.read("alerts.log.v1"))
    assert "done: start the workers" in done(*rebuild)
    worker = start_worker(site.options)
    worker.wait_ready()
    assert "made from another changelog" in worker.log
    eventually(lambda: len(site.read("alerts.log.v1")) > written)
    assert standing(site) == before


def test_a_topic_that_was_created_again_and_filled_is_told_by_its_identity(
    make_site: MakeSite, start_worker: StartWorker
) -> None:
    """Offsets alone would not tell; the message names the command, and the command helps."""
    site = make_site()
    facts(site)
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: site.alerts("repeat-visits"))
    assert worker.stop() == 0
    recreate(site, CLAIMS)
    facts(site)
    facts(site, "P2")
    worker = start_worker(site.options)
    assert worker.ends() == REFUSED
    assert f"{site.prefix}{CLAIMS} was deleted and created again" in worker.log
    advised = f"claims-monitor worker rebuild --prefix {site.prefix} --group {GROUP}"
    assert advised in worker.log
    done(*advised.split()[1:], "-b", site.connection.bootstrap_servers, "--yes", "--data", "/nonexistent")
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: {alert.psn_no for alert in site.alerts("repeat-visits")} == {"P1", "P2"})


def test_a_topic_that_grew_cannot_be_rebuilt_in_place(make_site: MakeSite) -> None:
    """Facts of one person would lie in two partitions."""
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

    site = make_site()
    for number in range(8):
        facts(site, f"P{number}")

    async def widen() -> None:
        admin = AIOKafkaAdminClient(**site.connection.aiokafka())
        await admin.start()
        names = (CLAIMS, "institutions.facts.v1")
        await admin.create_partitions({site.prefix + name: NewPartitions(total_count=2) for name in names})
        await admin.close()

    asyncio.run(widen())
    ended = command("worker", "rebuild", *site.options, "--group", GROUP, "--yes")
    assert ended.returncode == 1
    assert "another of its 2 partitions" in ended.stderr


def test_a_changelog_that_was_created_again_is_not_gone_on_from(make_site: MakeSite, start_worker: StartWorker) -> None:
    """The group has acknowledged facts that no state knows of any more: they must not be left out quietly."""
    site = make_site()
    facts(site)
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: site.alerts("repeat-visits"))
    assert worker.stop() == 0
    recreate(site, person_changelog(GROUP))
    worker = start_worker(site.options)
    assert worker.ends() == REFUSED
    assert f"facts of {site.prefix}{CLAIMS} partition 0 were acknowledged up to offset 4" in worker.log
    assert "claims-monitor worker rebuild" in worker.log
