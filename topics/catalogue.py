"""Every topic there is: name, key, cleanup, retention, and what it carries. Names stand here and nowhere else."""

from dataclasses import dataclass
from typing import Final, Literal

from topics.times import DAY

Kind = Literal["input", "output", "internal"]
RecordTime = Literal["append", "create"]

CLAIMS: Final = "claims.facts.v1"
INSTITUTIONS: Final = "institutions.facts.v1"
REGISTRY: Final = "registry.v1"
MODELS: Final = "models.v1"
ALERTS: Final = "alerts.v1"
ALERTS_LOG: Final = "alerts.log.v1"
DISPOSITIONS: Final = "dispositions.v1"

DEAD_LETTERS: Final = ".dlq"
"""A source topic's dead-letter topic has this suffix."""

DEFAULT_GROUP: Final = "claims-monitor"
DEFAULT_PARTITIONS: Final = 8

_LONG: Final = (1 << 63) - 1
_DAY_MS: Final = DAY * 1000


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: without prefix; internal ones carry the group's name.
        key: what records are keyed by.
        cleanup: `delete` or `compact`.
        retention_days: for `delete`; None: unlimited.
        carries: for people.
        kind: input (facts and registry), output (for consumers), internal (the workers' own).
        partitions: fixed number, None: the number chosen when topics are created.
    """

    name: str
    key: str
    cleanup: Literal["delete", "compact"]
    retention_days: int | None
    carries: str
    kind: Kind
    partitions: int | None = None

    def configs(self, record_time: RecordTime = "append") -> dict[str, str]:
        """The topic's settings at the broker.

        `append`: the broker's clock stamps input records, so that no producer's clock is "now". `create` (replays,
        tests): the producer sets record time; retention is unlimited and time stamps of any age are taken, since
        history would be deleted or refused otherwise.
        """
        configs: dict[str, str] = {"cleanup.policy": self.cleanup}
        if self.cleanup == "delete":
            days = self.retention_days
            configs["retention.ms"] = "-1" if days is None else str(days * _DAY_MS)
        else:
            configs["min.cleanable.dirty.ratio"] = "0.2"
        replay = record_time == "create"
        # only live input is stamped by the broker: what the monitor writes keeps the time its producer gave it
        stamped = self.kind == "input" and not replay
        configs["message.timestamp.type"] = "LogAppendTime" if stamped else "CreateTime"
        configs["message.timestamp.before.max.ms"] = str(_LONG)
        configs["message.timestamp.after.max.ms"] = str(_LONG)
        if replay and self.cleanup == "delete":
            configs["retention.ms"] = "-1"
        return configs


def contributions(group: str) -> str:
    """Topic of the frames that stage one sends to stage two."""
    return f"{group}-contributions"


def person_changelog(group: str) -> str:
    """Changelog of stage one's state."""
    return f"{group}-person-changelog"


def key_changelog(group: str) -> str:
    """Changelog of stage two's state."""
    return f"{group}-key-changelog"


def dead_letters(topic: str) -> str:
    """The dead-letter topic of a source topic."""
    return topic + DEAD_LETTERS


def all_topics(group: str = DEFAULT_GROUP) -> tuple[Topic, ...]:
    """Every topic, internal ones of a group included."""
    return (
        Topic(CLAIMS, "psn_no", "delete", 400, "all facts about a person", "input"),
        Topic(INSTITUTIONS, "fixmedins_code", "delete", 400, "facts about an institution", "input"),
        Topic(
            REGISTRY,
            "kind/parts/valid_from",
            "compact",
            None,
            "institutions, quotas, physicians, items ...",
            "input",
            1,
        ),
        Topic(MODELS, "version/piece/pieces", "compact", None, "anomaly models, in pieces", "output", 1),
        Topic(ALERTS, "jr_id", "compact", None, "the latest state of each alert", "output"),
        Topic(ALERTS_LOG, "fixmedins_code", "delete", 400, "every raise, revision and withdrawal", "output"),
        Topic(DISPOSITIONS, "jr_id", "compact", None, "what reviewers decided", "output"),
        Topic(dead_letters(CLAIMS), "psn_no", "delete", 400, "quarantined records, with the reason", "output"),
        Topic(dead_letters(INSTITUTIONS), "fixmedins_code", "delete", 400, "quarantined records", "output"),
        Topic(contributions(group), "-", "delete", 31, "frames of contributions to stage two", "internal"),
        Topic(person_changelog(group), "state key", "compact", None, "state of persons", "internal"),
        Topic(key_changelog(group), "state key", "compact", None, "state of institutions and other keys", "internal"),
    )
