"""Ranges of offsets: what was delivered, what may be committed."""

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.delivery.progress import Hole, Progress
from monitor.delivery.stages import Record

TP = TopicPartition("t", 0)


def records(*offsets: int) -> list[Record]:
    return [ConsumerRecord("t", 0, offset, 0, 0, None, b"", None, 0, 1, ()) for offset in offsets]


def test_nothing_is_committable_before_the_first_batch_is_done() -> None:
    progress = Progress(TP, 5)
    [batch] = progress.take(records(5, 6), 5, 7, 10)
    assert (progress.committable, progress.in_flight) == (None, 2)
    progress.finish(batch)
    assert (progress.committable, progress.in_flight) == (7, 0)


def test_a_batch_done_early_waits_for_those_before_it() -> None:
    progress = Progress(TP, 0)
    first, second, third = progress.take(records(*range(5)), 0, 5, 2)
    progress.finish(third)
    progress.finish(second)
    assert progress.committable is None
    progress.finish(first)
    assert progress.committable == 5


def test_batches_hold_at_most_the_given_number_and_their_ranges_join() -> None:
    progress = Progress(TP, 3)
    batches = progress.take(records(4, 5, 9, 10, 20), 3, 25, 2)
    assert [[record.offset for record in batch.records] for batch in batches] == [[4, 5], [9, 10], [20]]
    assert [(batch.start, batch.stop) for batch in batches] == [(3, 6), (6, 11), (11, 25)]


def test_markers_after_the_last_record_are_committed_with_it() -> None:
    progress = Progress(TP, 0)
    [batch] = progress.take(records(0, 1), 0, 3, 10)
    progress.finish(batch)
    assert progress.committable == 3


def test_markers_alone_are_committed_without_a_batch() -> None:
    progress = Progress(TP, 10)
    assert progress.take([], 10, 11, 10) == []
    assert (progress.committable, progress.next) == (11, 11)


def test_markers_alone_wait_for_the_batch_before_them() -> None:
    progress = Progress(TP, 0)
    [batch] = progress.take(records(0), 0, 1, 10)
    progress.take([], 1, 2, 10)
    assert progress.committable is None
    progress.finish(batch)
    assert progress.committable == 2


def test_a_fetch_that_began_beyond_the_next_offset_is_refused() -> None:
    """What lies between would be counted as done though nobody has seen it."""
    progress = Progress(TP, 10)
    with pytest.raises(Hole, match="expected offset 10, fetched from 11"):
        progress.take(records(11), 11, 12, 10)
    assert progress.next == 10


def test_records_fetched_twice_are_delivered_once() -> None:
    progress = Progress(TP, 0)
    progress.take(records(0, 1, 2), 0, 3, 10)
    [again] = progress.take(records(1, 2, 3), 1, 4, 10)
    assert [record.offset for record in again.records] == [3]
    assert progress.take(records(2, 3), 2, 4, 10) == []
    assert progress.next == 4


def test_a_late_acknowledgement_does_not_touch_the_next_assignment() -> None:
    """A batch of a former generation counts there, and the new one starts from what was committed."""
    former, current = Progress(TP, 0), Progress(TP, 0)
    [zombie] = former.take(records(0, 1), 0, 2, 10)
    current.take(records(0, 1), 0, 2, 10)
    former.finish(zombie)
    assert (current.committable, current.in_flight) == (None, 2)
