"""Topics as the catalogue wants them, against topics as the brokers have them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitor.doctor.findings import Report
from monitor.topic_admin import Standing
from topics.catalogue import RecordTime, Topic

TIME: Final = "message.timestamp.type"
_COPIES: Final = 3


def check_topics(
    report: Report,
    topics: Sequence[Topic],
    standing: Mapping[str, Standing],
    described: Mapping[str, Mapping[str, Any]],
    *,
    prefix: str,
    brokers: int,
    create: str,
) -> None:
    """Existence, partitions, cleanup, retention, time stamps and copies of every topic.

    Args:
        report: takes what is found.
        topics: of the catalogue.
        standing: full name -> how it stands.
        described: full name -> the broker's description of its partitions.
        prefix: of topic names.
        brokers: how many there are.
        create: the command that creates them.
    """
    keyed = [prefix + topic.name for topic in topics if topic.kind != "output" and topic.partitions is None]
    counts = {name: standing[name].partitions for name in keyed if name in standing}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        report.wrong(
            "topics",
            "",
            f"facts, contributions and changelogs must have equally many partitions: {listed}",
            "create the source topics anew and play the facts into them; `claims-monitor worker rebuild` makes the "
            "internal ones fit",
        )
    record_time = _record_time(report, topics, standing, prefix)
    for topic in topics:
        name = prefix + topic.name
        held = standing.get(name)
        if held is None:
            report.wrong("topics", name, "does not exist", f"create it: `{create}`")
            continue
        faults = list(_faults(topic, held, record_time))
        for says, advice in faults:
            report.wrong("topics", name, says, advice.replace("NAME", name))
        _copies(report, name, described.get(name, {}), brokers)
        if not faults:
            report.well("topics", name, f"{held.partitions} partitions, {held.configs.get('cleanup.policy')}")


def _record_time(report: Report, topics: Sequence[Topic], standing: Mapping[str, Standing], prefix: str) -> RecordTime:
    """Whether the topics are live (the broker stamps facts) or for replays."""
    names = [prefix + topic.name for topic in topics if topic.kind == "input" and prefix + topic.name in standing]
    stamped = {name: standing[name].configs.get(TIME) == "LogAppendTime" for name in names}
    if stamped and not any(stamped.values()):
        report.note("topics", "", "replay topics: producers set the record time, and ticks must be in the data")
        return "create"
    return "append"


def _faults(topic: Topic, held: Standing, record_time: RecordTime) -> list[tuple[str, str]]:
    wanted = topic.configs(record_time)
    change = "kafka-configs.sh --alter --topic NAME --add-config "
    found = []
    for setting in ("cleanup.policy", TIME):
        if held.configs.get(setting) != wanted[setting]:
            says = f"{setting} is {held.configs.get(setting)}, not {wanted[setting]}"
            found.append((says, f"set it: `{change}{setting}={wanted[setting]}`"))
    if topic.cleanup == "delete":
        keeps, least = (int(configs.get("retention.ms", "-1")) for configs in (held.configs, wanted))
        if keeps >= 0 and (least < 0 or keeps < least):
            says = f"retention.ms is {keeps}, shorter than {least}: records go before they may"
            found.append((says, f"set it: `{change}retention.ms={least}`"))
        room = int(held.configs.get("retention.bytes", "-1"))
        if room >= 0:
            says = f"retention.bytes is {room}: a busy day deletes what is still needed"
            found.append((says, f"take the bound away: `{change}retention.bytes=-1`"))
    if topic.partitions is not None and held.partitions != topic.partitions:
        found.append((f"{held.partitions} partitions, not {topic.partitions}", "create it anew"))
    return found


def _copies(report: Report, name: str, described: Mapping[str, Any], brokers: int) -> None:
    partitions = described.get("partitions") or []
    copies = min((len(each["replica_nodes"]) for each in partitions), default=0)
    wanted = min(_COPIES, brokers)
    if partitions and copies < wanted:
        report.wrong(
            "replication",
            name,
            f"{copies} copies on {brokers} brokers: one that is lost takes records with it",
            f"give it {wanted} copies: kafka-reassign-partitions.sh",
        )
    for each in partitions:
        where = f"{name}[{each['partition_index']}]"
        if each["leader_id"] < 0:
            report.wrong("replication", where, "has no leader", "start the brokers that hold it")
        elif len(each["isr_nodes"]) < len(each["replica_nodes"]):
            behind = sorted(set(each["replica_nodes"]) - set(each["isr_nodes"]))
            report.wrong("replication", where, f"brokers {behind} are behind", "look at these brokers and their disks")
