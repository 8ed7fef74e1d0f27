"""Several workers: every record is handled, and handled once as long as nobody is killed."""

import asyncio
import signal
import threading
import time
from collections import Counter

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.delivery.conftest import StartWorker, Topics, eventually, handled_counts

pytestmark = pytest.mark.broker

SMALL = {"max_batch_records": 50, "max_fetch_records": 200, "max_merge_records": 200}
PATIENT = {"session_timeout_s": 40.0}  # whom the group drops on a busy machine rightly gets records again
RESTLESS = {"commit_interval_s": 0.001}  # a commit is under way nearly always, also when partitions are given up


def test_every_record_is_handled_once_while_a_second_worker_joins_and_leaves(
    topics: Topics, start_worker: StartWorker
) -> None:
    """Calls under way are finished and committed before partitions move, for all topics of both stages."""
    a, b, c = topics.create(4), topics.create(4), topics.create(2)
    partitions = [(topic, partition) for topic, count in ((a, 4), (b, 4), (c, 2)) for partition in range(count)]

    enough = threading.Event()
    rounds = []

    def fill() -> None:
        while not enough.is_set():
            for topic, partition in partitions:  # half of them in transactions, which leave markers
                topics.fill(topic, 50, partition, transaction=f"{topic}-{partition}" if partition % 2 else None)
            rounds.append(50)

    filling = threading.Thread(target=fill, daemon=True)
    stages = {"one": [a, b], "two": [c]}
    first = start_worker(a, stages, {"handle_s": 0.05}, **SMALL, **PATIENT, **RESTLESS)
    first.wait_ready()
    filling.start()
    second = start_worker(a, stages, {"handle_s": 0.05}, **SMALL, **PATIENT, **RESTLESS)
    eventually(lambda: len(second.handled()) > 300)
    assert second.stop() == 0
    enough.set()
    filling.join()
    each = sum(rounds)
    eventually(lambda: sum(handled_counts([first, second]).values()) >= each * len(partitions))
    counts = handled_counts([first, second])
    assert set(counts.values()) == {1}
    assert Counter((topic, partition) for topic, partition, _ in counts) == dict.fromkeys(partitions, each)
    assert len(first.status()["units"]) == 6, "everything has come back"


def test_what_comes_while_partitions_are_assigned_is_handled(topics: Topics, start_worker: StartWorker) -> None:
    """A fetch of before the assignment may have taken it, and nothing follows that would show the hole."""
    topic = topics.create(2)
    first = start_worker(topic, {"one": [topic]})
    first.wait_ready()
    workers, written = [first], 0

    def write_when_opened_again(openings: int) -> None:
        nonlocal written
        eventually(lambda: len(first.notes("opened")) > openings)
        for partition in range(2):
            topics.fill(topic, 1, partition)
        written += 2
        eventually(lambda: len(handled_counts(workers)) == written)

    for _ in range(3):
        openings = len(first.notes("opened"))
        workers.append(start_worker(topic, {"one": [topic]}))
        write_when_opened_again(openings)
        openings = len(first.notes("opened"))
        assert workers[-1].stop() == 0
        write_when_opened_again(openings)
    assert set(handled_counts(workers).values()) == {1}


def test_co_partitioned_topics_stay_together(topics: Topics, start_worker: StartWorker) -> None:
    """A unit is given the same partition of all its topics; otherwise the worker would refuse to run."""
    a, b = topics.create(3), topics.create(3)
    workers = [start_worker(a, {"one": [a, b]}) for _ in range(2)]
    # not the sum alone: the first may hold all three until the second has joined
    eventually(lambda: sorted(len(worker.status()["units"]) for worker in workers) == [1, 2])
    eventually(lambda: all(worker.status()["ready"] for worker in workers))
    assert all(worker.process.poll() is None for worker in workers)
    assert sorted(len(worker.status()["units"]) for worker in workers) == [1, 2]


def test_after_a_kill_the_next_worker_handles_the_rest(topics: Topics, start_worker: StartWorker) -> None:
    """Nothing is lost; what was not committed comes again."""
    topic = topics.create(2)
    for partition in range(2):
        topics.fill(topic, 1500, partition)
    first = start_worker(topic, {"one": [topic]}, {"handle_s": 0.1}, **SMALL)
    eventually(lambda: len(first.handled()) > 800)
    first.kill()
    second = start_worker(topic, {"one": [topic]}, **SMALL)
    eventually(lambda: topics.committed(topic, topic, 0) == topics.committed(topic, topic, 1) == 1500)
    counts = handled_counts([first, second])
    assert set(counts) == {(topic, partition, offset) for partition in range(2) for offset in range(1500)}
    assert sum(counts.values()) < 3000 + 1500


def test_the_acknowledgement_of_a_frozen_worker_counts_for_nothing(topics: Topics, start_worker: StartWorker) -> None:
    """It wakes when another one owns its partition, acknowledges its call, and must not commit over the owner."""
    topic = topics.create()
    topics.fill(topic, 400)
    frozen = start_worker(topic, {"one": [topic]}, {"handle_s": 1.0}, **SMALL)
    eventually(lambda: bool(frozen.notes("handling")))
    frozen.process.send_signal(signal.SIGSTOP)
    owner = start_worker(topic, {"one": [topic]}, {"handle_s": 60.0}, **SMALL)
    eventually(lambda: bool(owner.notes("handling")))
    before = topics.committed(topic, topic)
    frozen.process.send_signal(signal.SIGCONT)
    eventually(lambda: bool(frozen.handled()))
    time.sleep(1.5)  # several commit intervals
    assert topics.committed(topic, topic) == before == -1
    owner.kill()
    eventually(lambda: topics.committed(topic, topic) == 400)
    last_opening = max(index for index, note in enumerate(frozen.notes()) if note["event"] == "opened")
    again = {
        offset
        for note in frozen.notes()[last_opening:]
        if note["event"] == "handled"
        for offset in note["offsets"][topic]
    }
    assert again == set(range(400)), "the unit of its new generation handles everything that was not committed"


def test_the_group_shows_the_client_id(topics: Topics, start_worker: StartWorker) -> None:
    """Whoever describes the group sees which worker owns what."""
    topic = topics.create()
    worker = start_worker(topic, {"one": [topic]}, client_id="http://127.0.0.1:8001")
    worker.wait_ready()

    async def members() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
        await admin.start()
        [response] = await admin.describe_consumer_groups([topic])
        await admin.close()
        groups = response.to_object()["groups"]
        return [member["client_id"] for group in groups for member in group["members"]]

    assert asyncio.run(members()) == ["http://127.0.0.1:8001"]
