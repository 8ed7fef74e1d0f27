"""A whole worker, and the doctor, against a broker that asks for TLS and SCRAM."""

import json
from pathlib import Path

import pytest

from monitor.broker.server import EmbeddedBroker, SecureListener
from tests.facts import at, encoded, settlement, tick
from tests.worker.processes import WorkerProcess, command, done, eventually

pytestmark = pytest.mark.broker

PASSWORD_VARIABLE = "PASSWORD_OF_THE_TESTS"  # noqa: S105 - a name


@pytest.fixture
def kafka_config(
    secured: EmbeddedBroker, listener: SecureListener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Connection settings as a user writes them, with the password in the environment."""
    monkeypatch.setenv(PASSWORD_VARIABLE, listener.password)
    file = tmp_path / "kafka.toml"
    file.write_text(
        f'bootstrap.servers = "{secured.secure_servers}"\n'
        f'security.protocol = "SASL_SSL"\nssl.ca.location = "{listener.truststore}"\n'
        f'[sasl]\nmechanism = "SCRAM-SHA-512"\nusername = "{listener.username}"\n'
        f'password = "${{env:{PASSWORD_VARIABLE}}}"\n',
        encoding="utf-8",
    )
    return file


def test_facts_are_judged_over_the_secured_listener(
    kafka_config: Path, listener: SecureListener, prefix: str, tmp_path: Path
) -> None:
    """Topics, play, worker and alerts over TLS and SCRAM; the alerts are backtest's, byte for byte."""
    facts = tmp_path / "facts.ndjson"
    visits = [settlement(f"S{n}", setl_time=at(0, f"{8 + n:02d}:00:00")) for n in range(5)]
    facts.write_bytes(b"\n".join(encoded([*visits, tick(at(1))])) + b"\n")
    options = ("--kafka-config", str(kafka_config), "--prefix", prefix)
    done("topics", "create", *options, "--record-time", "create", "--partitions", "2")
    done("play", str(facts), *options)
    expected = done("backtest", str(facts))
    assert '"repeat-visits"' in expected
    worker = WorkerProcess(["worker", *options, "--data", str(tmp_path / "data")], tmp_path / "worker.log")
    try:
        worker.wait_ready()
        eventually(lambda: done("alerts", *options) == expected)
        examined = command("doctor", *options, "--json")
        assert examined.stdout, examined.stderr
        broker = next(each for each in json.loads(examined.stdout)["findings"] if each["check"] == "broker")
        assert (broker["level"], broker["says"].partition(",")[0]) == ("well", "SASL_SSL"), examined.stderr
        assert listener.password not in examined.stdout + examined.stderr
        assert worker.stop() == 0
    finally:
        worker.clear()
    assert listener.password not in worker.log


def test_a_wrong_password_ends_commands_at_once(kafka_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the broker's reason and no password."""
    monkeypatch.setenv(PASSWORD_VARIABLE, "quite-wrong")
    ended = command("topics", "list", "--kafka-config", str(kafka_config))
    assert ended.returncode == 1
    assert "uthentication failed" in ended.stderr
    assert "quite-wrong" not in ended.stderr
