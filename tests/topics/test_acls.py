"""The rights of the roles, and the commands that give them."""

import shlex

import pytest

from topics.acls import ROLES, Acl, acls_of, command_of
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, DISPOSITIONS, INSTITUTIONS, REGISTRY, all_topics


def test_producers_write_input_and_subscribers_read_output() -> None:
    """A producer reads nothing; a subscriber writes nothing and sees neither facts nor dead letters."""
    producer, subscriber = acls_of("producer"), acls_of("subscriber")
    assert {acl.name for acl in producer} == {CLAIMS, INSTITUTIONS, REGISTRY}
    assert {operation for acl in producer for operation in acl.operations} == {"Write", "Describe"}
    assert {acl.name for acl in subscriber} == {ALERTS, ALERTS_LOG, DISPOSITIONS}
    assert {operation for acl in subscriber for operation in acl.operations} == {"Read", "Describe"}


@pytest.mark.parametrize("role", ["worker", "operator"])
def test_workers_and_operators_reach_every_topic(role: str) -> None:
    """A topic that is added to the catalogue is theirs at once, under prefix and group."""
    chosen = next(one for one in ROLES if one == role)
    acls = acls_of(chosen, prefix="p.", group="g")
    assert {acl.name for acl in acls if acl.resource == "topic"} == {"p." + topic.name for topic in all_topics("g")}
    assert [(acl.name, acl.prefixed) for acl in acls if acl.resource == "group"] == [("p.g", False)]
    assert [(acl.name, acl.prefixed) for acl in acls if acl.resource == "transactional-id"] == [("p.g-", True)]


def test_only_operators_create_and_delete() -> None:
    """And they delete only what the monitor itself can make again."""
    for role in ROLES:
        may = {operation for acl in acls_of(role) for operation in acl.operations}
        assert ({"Create", "Delete"} <= may) == (role == "operator"), role
    internal = {topic.name for topic in all_topics() if topic.kind == "internal"}
    deleted = {acl.name for acl in acls_of("operator") if acl.resource == "topic" and "Delete" in acl.operations}
    assert deleted == internal


def test_commands_are_quoted_for_a_shell() -> None:
    """A principal with spaces, as certificates have them, stays one word."""
    acl = Acl("transactional-id", "g-", ("Write",), prefixed=True)
    words = shlex.split(command_of(acl, "User:CN=desk, O=City", "--bootstrap-server kafka:9092"))
    assert words[3:6] == ["--add", "--allow-principal", "User:CN=desk, O=City"]
    assert words[6:] == ["--operation", "Write", "--transactional-id", "g-", "--resource-pattern-type", "prefixed"]
