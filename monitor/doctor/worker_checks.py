"""What the workers of a group say of themselves: readiness, watermarks, pauses, accounts, and the digest of state."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor import clock
from monitor.connection import Connection
from monitor.doctor.findings import Report
from monitor.store import value_digest
from monitor.worker.agreement import Agreement

MOST_WATERMARK_AGE_S: Final = 60.0
_UNASKED: Final = "set CLAIMS_MONITOR_TOKEN, or --data, to the workers' own"


@dataclass(frozen=True)
class Member:
    """A worker in the group.

    Attributes:
        url: of its pages.
        agreement: what its client id says that it judges with.
        owned: its topic partitions.
    """

    url: str
    agreement: Agreement | None
    owned: frozenset[tuple[str, int]]


def check_members(
    report: Report, members: list[Member], sources: list[tuple[str, int]], mine: Agreement | None, named: str
) -> None:
    """Whether every source partition has a worker, and all judge alike.

    Args:
        report: takes what is found.
        members: of the group.
        sources: topic partitions that must have an owner.
        mine: what the terms and the model that were given make.
        named: the group.
    """
    if not members:
        report.wrong("workers", "", f"no worker of group {named} runs", "start one: `claims-monitor worker`")
        return
    owned = {tp for member in members for tp in member.owned}
    without = sorted(set(sources) - owned)
    if without:
        listed = ", ".join(f"{topic}[{partition}]" for topic, partition in without[:5])
        report.wrong(
            "workers", "", f"nobody judges {listed}", "wait until the group has rebalanced; else look at the logs"
        )
    for member in members:
        if member.agreement is None or mine is None:
            continue
        if mine.equals(member.agreement):
            report.well("terms", member.url, "judges with the terms and the model given here")
        else:
            report.wrong(
                "terms",
                member.url,
                "this worker judges with other terms, another model or another version of the software than given here",
                "give the doctor the workers' own --terms and --model; if they are, start that worker with them",
            )


class Asked:
    """Asks one worker, and notes what is found.

    Args:
        report: takes what is found.
        member: the worker.
        token: of the workers.
        live: whether topics are live, so that watermarks must be close to now.
    """

    def __init__(self, report: Report, member: Member, token: str | None, *, live: bool) -> None:
        self._report = report
        self._url = member.url
        self._token = token
        self._live = live

    async def _get(self, session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with session.get(self._url + path, headers=headers) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def check(self, session: aiohttp.ClientSession) -> bool:
        """Health, partitions, watermarks, pauses and account; tells whether it answers."""
        report = self._report
        try:
            _, health = await self._get(session, "/health")
            _, ready = await self._get(session, "/ready")
            _, metrics = await self._get(session, "/metrics")
            status, account = await self._get(session, "/internal/account?recount=1")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            report.wrong(
                "workers",
                self._url,
                f"does not answer ({type(error).__name__})",
                "if it was killed, it leaves the group within seconds; else start it with an --http-host and "
                "--http-name that can be reached from here",
            )
            return False
        if not health.get("healthy"):
            report.wrong("workers", self._url, "is not healthy", "look at its log; its parent starts it again")
        for unit in ready["partitions"]:
            where = f"{unit['stage']}-{unit['partition']}"
            if unit["state"] in {"ready", "paused"}:
                report.well("workers", where, f"{unit['state']} at {self._url}")
            else:
                report.note("workers", where, f"{unit['state']} at {self._url}", "wait: its state is being recovered")
        self._metrics(str(metrics))
        self._account(status, account)
        return True

    def _metrics(self, text: str) -> None:
        report = self._report
        for sample in [each for family in text_string_to_metric_families(text) for each in family.samples]:
            labels = sample.labels
            if sample.name == "claims_monitor_watermark_timestamp_seconds":
                where = f"{labels['stage']}-{labels['partition']}"
                age = clock.now_s() - sample.value
                if not sample.value:
                    report.note("watermark", where, "no tick has come yet: absences are not judged")
                elif self._live and age > MOST_WATERMARK_AGE_S:
                    advice = "look at lag and ticks: one partition holds all of stage two up"
                    report.wrong("watermark", where, f"{age:.0f} s behind now", advice)
                else:
                    report.well("watermark", where, f"{age:.0f} s behind now" if self._live else "set by the data")
            elif sample.name == "claims_monitor_partition_paused" and sample.value:
                report.wrong(
                    "quarantine",
                    f"{labels['topic']}[{labels['partition']}]",
                    "paused: too many of its records were quarantined",
                    f"look at {labels['topic']}.dlq, mend the source, then `claims-monitor worker resume`",
                )

    def _account(self, status: int, answer: Any) -> None:  # noqa: ANN401 - JSON
        report = self._report
        if status == 401:
            report.note("account", self._url, "not asked: it has another token", _UNASKED)
            return
        if status != 200:
            report.note("account", self._url, "this worker keeps none", "start a newer version")
            return
        for unit in answer["partitions"]:
            where = f"{unit['stage']}-{unit['partition']}"
            for difference in unit["differences"]:
                report.wrong(
                    "account",
                    where,
                    difference,
                    "keep its data folder and log, and report it; `claims-monitor worker rebuild` judges all again",
                )
            if not unit["differences"]:
                facts = unit["facts"]
                says = ", ".join(
                    f"{facts[name]} {name}" for name in ("admitted", "live", "reversed", "voided", "forgotten")
                )
                report.well("account", where, says)

    async def check_state(
        self,
        session: aiohttp.ClientSession,
        connection: Connection,
        changelogs: Mapping[str, str],
        units: list[tuple[str, int]],
    ) -> None:
        """Hold the local state of partitions against their changelogs, read as far as the state had come.

        Args:
            session: for requests.
            connection: how brokers are reached.
            changelogs: stage -> changelog.
            units: (stage, partition) of this worker.
        """
        report = self._report
        for stage, partition in units:
            where = f"{stage}-{partition}"
            status, held = await self._get(session, f"/internal/digest/{stage}/{partition}")
            if status != 200:
                report.note("state", where, f"not compared (the worker says {status})", _UNASKED)
                continue
            digest, values = await changelog_digest(
                connection, TopicPartition(changelogs[stage], partition), held["position"]
            )
            if (f"{digest:032x}", values) == (held["digest"], held["values"]):
                report.well("state", where, f"{values} values equal the changelog's at offset {held['position']}")
            else:
                report.wrong(
                    "state",
                    where,
                    f"local state ({held['values']} values) differs from its changelog ({values} values) at offset "
                    f"{held['position']}",
                    f"stop the worker at {self._url}, delete state/{where} in its data folder, and start it: the "
                    "changelog is the truth",
                )


async def changelog_digest(connection: Connection, tp: TopicPartition, until: int) -> tuple[int, int]:
    """Digest and number of the values that a changelog holds up to an offset (excluded)."""
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    latest: dict[bytes, int] = {}
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        while await consumer.position(tp) < until:
            for record in (await consumer.getmany(tp, timeout_ms=500, max_records=20_000)).get(tp, []):
                if record.offset >= until:
                    break
                key = record.key or b""
                if record.value is None:
                    latest.pop(key, None)
                else:
                    latest[key] = value_digest(key, record.value)
    finally:
        await consumer.stop()
    total = 0
    for digest in latest.values():
        total ^= digest
    return total, len(latest)


async def check_workers(
    report: Report,
    members: list[Member],
    token: str | None,
    *,
    live: bool,
    deep: Callable[[Asked, Member, aiohttp.ClientSession], Any] | None,
) -> None:
    """Ask all workers at once.

    Args:
        report: takes what is found.
        members: of the group.
        token: of the workers; None: what needs it is left out.
        live: whether the topics are live.
        deep: what else to ask of a worker that answers.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60, connect=5)) as session:

        async def one(member: Member) -> None:
            asked = Asked(report, member, token, live=live)
            if await asked.check(session) and deep is not None:
                await deep(asked, member, session)

        await asyncio.gather(*map(one, members))
