"""A worker process reads, pauses, fails and stops, against a real broker."""

import signal
from collections import Counter
from functools import partial

import pytest

from tests.delivery.conftest import StartWorker, Topics, Worker, eventually, handled_counts

pytestmark = pytest.mark.broker


def test_batches_that_wait_are_merged_under_a_slow_handler(topics: Topics, start_worker: StartWorker) -> None:
    """A call takes what has arrived meanwhile, but stops taking once it holds the limit."""
    topic = topics.create()
    topics.fill(topic, 2000)
    worker = start_worker(
        topic,
        {"one": [topic]},
        {"handle_s": 0.2},
        max_batch_records=10,
        max_fetch_records=100,
        max_merge_records=305,
        max_in_flight_records=1000,
    )
    eventually(lambda: len(worker.handled()) == 2000)
    sizes = [note["count"] for note in worker.notes("handling")]
    assert max(sizes) == 310, "31 batches of 10: the last one begins below the limit"
    assert len(sizes) < 15


def test_records_in_flight_are_bounded(topics: Topics, start_worker: StartWorker) -> None:
    """A slow handler makes fetching wait; all records come nevertheless, in order."""
    topic = topics.create()
    topics.fill(topic, 6000)
    worker = start_worker(
        topic,
        {"one": [topic]},
        {"handle_s": 0.1},
        max_batch_records=50,
        max_fetch_records=300,
        max_merge_records=300,
        max_in_flight_records=1000,
    )
    eventually(lambda: len(worker.handled()) == 6000)
    in_flight = [unit["in_flight"] for note in worker.notes("status") for unit in note["units"].values()]
    assert 300 < max(in_flight) <= 1000
    assert [offset for _, _, offset in worker.handled()] == list(range(6000))


def test_a_paused_topic_waits_and_goes_on_where_it_was(topics: Topics, start_worker: StartWorker) -> None:
    """The other topic of the unit goes on meanwhile; the unit says that it is paused."""
    bad, good = topics.create(), topics.create()
    topics.fill(bad, 3000)
    topics.fill(good, 300)
    worker = start_worker(
        bad,
        {"one": [bad, good]},
        {"pause_topic": bad, "pause_s": 2.0},
        max_batch_records=50,
        max_fetch_records=100,
        max_merge_records=100,
    )
    eventually(lambda: bool(worker.notes("paused")))
    topics.fill(good, 200)
    eventually(lambda: len(worker.handled()) == 3500)
    between = False
    for note in worker.notes("paused", "resumed", "handled"):
        if note["event"] != "handled":
            between = note["event"] == "paused"
        elif between:
            assert bad not in note["offsets"]
    assert [offset for topic, _, offset in worker.handled() if topic == bad] == list(range(3000))
    assert [offset for topic, _, offset in worker.handled() if topic == good] == list(range(500))
    states = {unit["state"] for note in worker.notes("status") for unit in note["units"].values()}
    assert "paused" in states
    assert worker.status()["units"]["one-0"]["state"] == "ready"


def test_a_transaction_marker_at_the_commit_point_does_not_stop_the_commits(
    topics: Topics, start_worker: StartWorker
) -> None:
    """Markers have offsets but no records; they are committed past, before and after a restart."""
    topic = topics.create()
    topics.fill(topic, 10, transaction=topic)
    topics.commit(topic, topic, 10)  # exactly at the marker
    worker = start_worker(topic, {"one": [topic]})
    eventually(lambda: topics.committed(topic, topic) == 11)
    assert worker.handled() == []
    topics.fill(topic, 5, transaction=topic)
    eventually(lambda: topics.committed(topic, topic) == 17)
    assert [offset for _, _, offset in worker.handled()] == [11, 12, 13, 14, 15]
    assert worker.status()["units"]["one-0"]["lag"] == [0]


def _has_handled(worker: Worker, offset: int) -> bool:
    return any(offset == handled for _, _, handled in worker.handled())


def test_what_a_fetch_brings_while_positions_are_set_is_fetched_again(
    topics: Topics, start_worker: StartWorker
) -> None:
    """It was dropped, and on a quiet topic nothing followed that would have shown the hole."""
    topic = topics.create()
    worker = start_worker(topic, {"one": [topic]}, {"seek_s": 0.3})
    worker.wait_ready()
    for offset in range(8):
        topics.fill(topic, 1)
        eventually(partial(_has_handled, worker, offset))
    assert [offset for _, _, offset in worker.handled()] == list(range(8))


@pytest.mark.prove
def test_what_a_fetch_brings_that_began_before_a_rebalance_is_fetched_again(
    topics: Topics, start_worker: StartWorker
) -> None:
    """A fetch that waits when the group rebalances gets the first records after it; they were dropped."""
    topic = topics.create()
    worker = start_worker(topic, {"one": [topic]}, {"rejoin": True})
    worker.wait_ready()
    for offset in range(8):
        worker.process.send_signal(signal.SIGUSR1)
        topics.fill(topic, 1)
        eventually(partial(_has_handled, worker, offset))
    assert [offset for _, _, offset in worker.handled()] == list(range(8))


