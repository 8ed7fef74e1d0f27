"""Creating and listing topics on a real broker."""

import asyncio

import pytest

from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.topic_admin import TopicsError, create, describe
from tests.broker.conftest import Run
from topics.catalogue import (
    ALERTS,
    ALERTS_LOG,
    CLAIMS,
    INSTITUTIONS,
    MODELS,
    REGISTRY,
    RecordTime,
    Topic,
    all_topics,
    contributions,
    dead_letters,
    key_changelog,
    person_changelog,
)

DAY_MS = 86_400_000
LONG_MAX = str((1 << 63) - 1)


def _by_name(group: str = "g") -> dict[str, Topic]:
    return {topic.name: topic for topic in all_topics(group)}


def test_catalogue_holds_the_contract() -> None:
    """Cleanup and retention of each topic are those of the contract; the registry has one partition."""
    topics = _by_name()
    for name in (CLAIMS, INSTITUTIONS):
        assert topics[name].configs()["retention.ms"] == str(400 * DAY_MS)
    for name in (REGISTRY, ALERTS, person_changelog("g"), key_changelog("g")):
        assert topics[name].configs()["cleanup.policy"] == "compact"
    for name in (ALERTS_LOG, dead_letters(CLAIMS), contributions("g")):
        assert topics[name].configs()["cleanup.policy"] == "delete"
    assert {name: topic.partitions for name, topic in topics.items() if topic.partitions} == {REGISTRY: 1, MODELS: 1}


def test_names_are_unique() -> None:
    """No two entries of the catalogue name one topic; groups do not share internal topics."""
    assert len(_by_name()) == len(all_topics("g"))
    inner = {topic.name for topic in all_topics("g") if topic.kind == "internal"}
    assert len(inner) == 3
    assert not inner & {topic.name for topic in all_topics("h")}


def test_record_time_of_live_and_replay_topics() -> None:
    """Live input is stamped by the broker; replays keep the producer's time, any age of it, for ever."""
    claims = _by_name()[CLAIMS]
    live, replay = claims.configs("append"), claims.configs("create")
    assert live["message.timestamp.type"] == "LogAppendTime"
    assert replay["message.timestamp.type"] == "CreateTime"
    assert replay["retention.ms"] == "-1"
    assert replay["message.timestamp.before.max.ms"] == LONG_MAX
    assert replay["message.timestamp.after.max.ms"] == LONG_MAX
    assert _by_name()[ALERTS].configs("append")["message.timestamp.type"] == "CreateTime"


def _make(broker: EmbeddedBroker, prefix: str, *, partitions: int = 2, record_time: RecordTime = "append") -> list[str]:
    connection = Connection(broker.bootstrap_servers)
    return asyncio.run(create(connection, all_topics(), prefix=prefix, partitions=partitions, record_time=record_time))


@pytest.mark.broker
def test_created_topics_stand_as_declared(broker: EmbeddedBroker, prefix: str) -> None:
    """What the broker holds is what the catalogue says, for every topic."""
    made = _make(broker, prefix, record_time="create")
    assert sorted(made) == sorted(prefix + topic.name for topic in all_topics())
    standing = asyncio.run(describe(Connection(broker.bootstrap_servers), made))
    for topic in all_topics():
        held = standing[prefix + topic.name]
        assert held.partitions == (topic.partitions or 2)
        wanted = topic.configs("create")
        assert {name: held.configs[name] for name in wanted} == wanted


@pytest.mark.broker
def test_creating_again_changes_nothing(broker: EmbeddedBroker, prefix: str) -> None:
    """The second time nothing is made and nothing is wrong."""
    assert _make(broker, prefix)
    assert _make(broker, prefix) == []


@pytest.mark.broker
def test_missing_topics_are_added(broker: EmbeddedBroker, prefix: str) -> None:
    """Topics that came with a new version, or another group's, are made beside the old ones."""
    connection = Connection(broker.bootstrap_servers)
    first = [topic for topic in all_topics() if topic.kind == "input"]
    asyncio.run(create(connection, first, prefix=prefix, partitions=2))
    made = _make(broker, prefix)
    assert len(made) == len(all_topics()) - len(first)


@pytest.mark.broker
@pytest.mark.parametrize(
    ("partitions", "record_time", "said"),
    [(3, "append", "2 partitions, not 3"), (2, "create", "LogAppendTime, not CreateTime")],
)
def test_other_topics_of_that_name_are_reported(
    broker: EmbeddedBroker, prefix: str, partitions: int, record_time: RecordTime, said: str
) -> None:
    """A topic with other partitions or record time is named with both; nothing is created meanwhile."""
    connection = Connection(broker.bootstrap_servers)
    asyncio.run(create(connection, [_by_name()[CLAIMS]], prefix=prefix, partitions=2))
    with pytest.raises(TopicsError) as raised:
        _make(broker, prefix, partitions=partitions, record_time=record_time)
    assert f"{prefix}{CLAIMS} has" in str(raised.value)
    assert said in str(raised.value)
    assert asyncio.run(describe(connection, [prefix + ALERTS])) == {}


@pytest.mark.broker
def test_commands_create_and_list(broker: EmbeddedBroker, prefix: str, run: Run) -> None:
    """`topics list` shows what is missing, `topics create` makes it once, and a difference ends with exit code 1."""
    where = ("--prefix", prefix, "--bootstrap-servers", broker.bootstrap_servers)
    assert "missing" in run("topics", "list", *where).stdout
    made = run("topics", "create", "--partitions", "2", *where)
    assert made.returncode == 0, made.stderr
    assert prefix + CLAIMS in made.stdout
    again = run("topics", "create", "--partitions", "2", *where)
    assert (again.returncode, prefix in again.stdout) == (0, False)
    listed = run("topics", "list", *where)
    assert listed.returncode == 0
    assert prefix + CLAIMS in listed.stdout
    lines = {line.split()[0]: line.split()[1:] for line in listed.stdout.splitlines() if line.strip()}
    assert lines[prefix + CLAIMS] == ["2", "delete", "400", "d", "append"]
    assert lines[prefix + ALERTS] == ["2", "compact", "for", "ever", "create"]
    assert "missing" not in listed.stdout
    other = run("topics", "create", *where)
    assert other.returncode == 1
    assert "2 partitions, not 8" in other.stderr


@pytest.mark.broker
def test_the_list_is_readable_at_80_columns(broker: EmbeddedBroker, run: Run) -> None:
    """Names and figures are whole; what a topic carries stands below its name."""
    listed = run("topics", "list", "--bootstrap-servers", broker.bootstrap_servers, COLUMNS="80").stdout
    assert max(map(len, listed.splitlines())) <= 80
    for topic in all_topics():
        assert f"{topic.name} " in listed
        assert topic.carries in listed


def test_unknown_record_time_is_a_usage_error(run: Run) -> None:
    """Told before any broker is asked."""
    ended = run("topics", "create", "--record-time", "never")
    assert ended.returncode == 2
    assert "never" in ended.stderr
