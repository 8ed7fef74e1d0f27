"""State that older software wrote, byte for byte, is refused with what to do, and rebuilt from the facts.

`older_states` holds what the engine of the commits before 190d74d (version 1) and of a2448eb (version 2) kept in both
stages after the first part of `facts.ndjson.gz`, and the alerts that stood then.
"""

import asyncio
import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.state import META, OLDEST, VERSION, Meta, StateError, encode, read_meta
from tests.facts import run
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker
from tests.worker.processes import command, done, eventually
from topics.alerts import encode as encode_alert
from topics.catalogue import ALERTS, CLAIMS, key_changelog, person_changelog

FOLDER = Path(__file__).parent / "older_states"
FACTS = FOLDER / "facts.ndjson.gz"
REFUSED = 78


def kept(version: int) -> dict[str, Any]:
    """What a version kept."""
    found: dict[str, Any] = json.loads(gzip.decompress((FOLDER / f"version-{version}.json.gz").read_bytes()))
    assert found["version"] == version
    return found


def decoded(values: dict[str, str]) -> dict[bytes, bytes]:
    """Keys and values of a state."""
    return {base64.b85decode(key): base64.b85decode(value) for key, value in values.items()}


@pytest.mark.parametrize("version", [1, 2])
def test_a_state_from_before_the_oldest_is_told_apart(version: int) -> None:
    """By its meta record, which today's software still decodes; the message says what to do."""
    for stage in ("persons", "keys"):
        with pytest.raises(StateError, match=rf"schema version {version}, .*worker rebuild"):
            read_meta(decoded(kept(version)[stage])[META])
    with pytest.raises(StateError, match="worker rebuild"):
        read_meta(encode(Meta(version=OLDEST - 1)))
    for good in (OLDEST, VERSION):
        assert read_meta(encode(Meta(version=good))).version == good


async def _acknowledge(site: Site, offset: int) -> None:
    """Store the offset up to which the group has judged the claims."""
    consumer = AIOKafkaConsumer(**site.connection.aiokafka(), group_id=site.prefix + GROUP, enable_auto_commit=False)
    tp = TopicPartition(site.prefix + CLAIMS, 0)
    consumer.assign([tp])
    await consumer.start()
    await consumer.commit({tp: offset})
    await consumer.stop()


@pytest.mark.prove
@pytest.mark.broker
def test_a_group_moves_on_from_an_older_state(make_site: MakeSite, start_worker: StartWorker) -> None:
    """Refused as it is, judged again by the command that is named: then all that the facts give stands, to the byte.

    An alert of before that the facts do not give now stays as it was: no state is left that would withdraw it.
    """
    version = 2
    site = make_site()
    state = kept(version)
    done("play", str(FACTS), *site.options)
    for stage, topic in (("persons", person_changelog(GROUP)), ("keys", key_changelog(GROUP))):
        site.send(*((topic, 0, key, value, None) for key, value in decoded(state[stage]).items()))
    site.send(*((ALERTS, None, key.encode(), value.encode(), None) for key, value in state["standing"].items()))
    asyncio.run(_acknowledge(site, state["records"]))
    worker = start_worker(site.options)
    assert worker.ends(90) == REFUSED
    assert f"the stored state has schema version {version}" in worker.log
    assert "starting it again" not in worker.log
    rebuilt = command("worker", "rebuild", *site.options, "--group", GROUP, "--yes", "--data", "/nonexistent")
    assert rebuilt.returncode == 0, rebuilt.stderr
    worker = start_worker(site.options)
    worker.wait_ready()
    objects = [json.loads(line) for line in gzip.decompress(FACTS.read_bytes()).splitlines()]
    expected = set(run(objects).alerts())
    of_before = {value.encode() for value in state["standing"].values()}
    eventually(lambda: {encode_alert(alert) for alert in site.alerts()} >= expected, 180)
    assert {encode_alert(alert) for alert in site.alerts()} - expected <= of_before
    assert worker.stop() == 0
