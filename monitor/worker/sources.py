"""Refuse source topics that are not the ones a partition's state was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from monitor.refusal import Refused
from monitor.state import Meta
from topics.catalogue import DEFAULT_GROUP


class SourceTopicChanged(Refused):
    """A source topic was recreated, truncated or given other partitions; the message names the command that helps."""


def rebuild_command(prefix: str, group: str) -> str:
    """The command that drops a group's state, with the options it needs."""
    return (
        "claims-monitor worker rebuild"
        + (f" --prefix {prefix}" if prefix else "")
        + (f" --group {group}" if group != DEFAULT_GROUP else "")
    )


@dataclass(frozen=True)
class Sources:
    """The source topics as they are now.

    Attributes:
        prefix: of topic names.
        ids: full name -> identity, empty where the broker gives none.
        partitions: how many each has.
        rebuild: the command that drops the group's state.
    """

    prefix: str
    ids: Mapping[str, str]
    partitions: int
    rebuild: str

    def unknown(self, meta: Meta, tps: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Those of a unit's source partitions of which its state knows no record."""
        return [tp for tp in tps if tp.topic.removeprefix(self.prefix) not in meta.offsets]

    def check(self, meta: Meta, partition: int, ends: Mapping[str, int]) -> bool:
        """Hold a partition's state against its source topics; tells whether its record changed.

        Args:
            meta: of the partition; identities and number of partitions are noted in it.
            partition: its number.
            ends: full name of each of its source topics -> end offset of the partition.

        Raises:
            SourceTopicChanged: the state was made from other topics.
        """
        if meta.partitions not in {0, self.partitions}:
            raise SourceTopicChanged(
                f"the source topics had {meta.partitions} partitions and have {self.partitions} now: persons are in "
                "other partitions than their state. Topics that grew hold a person's facts in two partitions: create "
                f"them anew and play the facts into them; then stop all workers and run `{self.rebuild}`"
            )
        changed = meta.partitions != self.partitions
        meta.partitions = self.partitions
        for topic, end in ends.items():
            name = topic.removeprefix(self.prefix)
            seen = meta.offsets.get(name, -1)
            identity = self.ids.get(topic, "")
            known = meta.sources.get(name, "")
            if known and identity and known != identity:
                raise SourceTopicChanged(
                    f"{topic} was deleted and created again: its facts are not the ones that were judged. To judge "
                    f"what it holds now from its beginning, stop all workers and run `{self.rebuild}`"
                )
            if end <= seen:
                raise SourceTopicChanged(
                    f"{topic} partition {partition} ends at {end}, but facts up to offset {seen} were judged: the "
                    "topic was recreated or truncated. To judge what it holds now from its beginning, stop all "
                    f"workers and run `{self.rebuild}`"
                )
            if identity and not known:
                meta.sources[name] = identity
                changed = True
        return changed
