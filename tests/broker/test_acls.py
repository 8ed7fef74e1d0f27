"""The rights of each role, at a broker that grants nothing else: enough for its work, and not for another's."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from monitor.broker.server import EmbeddedBroker, SecureListener
from tests.facts import at, encoded, settlement, tick
from tests.worker.processes import WorkerProcess, command, done, eventually
from topics.acls import CLUSTER, ROLES

PREFIX = "acl."
PASSWORD = "not-a-secret-of-anyone"  # noqa: S105 - of a broker that lives for one test run
OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Create": ACLOperation.CREATE,
    "Delete": ACLOperation.DELETE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}


def _read(line: str) -> list[ACL]:
    """What Kafka's own program makes of a printed command."""
    reader = argparse.ArgumentParser(exit_on_error=True, allow_abbrev=False)
    reader.add_argument("program", choices=["kafka-acls.sh"])
    for name in ("bootstrap-server", "command-config", "allow-principal", "topic", "group", "transactional-id"):
        reader.add_argument(f"--{name}")
    reader.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
    reader.add_argument("--operation", action="append", choices=list(OPERATIONS), required=True)
    reader.add_argument("--add", action="store_true", required=True)
    reader.add_argument("--cluster", action="store_true")
    given = reader.parse_args(shlex.split(line))
    resources = [
        (kind, name)
        for kind, name in [
            (ResourceType.TOPIC, given.topic),
            (ResourceType.GROUP, given.group),
            (ResourceType.TRANSACTIONAL_ID, given.transactional_id),
            (ResourceType.CLUSTER, CLUSTER if given.cluster else None),
        ]
        if name is not None
    ]
    ((kind, name),) = resources
    pattern = ResourcePattern(kind, name, ACLResourcePatternType[given.resource_pattern_type.upper()])
    return [
        ACL(given.allow_principal, "*", OPERATIONS[operation], ACLPermissionType.ALLOW, pattern)
        for operation in given.operation
    ]


@pytest.fixture(scope="module")
def guarded(listener: SecureListener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker with one user for each role, and the rights that the printed commands give."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # the broker itself, and this fixture: they come by the plain listener
        "super.users": "User:ANONYMOUS",
    }
    with EmbeddedBroker(tmp_path_factory.mktemp("guarded"), secure=listener, settings=settings) as running:
        admin = KafkaAdminClient(bootstrap_servers=running.bootstrap_servers)
        try:
            users = [UserScramCredentialUpsertion(role, ScramMechanism.SCRAM_SHA_512, PASSWORD) for role in ROLES]
            assert set(admin.alter_user_scram_credentials(users).values()) == {None}
            for role in ROLES:
                lines = done("topics", "acls", role, "--principal", f"User:{role}", "--prefix", PREFIX).splitlines()
                made = admin.create_acls([acl for line in lines for acl in _read(line)])
                assert not made["failed"]
        finally:
            admin.close()
        yield running


@pytest.mark.broker
@pytest.mark.prove
def test_each_role_can_do_its_work_and_not_anothers(
    guarded: EmbeddedBroker, listener: SecureListener, tmp_path: Path
) -> None:
    """Create, play, judge, subscribe, look and drop, each by its own user; each is refused what is another's."""

    def by(role: str) -> tuple[str, ...]:
        file = tmp_path / f"{role}.properties"
        file.write_text(
            f"bootstrap.servers={guarded.secure_servers}\nsecurity.protocol=SASL_SSL\n"
            f"sasl.mechanism=SCRAM-SHA-512\nsasl.username={role}\nsasl.password={PASSWORD}\n"
            f"ssl.ca.location={listener.truststore}\n",
            encoding="ascii",
        )
        return ("--kafka-config", str(file), "--prefix", PREFIX)

    facts = tmp_path / "facts.ndjson"
    visits = [settlement(f"S{n}", setl_time=at(0, f"{8 + n:02d}:00:00")) for n in range(5)]
    facts.write_bytes(b"\n".join(encoded([*visits, tick(at(1))])) + b"\n")
    create = ("topics", "create", "--record-time", "create", "--partitions", "2")
    for other in ("producer", "worker", "subscriber"):
        assert command(*create, *by(other)).returncode == 1, other
    done(*create, *by("operator"))
    assert command("play", str(facts), *by("subscriber")).returncode == 1
    done("play", str(facts), *by("producer"))
    expected = done("backtest", str(facts))
    worker = WorkerProcess(["worker", *by("worker"), "--data", str(tmp_path / "data")], tmp_path / "worker.log")
    try:
        worker.wait_ready()
        standing = ("subscribe", "--standing")
        eventually(lambda: done(*standing, *by("subscriber")) == expected)
        assert command(*standing, *by("producer")).returncode == 1
        assert done("alerts", *by("operator")) == expected
        assert "missing" not in done("topics", "list", *by("operator"))
        done("dlq", "list", *by("operator"))
        assert worker.stop() == 0
    finally:
        worker.clear()
    rebuild = ("worker", "rebuild", "--yes", "--data", str(tmp_path / "data"))
    assert command(*rebuild, *by("worker")).returncode == 1
    done(*rebuild, *by("operator"))


def test_unusable_arguments_are_told() -> None:
    """Exit code 2 and what would be right."""
    for wrong in (
        ["reviewer"],
        ["worker", "--consumer-group", "desk"],
        ["worker", "--principal", "desk"],
    ):
        assert command("topics", "acls", *wrong).returncode == 2, wrong
    assert "--group desk" in done("topics", "acls", "subscriber", "--consumer-group", "desk")
