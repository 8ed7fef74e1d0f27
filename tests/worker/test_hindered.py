"""What a worker's pages say while a partition is stuck, or while state is rebuilt; the other partitions go on."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from monitor.state import META, Meta, PersonHead, encode, person_key
from tests.facts import settlement
from tests.worker.conftest import GROUP, MakeSite, Site, times
from tests.worker.processes import ROOT, WorkerProcess, environment, eventually
from topics.catalogue import person_changelog

pytestmark = pytest.mark.broker

DAY = "2026-03-02"
PERSONS = 2_000


class HinderedWorker(WorkerProcess):
    """A worker without its parent that is held up at one place."""

    def __init__(self, hindrance: str, site: Site, folder: Path) -> None:
        self.log_file = folder / f"{hindrance}.log"
        program = ROOT / "tests" / "worker" / "hindered_worker.py"
        arguments = ["worker", *site.options, "--group", GROUP, "--data", str(folder / "data"), "--child"]
        with self.log_file.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(program), hindrance, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                process_group=0,
            )

    def asked(self, page: str) -> tuple[int, Any]:
        """A page, as soon as it is there."""
        answers: list[tuple[int, Any]] = []

        def answered() -> bool:
            try:
                answers.append(self.get(page))
            except (OSError, IndexError):
                assert self.process.poll() is None, self.log
                return False
            return True

        eventually(answered, 60)
        return answers[-1]


Hinder = Callable[[str, Site], HinderedWorker]


@pytest.fixture
def hinder(tmp_path: Path) -> Iterator[Hinder]:
    """Start hindered workers; they are ended."""
    started: list[HinderedWorker] = []

    def start(hindrance: str, site: Site) -> HinderedWorker:
        started.append(HinderedWorker(hindrance, site, tmp_path))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


@pytest.mark.parametrize(
    ("hindrance", "doing"),
    [("judging", "judging a batch"), pytest.param("opening", "opening", marks=pytest.mark.prove)],
)
def test_one_stuck_partition_is_not_healthy_and_the_others_go_on(
    make_site: MakeSite, hinder: Hinder, hindrance: str, doing: str
) -> None:
    """Liveness and readiness name it and say what it was doing; other partitions are well, and judge."""
    site = make_site(partitions=2)
    persons = {site.partition(f"P{number}"): f"P{number}" for number in range(20)}
    worker = hinder(hindrance, site)

    def stuck() -> bool:
        return worker.asked("/health")[0] == 503

    for partition in (0, 1):
        visits = [
            settlement(f"{partition}-{n}", mdtrt_id=f"V{partition}-{n}", psn_no=persons[partition], setl_time=time)
            for n, time in enumerate(times(DAY, 4))
        ]
        site.facts(*visits, at=f"{DAY} 12:00:00")
    eventually(stuck, 120)
    for page, word in (("/health", "healthy"), ("/ready", "ready")):
        status, answer = worker.asked(page)
        assert (status, answer[word]) == (503, False)
        parts = {(part["stage"], part["partition"]): part for part in answer["partitions"]}
        assert len(parts) == 4
        held_up = parts.pop(("persons", 0))
        assert (held_up["healthy"], held_up["ready"]) == (False, False)
        assert held_up["problem"].startswith(f"stuck: {doing} without progress for ")
    eventually(lambda: site.about("repeat-visits") == {"1-0"}, 120)

    def others_are_well() -> bool:
        parts = worker.asked("/ready")[1]["partitions"]
        others = [part for part in parts if (part["stage"], part["partition"]) != ("persons", 0)]
        return all(part["healthy"] and part["ready"] and part["problem"] is None for part in others)

    eventually(others_are_well, 60)
    assert worker.process.poll() is None


async def _write_changelog(site: Site, count: int) -> None:
    """The state of many persons, a batch of the broker each."""
    topic = site.prefix + person_changelog(GROUP)
    producer = AIOKafkaProducer(**site.connection.aiokafka(), max_batch_size=1)
    await producer.start()
    sent = [
        await producer.send(topic, encode(PersonHead()), key=person_key(f"P{number}"), partition=0)
        for number in range(count)
    ]
    sent.append(await producer.send(topic, encode(Meta()), key=META, partition=0))
    await asyncio.gather(*sent)
    await producer.stop()


@pytest.mark.prove
def test_a_worker_says_how_far_it_has_come_until_it_is_ready(make_site: MakeSite, hinder: Hinder) -> None:
    """Not ready, with a share of the changelog and the records read that grow, partition by partition; then ready."""
    site = make_site()
    asyncio.run(_write_changelog(site, PERSONS))
    worker = hinder("slowly", site)
    seen: list[tuple[float, int]] = []

    def ready() -> bool:
        status, answer = worker.asked("/ready")
        for part in answer["partitions"]:
            if part["stage"] == "persons" and 0 < part["recovered"] < 1:
                assert (status, answer["ready"], part["ready"], part["state"]) == (503, False, False, "opening")
                assert answer["recovered"] < 1
                seen.append((part["recovered"], part["records_read"]))
        return status == 200

    eventually(ready, 240)
    assert len({read for _, read in seen}) > 1
    assert seen == sorted(seen)
    _, answer = worker.asked("/ready")
    (persons,) = (part for part in answer["partitions"] if part["stage"] == "persons")
    assert (answer["recovered"], persons["recovered"]) == (1, 1)
    assert persons["records_read"] == PERSONS + 1
