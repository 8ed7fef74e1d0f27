"""`claims-monitor simulate` on the command line."""

import asyncio
import gzip
from pathlib import Path

import msgspec
import pytest
import typer
import zstandard
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner

from monitor.broker.server import EmbeddedBroker
from monitor.commands.simulate import simulate
from monitor.commands.topics import app as topics_app
from tests.naive.standing import seconds
from topics.times import to_record_time

app = typer.Typer()
app.command()(simulate)

SMALL = ["--persons", "200", "--days", "12", "--seed", "5"]


def run(*arguments: str) -> str:
    """Standard output of a run that succeeds."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_plain_gz_and_zst_hold_the_same_facts(tmp_path: Path) -> None:
    """The file's name chooses the compression; standard output carries the same lines."""
    plain = run(*SMALL).encode()
    for name in ("facts.ndjson", "facts.ndjson.gz", "facts.ndjson.zst"):
        run(*SMALL, "-o", str(tmp_path / name))
    assert (tmp_path / "facts.ndjson").read_bytes() == plain
    assert gzip.decompress((tmp_path / "facts.ndjson.gz").read_bytes()) == plain
    with (tmp_path / "facts.ndjson.zst").open("rb") as raw:
        assert zstandard.ZstdDecompressor().stream_reader(raw).read() == plain
    assert len(list(tmp_path.iterdir())) == 3, "no part file is left behind"


def test_the_same_compressed_bytes_again(tmp_path: Path) -> None:
    """A compressed file has no time in it."""
    for name in ("one.ndjson.gz", "two.ndjson.gz"):
        run(*SMALL, "-o", str(tmp_path / name))
    assert (tmp_path / "one.ndjson.gz").read_bytes() == (tmp_path / "two.ndjson.gz").read_bytes()


def test_labels_are_written(tmp_path: Path) -> None:
    """`--plant` decides what is planted, `--labels` lists it."""
    labels = tmp_path / "labels.ndjson"
    run(*SMALL, "--plant", "hang-bed=2", "--labels", str(labels), "-o", str(tmp_path / "facts.ndjson"))
    found = [msgspec.json.decode(line) for line in labels.read_bytes().splitlines()]
    assert [one["rule"] for one in found].count("hang-bed") == 2
    assert all(set(one) == {"rule", "about", "discriminator"} for one in found)


def test_clean_plants_nothing(tmp_path: Path) -> None:
    """`--clean` writes an empty labels file."""
    labels = tmp_path / "labels.ndjson"
    run(*SMALL, "--clean", "--labels", str(labels), "-o", str(tmp_path / "facts.ndjson"))
    assert labels.read_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "huge"], "huge"),
        (["--plant", "hang-bed"], "RULE=N"),
        (["--plant", "no-such-rule=1"], "no-such-rule"),
        (["--days", "12", "--plant", "cost-spike=1"], "working days"),
        (["--begin", "tomorrow"], "--begin"),
        (["--rate", "5"], "--into-kafka"),
        (["--begin", "2026-01-01", "--ending-now"], "not both"),
    ],
)
def test_a_wrong_option_is_explained(arguments: list[str], message: str) -> None:
    """Usage faults end with exit code 2 and name what is wrong."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert message in result.output


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """One line says which file and why."""
    result = CliRunner().invoke(app, [*SMALL, "-o", str(tmp_path / "no" / "facts.ndjson")])
    assert result.exit_code == 1
    assert "No such file" in result.output


@pytest.mark.broker
def test_into_kafka(broker: EmbeddedBroker, prefix: str) -> None:
    """The same facts land in the topics of the contract, with `_recv` as record time and the person as key."""
    at = ["--bootstrap-servers", broker.bootstrap_servers, "--prefix", prefix]
    made = CliRunner().invoke(topics_app, ["create", "--record-time", "create", "--partitions", "2", *at])
    assert made.exit_code == 0, made.output
    run(*SMALL, "--into-kafka", *at)
    produced = asyncio.run(_settlements(broker.bootstrap_servers, prefix + "claims.facts.v1"))
    lines = [msgspec.json.decode(line) for line in run(*SMALL).splitlines()]
    expected = [
        (one["psn_no"], to_record_time(seconds(one["_recv"])), one["setl_id"])
        for one in lines
        if one["type"] == "settlement"
    ]
    assert expected
    assert sorted(produced) == sorted(expected)


async def _settlements(servers: str, topic: str) -> list[tuple[str, int, str]]:
    partitions = [TopicPartition(topic, number) for number in range(2)]
    found = []
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        missing = sum(ends.values())
        while missing > 0:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                missing -= len(records)
                for record in records:
                    fact = msgspec.json.decode(record.value or b"null")
                    if fact["type"] == "settlement":
                        found.append(((record.key or b"").decode(), record.timestamp, fact["setl_id"]))
    finally:
        await consumer.stop()
    return found