def test_a_log_that_starts_beyond_the_committed_offset_is_read_from_there(
    topics: Topics, start_worker: StartWorker
) -> None:
    """Retention was quicker than the worker: it says so and goes on, and the commits follow."""
    topic = topics.create()
    topics.fill(topic, 100)
    topics.commit(topic, topic, 10)
    topics.delete_before(topic, 60)
    worker = start_worker(topic, {"one": [topic]})
    eventually(lambda: topics.committed(topic, topic) == 100)
    assert [offset for _, _, offset in worker.handled()] == list(range(60, 100))
    assert "records 10 to 59 were deleted before they were read" in worker.log.read_text()


def test_records_deleted_while_a_topic_is_paused_are_passed_over(topics: Topics, start_worker: StartWorker) -> None:
    topic = topics.create()
    topics.fill(topic, 30_000)
    worker = start_worker(
        topic,
        {"one": [topic]},
        {"pause_topic": topic, "pause_s": 2.0},
        max_batch_records=50,
        max_fetch_records=100,
        max_merge_records=100,
    )
    eventually(lambda: bool(worker.notes("paused")))
    topics.delete_before(topic, 29_000)
    eventually(lambda: topics.committed(topic, topic) == 30_000)
    offsets = [offset for _, _, offset in worker.handled()]
    assert offsets[-1000:] == list(range(29_000, 30_000))
    assert len(offsets) == len(set(offsets)) < 30_000
    assert "deleted before they were read" in worker.log.read_text()


def test_a_topic_that_ends_before_the_committed_offset_is_refused(topics: Topics, start_worker: StartWorker) -> None:
    topic = topics.create()
    topics.fill(topic, 10)
    topics.commit(topic, topic, 500)
    worker = start_worker(topic, {"one": [topic]})
    assert worker.process.wait(30) == 1
    assert "ends at offset 10, but was read up to 500" in worker.log.read_text()


def test_a_missing_source_topic_is_refused_and_not_created(topics: Topics, start_worker: StartWorker) -> None:
    topic = topics.create()
    worker = start_worker(topic, {"one": [topic, f"{topic}-missing"]})
    assert worker.process.wait(30) == 1
    assert f"source topics do not exist: {topic}-missing" in worker.log.read_text()
    again = start_worker(topic, {"one": [topic, f"{topic}-missing"]})
    assert again.process.wait(30) == 1, "the first start has created it"


def test_topics_of_a_stage_with_different_partition_counts_are_refused(
    topics: Topics, start_worker: StartWorker
) -> None:
    one, two = topics.create(1), topics.create(2)
    worker = start_worker(one, {"one": [one, two]})
    assert worker.process.wait(30) == 1
    assert "must have the same number of partitions" in worker.log.read_text()


def test_an_exception_in_a_handler_ends_the_process_and_commits_nothing_of_the_call(
    topics: Topics, start_worker: StartWorker
) -> None:
    """After a restart the records of the failed call come again."""
    topic = topics.create()
    topics.fill(topic, 300)
    small = {"max_batch_records": 50, "max_fetch_records": 100, "max_merge_records": 100}
    failing = start_worker(topic, {"one": [topic]}, {"fail_on_call": 2}, **small)
    assert failing.process.wait(30) == 1
    assert "this handler was told to fail" in failing.log.read_text()
    assert failing.notes("closed")
    done = len(failing.handled())
    assert 0 < done <= 100
    assert topics.committed(topic, topic) <= done
    healthy = start_worker(topic, {"one": [topic]}, **small)
    eventually(lambda: topics.committed(topic, topic) == 300)
    assert set(handled_counts([failing, healthy])) == {(topic, 0, offset) for offset in range(300)}


def test_sigterm_finishes_and_commits_the_call_under_way(topics: Topics, start_worker: StartWorker) -> None:
    """What only waited is left to the next worker; nothing is handled twice."""
    topic = topics.create()
    topics.fill(topic, 300)
    worker = start_worker(
        topic, {"one": [topic]}, {"handle_s": 1.0}, max_batch_records=50, max_fetch_records=100, max_merge_records=100
    )
    eventually(lambda: bool(worker.notes("handling")))
    assert worker.stop() == 0
    first = worker.handled()
    assert 0 < len(first) < 300
    assert topics.committed(topic, topic) == len(first)
    assert [note["event"] for note in worker.notes() if note["event"] != "status"][-1] == "closed"
    following = start_worker(topic, {"one": [topic]})
    eventually(lambda: len(following.handled()) == 300 - len(first))
    assert set(handled_counts([worker, following]).values()) == {1}


def test_a_long_open_keeps_the_membership_and_no_record_comes_before_its_end(
    topics: Topics, start_worker: StartWorker
) -> None:
    """Recovery may take longer than the session timeout; the worker is not ready until it is over."""
    topic = topics.create()
    topics.fill(topic, 10)
    worker = start_worker(topic, {"one": [topic]}, {"open_s": 8.0})
    eventually(lambda: bool(worker.handled()))
    events = [note["event"] for note in worker.notes() if note["event"] != "status"]
    assert events == ["opening", "opened", "handling", "handled"]
    readiness = Counter(note["ready"] for note in worker.notes("status"))
    assert readiness[False] > 50
    eventually(lambda: bool(worker.status()["ready"]))
    assert worker.status()["generation"] == 1
