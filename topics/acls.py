"""Who may do what at the brokers: the rights of each role, made from the catalogue of topics."""

import shlex
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, get_args

from topics.catalogue import DEAD_LETTERS, DEFAULT_GROUP, MODELS, Topic, all_topics

Role = Literal["producer", "worker", "subscriber", "operator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Resource = Literal["topic", "group", "transactional-id", "cluster"]
Operation = Literal["Read", "Write", "Create", "Delete", "Alter", "Describe", "DescribeConfigs", "AlterConfigs"]

CLUSTER: Final = "kafka-cluster"
"""The one name of a cluster as a resource."""


class Acl(NamedTuple):
    """Rights at one resource.

    Attributes:
        resource: its kind.
        name: full name, or what names begin with.
        operations: what is allowed there.
        prefixed: whether `name` is the beginning of names.
    """

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False


def acls_of(role: Role, *, prefix: str = "", group: str = DEFAULT_GROUP, consumers: str | None = None) -> list[Acl]:
    """The rights that a role needs.

    * producer: writes facts and registry.
    * worker: reads facts and registry and writes ticks into them; reads and writes all that the monitor makes; holds
      the group's offsets, and the transactions whose ids begin with the group's name.
    * subscriber: reads alerts and dispositions.
    * operator: creates topics, looks at everything, plays facts, files the registry, sends dead letters back, and drops
      a group's state.

    Args:
        role: of whom.
        prefix: before every topic's name.
        group: of the workers.
        consumers: consumer group of the subscriber; None: it uses none, as `claims-monitor subscribe`.
    """
    return list(_ROLES[role](all_topics(group), prefix, group, consumers))


def _producer(topics: tuple[Topic, ...], prefix: str, _group: str, _consumers: str | None) -> Iterator[Acl]:
    for topic in topics:
        if topic.kind == "input":
            yield Acl("topic", prefix + topic.name, ("Write", "Describe"))


def _worker(topics: tuple[Topic, ...], prefix: str, group: str, _consumers: str | None) -> Iterator[Acl]:
    for topic in topics:
        yield Acl("topic", prefix + topic.name, ("Read", "Write", "Describe", "DescribeConfigs"))
    yield Acl("group", prefix + group, ("Read", "Describe"))
    yield Acl("transactional-id", f"{prefix}{group}-", ("Write", "Describe"), prefixed=True)


def _subscriber(topics: tuple[Topic, ...], prefix: str, _group: str, consumers: str | None) -> Iterator[Acl]:
    for topic in topics:
        if topic.kind == "output" and topic.name != MODELS and not topic.name.endswith(DEAD_LETTERS):
            yield Acl("topic", prefix + topic.name, ("Read", "Describe"))
    if consumers is not None:
        yield Acl("group", consumers, ("Read", "Describe"))


def _operator(topics: tuple[Topic, ...], prefix: str, group: str, _consumers: str | None) -> Iterator[Acl]:
    rights: dict[str, tuple[Operation, ...]] = {
        "input": ("Create", "Read", "Write", "Describe", "DescribeConfigs"),
        "output": ("Create", "Read", "Write", "Describe", "DescribeConfigs"),
        "internal": ("Create", "Delete", "Read", "Write", "Describe", "DescribeConfigs"),
    }
    for topic in topics:
        yield Acl("topic", prefix + topic.name, rights[topic.kind])
    yield Acl("group", prefix + group, ("Read", "Describe", "Delete"))
    yield Acl("transactional-id", f"{prefix}{group}-", ("Write", "Describe"), prefixed=True)
    yield Acl("cluster", CLUSTER, ("Describe",))


_ROLES: Final = {"producer": _producer, "worker": _worker, "subscriber": _subscriber, "operator": _operator}


def command_of(acl: Acl, principal: str, connection: str) -> str:
    """The line of Kafka's own `kafka-acls.sh` that gives a right.

    Args:
        acl: the right.
        principal: of whom, as `User:desk`.
        connection: options that say how the brokers are reached.
    """
    words = ["kafka-acls.sh", *shlex.split(connection), "--add", "--allow-principal", principal]
    for operation in acl.operations:
        words += ["--operation", operation]
    words += ["--cluster"] if acl.resource == "cluster" else [f"--{acl.resource}", acl.name]
    if acl.prefixed:
        words += ["--resource-pattern-type", "prefixed"]
    return shlex.join(words)
