"""`claims-monitor doctor` on set-ups that are well, that lack something, and that are broken in one place each."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from monitor.broker.ports import free_port
from monitor.broker.server import EmbeddedBroker
from monitor.doctor.findings import Level, Report
from monitor.doctor.local_checks import check_disk
from monitor.doctor.offset_checks import LARGE_LAG, Extent, check_offsets
from monitor.doctor.topic_checks import check_topics
from monitor.topic_admin import Standing
from tests.facts import settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, now
from tests.worker.processes import command, eventually
from topics.catalogue import CLAIMS, DEFAULT_GROUP, all_topics

TP = TopicPartition(CLAIMS, 0)


def wrong(report: Report) -> list[tuple[str, str]]:
    """Check and place of what is wrong; each says what to do."""
    found = [finding for finding in report.findings if finding.level is Level.WRONG]
    assert all(finding.advice for finding in found)
    return [(finding.check, finding.where) for finding in found]


@pytest.mark.parametrize(
    ("extent", "running", "expected"),
    [
        (Extent(0, 10, 10), True, []),
        (Extent(0, 10, 9), True, []),
        (Extent(0, 10, 9), False, ["lag"]),
        (Extent(0, LARGE_LAG, 0), True, []),
        (Extent(0, LARGE_LAG + 1, 0), True, ["lag"]),
        (Extent(5, 10, 5), True, []),
        (Extent(5, 10, 4), True, ["offsets"]),
        (Extent(5, 10, None), True, []),
        (Extent(0, 10, 11), True, ["offsets"]),
        (Extent(0, 0, None), False, []),
    ],
)
def test_offsets_at_their_bounds(extent: Extent, *, running: bool, expected: list[str]) -> None:
    """Beyond the end, before the begin, waiting without a worker, or too many waiting."""
    report = Report()
    check_offsets(report, {TP: extent}, running=running, rebuild="rebuild")
    assert wrong(report) == [(check, f"{CLAIMS}[0]") for check in expected]


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [
        ("cleanup.policy", "compact", True),
        ("retention.ms", str(400 * 86_400_000), False),
        ("retention.ms", str(400 * 86_400_000 - 1), True),
        ("retention.ms", "-1", False),
        ("retention.bytes", "1000", True),
        ("message.timestamp.type", "CreateTime", True),
        ("partitions", "3", True),
    ],
)
def test_topics_against_the_catalogue(setting: str, value: str, *, fault: bool) -> None:
    """One setting of the facts' topic differs."""
    topics = all_topics(GROUP)
    standing = {topic.name: Standing(topic.partitions or 2, topic.configs()) for topic in topics}
    held = standing[CLAIMS]
    changed = (
        Standing(int(value), held.configs) if setting == "partitions" else Standing(2, held.configs | {setting: value})
    )
    report = Report()
    check_topics(report, topics, standing | {CLAIMS: changed}, {}, prefix="", brokers=1, create="create")
    assert bool(wrong(report)) == fault
    assert {check for check, _ in wrong(report)} <= {"topics"}


def test_copies_and_leaders() -> None:
    """One copy is enough on one broker alone; copies that lag behind are named."""
    topics = [topic for topic in all_topics(GROUP) if topic.name == CLAIMS]
    standing = {CLAIMS: Standing(1, topics[0].configs())}

    def report_of(brokers: int, replicas: list[int], isr: list[int], leader: int = 1) -> list[tuple[str, str]]:
        partition = {"partition_index": 0, "leader_id": leader, "replica_nodes": replicas, "isr_nodes": isr}
        report = Report()
        described = {CLAIMS: {"partitions": [partition]}}
        check_topics(report, topics, standing, described, prefix="", brokers=brokers, create="create")
        return wrong(report)

    assert report_of(1, [1], [1]) == []
    assert report_of(3, [1, 2, 3], [1, 2, 3]) == []
    assert report_of(3, [1], [1]) == [("replication", CLAIMS)]
    assert report_of(3, [1, 2, 3], [1, 3]) == [("replication", f"{CLAIMS}[0]")]
    assert report_of(1, [1], [], -1) == [("replication", f"{CLAIMS}[0]")]


def test_a_data_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """Its disk is looked at all the same."""
    report = Report()
    check_disk(report, tmp_path / "a" / "b")
    assert [finding.check for finding in report.findings] == ["disk"]


def examined(site: Site, *more: str) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
    """Exit code, the whole answer, and what is wrong but for the disk of this machine."""
    ended = command("doctor", *site.options, "--group", GROUP, "--json", *more)
    answer = json.loads(ended.stdout)
    assert ended.returncode == (0 if answer["well"] else 1), ended.stderr
    found = [each for each in answer["findings"] if each["level"] == "wrong" and each["check"] != "disk"]
    assert all(each["advice"] for each in found)
    return ended.returncode, answer, found


def test_without_a_broker(tmp_path: Path) -> None:
    """Terms, model and disk are looked at, the broker is said to be missing; no colours, no traceback."""
    given = tmp_path / "no.toml"
    ended = command("doctor", "-b", f"127.0.0.1:{free_port()}", "--terms", str(given), "--data", str(tmp_path))
    assert ended.returncode == 1
    assert "no Kafka broker answers" in ended.stdout
    assert f"{given}: cannot be read" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "Traceback" not in ended.stderr
    assert command("doctor", "-b", "nonsense").returncode == 2


@pytest.mark.broker
def test_a_broker_without_topics(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Each is named, with the command that creates them; what would lie in them is not looked at."""
    where = ["-b", broker.bootstrap_servers, "--prefix", "empty.", "--data", str(tmp_path)]
    ended = command("doctor", *where)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    for topic in all_topics(DEFAULT_GROUP):
        assert f"empty.{topic.name}" in ended.stdout
    assert "claims-monitor topics create --prefix empty." in ended.stdout


@pytest.mark.broker
def test_a_live_set_up(make_site: MakeSite, start_worker: StartWorker, tmp_path: Path) -> None:
    """Without a worker that is what is wrong; with one all is well, state included; then it is broken in places."""
    site = make_site(partitions=2, record_time="append")
    site.facts(*(settlement(f"S{n}", psn_no=f"P{n}", setl_time=now(-60)) for n in range(6)), at=now())
    _, _, found = examined(site)
    assert {each["check"] for each in found} == {"workers", "lag", "ticks"}
    worker = start_worker(site.options)
    worker.wait_ready()

    def all_well() -> bool:
        _, answer, found = examined(site, "--deep")
        checks = {each["check"] for each in answer["findings"] if each["level"] == "well"}
        return not found and {"broker", "topics", "offsets", "lag", "clocks", "watermark", "state", "terms"} <= checks

    eventually(all_well, 120)
    other = tmp_path / "other.toml"
    from tests.worker.test_agreement import edited

    other.write_text(edited(None), encoding="utf-8")
    _, _, found = examined(site, "--terms", str(other))
    assert {each["check"] for each in found} == {"terms"}
    _shorten(site)
    _, _, found = examined(site)
    assert [(each["check"], each["where"]) for each in found] == [("topics", site.prefix + CLAIMS)]
    shown = command("doctor", *site.options, "--group", GROUP)
    assert "retention.ms is 1000000" in shown.stdout
    assert "-> set it: `kafka-configs.sh" in shown.stdout


def _shorten(site: Site) -> None:
    """Let facts go after a quarter of an hour."""

    async def work() -> None:
        admin = AIOKafkaAdminClient(**site.connection.aiokafka())
        await admin.start()
        configs = {"retention.ms": "1000000", "message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, site.prefix + CLAIMS, configs)])
        await admin.close()

    asyncio.run(work())
