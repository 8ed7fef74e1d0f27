"""Libraries say the same thing once in a while, others as often as they like."""

import logging

import pytest

from monitor import clock
from monitor.chatter import Chatter
from monitor.refusal import Refused


def record(name: str, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, text, values, None)


def test_a_message_that_a_library_repeats_is_told_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its values; held back to just before the time is over, then told with how many were held back."""
    time = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: time)
    chatter = Chatter(10)
    assert chatter.filter(record("aiokafka.client", "no node %s", 1))
    assert not chatter.filter(record("aiokafka.client", "no node %s", 2))
    time = 109.9
    assert not chatter.filter(record("aiokafka.client", "no node %s", 3))
    time = 110.0
    again = record("aiokafka.client", "no node %s", 4)
    assert chatter.filter(again)
    assert again.getMessage() == "no node 4 (2 more like this since)"


def test_other_messages_pass() -> None:
    """Another text or another logger of a library, and everything that the monitor itself says."""
    chatter = Chatter(10)
    assert chatter.filter(record("aiokafka.client", "one"))
    assert chatter.filter(record("aiokafka.client", "other"))
    assert chatter.filter(record("aiokafka.producer", "one"))
    assert all(chatter.filter(record("monitor.worker", "one")) for _ in range(3))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused("start it otherwise"), False),
        (RuntimeError("Event loop is closed"), False),
        (RuntimeError("anything else"), True),
    ],
)
def test_what_services_say_of_a_refusal_is_left_out(error: Exception, told: bool) -> None:
    assert Chatter().filter(record("faust.delivery", "Crashed reason=%r", error)) is told
