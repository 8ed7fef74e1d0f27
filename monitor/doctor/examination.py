"""Everything the doctor looks at, in order."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from monitor.app import KEYS, PERSONS
from monitor.connection import Connection, ConnectionFailed, wait_for_broker
from monitor.doctor.findings import Report
from monitor.doctor.local_checks import check_agreement, check_disk
from monitor.doctor.offset_checks import Extent, check_clocks, check_offsets, read_extents
from monitor.doctor.state_checks import check_states
from monitor.doctor.topic_checks import TIME, check_topics
from monitor.doctor.worker_checks import Asked, Member, check_members, check_workers
from monitor.topic_admin import Standing, describe
from monitor.topic_ids import topic_ids
from monitor.worker.agreement import Agreement
from monitor.worker.owners import agreement_of, clients, url_of
from monitor.worker.sources import Sources, rebuild_command
from topics.catalogue import (
    CLAIMS,
    DEFAULT_GROUP,
    INSTITUTIONS,
    all_topics,
    contributions,
    key_changelog,
    person_changelog,
)

PATIENCE_S: Final = 5.0
_LEAST_BROKER_SHARE: Final = 0.1


@dataclass(frozen=True)
class Setup:
    """What is examined.

    Attributes:
        connection: how brokers are reached.
        prefix: of topic names.
        group: of the workers.
        data: folder of local state.
        terms: as the workers'.
        model: as the workers'.
        token: of the workers; None: what needs it is left out.
        deep: compare local state with the changelogs, which reads all of both.
    """

    connection: Connection
    prefix: str
    group: str
    data: Path
    terms: Path | None
    model: Path | None
    token: str | None
    deep: bool


@dataclass(frozen=True)
class _Brokers:
    """What the brokers say in one go."""

    standing: Mapping[str, Standing]
    described: Mapping[str, Mapping[str, Any]]
    committed: Mapping[TopicPartition, int]
    count: int
    disks: tuple[tuple[int, str, int, int], ...]


async def examine(setup: Setup) -> Report:
    """Look at everything that can be looked at."""
    report = Report()
    mine = check_agreement(report, setup.terms, setup.model)
    check_disk(report, setup.data)
    try:
        cluster = await wait_for_broker(setup.connection, PATIENCE_S)
    except ConnectionFailed as error:
        advice = "mend the connection settings, or start the broker; nothing else can be looked at before"
        report.wrong("broker", setup.connection.bootstrap_servers, str(error), advice)
        return report
    await _examine_cluster(report, setup, mine, cluster)
    return report


async def _examine_cluster(report: Report, setup: Setup, mine: Agreement | None, cluster: str) -> None:
    prefix, group = setup.prefix, setup.group
    topics = all_topics(group)
    brokers = await _ask(setup, [prefix + topic.name for topic in topics])
    secured = f"{setup.connection.protocol}, " if setup.connection.uses_tls or setup.connection.uses_sasl else ""
    report.well("broker", setup.connection.bootstrap_servers, f"{secured}cluster {cluster}, {brokers.count} broker(s)")
    _check_disks(report, brokers)
    options = (f" --prefix {prefix}" if prefix else "") + (f" --group {group}" if group != DEFAULT_GROUP else "")
    check_topics(
        report,
        topics,
        brokers.standing,
        brokers.described,
        prefix=prefix,
        brokers=brokers.count,
        create=f"claims-monitor topics create{options}",
    )
    members = [
        Member(url, agreement_of(client), frozenset(owned))
        for client, owned in await clients(setup.connection, prefix + group)
        if (url := url_of(client)) is not None
    ]
    fed = {PERSONS: [prefix + CLAIMS], KEYS: [prefix + contributions(group), prefix + INSTITUTIONS]}
    changelogs = {PERSONS: prefix + person_changelog(group), KEYS: prefix + key_changelog(group)}
    sources = [name for names in fed.values() for name in names]
    tps = [
        TopicPartition(name, number)
        for name in sources
        if name in brokers.standing
        for number in range(brokers.standing[name].partitions)
    ]
    live = [tp for tp in tps if brokers.standing[tp.topic].configs.get(TIME) == "LogAppendTime"]
    extents = await _extents(setup.connection, tps, brokers.committed) if tps else {}
    check_offsets(report, extents, running=bool(members), rebuild=rebuild_command(prefix, group))
    await check_clocks(report, setup.connection, live, extents)
    check_members(report, members, [(tp.topic, tp.partition) for tp in tps], mine, prefix + group)
    needed = {*sources, *changelogs.values()}
    if brokers.standing.keys() >= needed:
        await check_states(
            report,
            setup.connection,
            prefix + group,
            {stage: (changelogs[stage], names) for stage, names in fed.items()},
            min(brokers.standing[name].partitions for name in needed),
            Sources(
                prefix,
                await topic_ids(setup.connection, sources),
                brokers.standing[prefix + CLAIMS].partitions,
                rebuild_command(prefix, group),
            ),
            mine,
        )
    stages = {prefix + CLAIMS: PERSONS, prefix + INSTITUTIONS: KEYS}

    async def deep(asked: Asked, member: Member, session: aiohttp.ClientSession) -> None:
        units = sorted((stages[topic], partition) for topic, partition in member.owned if topic in stages)
        await asked.check_state(session, setup.connection, changelogs, units)

    await check_workers(report, members, setup.token, live=bool(live), deep=deep if setup.deep else None)


async def _extents(
    connection: Connection, tps: list[TopicPartition], committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, Extent]:
    consumer = AIOKafkaConsumer(**connection.aiokafka(), isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(tps)
        return await read_extents(consumer, tps, committed)
    finally:
        await consumer.stop()


async def _ask(setup: Setup, names: list[str]) -> _Brokers:
    standing = await describe(setup.connection, names)
    return await asyncio.to_thread(_ask_more, setup, standing)


def _ask_more(setup: Setup, standing: Mapping[str, Standing]) -> _Brokers:
    admin = KafkaAdminClient(**setup.connection.kafka_python())
    try:
        topics: list[dict[str, Any]] = admin.describe_topics(sorted(standing)) if standing else []
        cluster: dict[str, Any] = admin.describe_cluster()
        try:
            group = setup.prefix + setup.group
            offsets = admin.list_group_offsets({group: None}).get(group, {})
        except CoordinatorNotAvailableError:  # nobody has joined any group yet
            offsets = {}
        folders: list[dict[str, Any]] = admin.describe_log_dirs({name: [] for name in sorted(standing)[:1]})
    finally:
        admin.close()
    return _Brokers(
        standing,
        {each["name"]: each for each in topics},
        {TopicPartition(tp.topic, tp.partition): held.offset for tp, held in offsets.items() if held.offset >= 0},
        len(cluster["brokers"]),
        tuple(_disks(folders)),
    )


def _disks(folders: list[dict[str, Any]]) -> list[tuple[int, str, int, int]]:
    """Broker, folder, bytes free and in all, where the broker (3.3 and newer) says so."""
    found = []
    for broker in folders:
        for each in broker.get("log_dirs") or broker.get("results") or []:
            total = int(each.get("total_bytes") or -1)
            if total > 0:
                name = str(each.get("log_dir") or "")
                found.append(
                    (int(broker.get("broker_id") or broker.get("broker") or 0), name, each["usable_bytes"], total)
                )
    return found


def _check_disks(report: Report, brokers: _Brokers) -> None:
    for broker, folder, free, total in brokers.disks:
        where = f"broker {broker} {folder}"
        says = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB"
        if free < total * _LEAST_BROKER_SHARE:
            report.wrong("disk", where, says, "make room, or shorten the retention of topics that can be read again")
        else:
            report.well("disk", where, says)
