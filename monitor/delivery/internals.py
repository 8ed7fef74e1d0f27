"""The parts of Faust, mode and aiokafka that the delivery replaces or relies on, and what they looked like.

The versions are pinned exactly. When one of them is raised, `changed` names what has to be read again: the methods
that `BatchConsumer`, `BatchConsumerThread` and `DeliveryApp` override, and those whose inner workings they, and the
reader of changelogs (`monitor.worker.changelog`) and the producer (`fence.py`, `packing.py`), count on.
After that, and with the tests of the delivery passing, put in the new digests (`python -m monitor.delivery.internals`
prints them).
"""

import hashlib
import importlib
import importlib.metadata
import inspect
from functools import reduce
from typing import Any

VERSIONS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}

DIGESTS = {
    "faust.transport.consumer:Consumer.getmany": "4b168d84882a70d6",
    "faust.transport.consumer:Consumer._drain_messages": "44a2500309e83c63",
    "faust.transport.consumer:Consumer.ack": "5fcf41cf45153475",
    "faust.transport.consumer:Consumer.track_message": "217d7f1399a4cd8e",
    "faust.transport.consumer:Consumer.wait_empty": "e4662fe24f094819",
    "faust.transport.consumer:Consumer.on_stop": "45b1d2210ce2b526",
    "faust.transport.consumer:Consumer.commit": "a354437baaa08bf8",
    "faust.transport.consumer:Consumer.force_commit": "cc094614d22c70fb",
    "faust.transport.consumer:Consumer._commit_tps": "a20e230b05ae8b15",
    "faust.transport.consumer:Consumer._filter_committable_offsets": "dc5e9baf5d994485",
    "faust.transport.consumer:Consumer._commit_offsets": "1a69799041188441",
    "faust.transport.consumer:Consumer._should_commit": "5ce941793947ad42",
    "faust.transport.consumer:Consumer._filter_tps_with_pending_acks": "f6f9239774234e7e",
    "faust.transport.consumer:Consumer._new_offset": "1d2c7ea89a7ad4f1",
    "faust.transport.consumer:Consumer._add_gap": "4df2573ded7c1c2c",
    "faust.transport.consumer:Consumer.perform_seek": "0e8c130ff4b0afd8",
    "faust.transport.consumer:Consumer.pause_partitions": "27a1c94bdacd54de",
    "faust.transport.consumer:Consumer.resume_partitions": "afe6b7c02a41d63c",
    "faust.transport.consumer:Consumer.on_buffer_full": "c8961679e0bcdce5",
    "faust.transport.consumer:Consumer.on_buffer_drop": "4b57e8a418d5ad9c",
    "faust.transport.consumer:Consumer.stop_flow": "cf7e875a2b0d40e8",
    "faust.transport.consumer:Consumer.resume_flow": "db59630f25b5819b",
    "faust.transport.consumer:Consumer.on_partitions_revoked": "d04b7ae72c6fc206",
    "faust.transport.consumer:Consumer.on_partitions_assigned": "29ce96596f05a18c",
    "faust.transport.consumer:Consumer.verify_all_partitions_active": "4e0e46f5c297305d",
    "faust.transport.consumer:Consumer._wait_next_records": "6218e1969a636b3f",
    "faust.transport.drivers.aiokafka:Consumer._to_message": "7c24f6511b2fcef7",
    "faust.transport.drivers.aiokafka:Consumer._new_consumer_thread": "0870ec53dea75083",
    "faust.transport.drivers.aiokafka:ConsumerRebalanceListener": "f3d04f29dfb3f716",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.on_start": "38b4e8bd1e10723a",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.on_thread_stop": "8dfc004e258b6c25",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_consumer": "a4dc6ba0681a298c",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer": "c2701bfc3e6f6cad",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._fetch_records": "39a2c6c79fc1455a",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._commit": "932852ce7a23f658",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.topic_partitions": "8e5084fa9734ed33",
    "faust.app.base:App.on_first_start": "ec655d9c223403cc",
    "faust.app.base:App._on_partitions_revoked": "d5c895bbe57dc73a",
    "faust.app.base:App._on_partitions_assigned": "de932b7927db85b3",
    "faust.app.base:App._stop_consumer": "55854a5de12c3f52",
    "faust.app.base:App._consumer_wait_empty": "6bc313c48c064b16",
    "faust.app.base:App._new_transport": "42db531312dd776f",
    "faust.app.base:App._new_consumer": "bff6ccd646b71ea9",
    "faust.tables.recovery:Recovery._resume_streams": "d986a6710c1aca98",
    "faust.streams:Stream.events": "c62f4dd3a73fe7aa",
    "faust.streams:Stream.noack": "921a6f5c674d32d4",
    "faust.streams:Stream._c_aiter": "fa44582a5882e9df",
    "faust.events:Event.ack": "2d29a6eda87c4ce5",
    "faust.types.tuples:Message.ack": "4751b72c4ed84153",
    "faust.types.tuples:ConsumerMessage": "5edc45d571eb42a2",
    "faust.serializers.schemas:Schema.compile": "d46eec5ce3195b2c",
    "mode.services:Service.crash": "14980000465df0af",
    "mode.worker:Worker.execute_from_commandline": "212e98f635d7a69b",
    "mode.threads:QueueServiceThread.call_thread": "479edda75b54734b",
    "aiokafka.consumer.fetcher:Fetcher.fetched_records": "be4348896b9b66af",
    "aiokafka.consumer.fetcher:FetchResult": "d7db13f06de8248c",
    "aiokafka.consumer.fetcher:Fetcher._update_fetch_positions": "d7774d8241dc6a7e",
    "aiokafka.consumer.fetcher:PartitionRecords": "94aa0da0dbec8d1b",
    "aiokafka.client:AIOKafkaClient.send": "246b277687d7b687",
    "aiokafka.client:AIOKafkaClient.add_topic": "b054eda662913f08",
    "aiokafka.protocol.fetch:FetchRequest": "ef21d383f1372a25",
    "aiokafka.record.control_record:ControlRecord": "29dd9949b9466a40",
    "aiokafka.consumer.subscription_state:TopicPartitionState": "2b83334afadf6d98",
    "aiokafka.consumer.subscription_state:SubscriptionState.fetch_context": "ff2a654dca239cfe",
    "aiokafka.consumer.subscription_state:Assignment": "ce6859542c70a3d4",
    "aiokafka.producer.message_accumulator:BatchBuilder": "8050802ca7514186",
    "aiokafka.record.default_records:_DefaultRecordBatchBuilderPy.build": "c4605147dd71bf25",
    "aiokafka.producer.sender:AddPartitionsToTxnHandler.handle_response": "67266db24da2dfaf",
    "aiokafka.producer.message_accumulator:MessageAccumulator.add_batch": "5ed1c5b1367ad854",
    "aiokafka.producer.producer:AIOKafkaProducer.send_batch": "bf42b0f0c5c0646d",
    "aiokafka.producer.producer:AIOKafkaProducer.abort_transaction": "e93a2aba6d765913",
}


def digest(name: str) -> str:
    """Digest of the source of `module:Class.method`.

    Raises:
        AttributeError: there is no such thing any more.
    """
    module, _, path = name.partition(":")
    thing: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    return hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()[:16]


def changed() -> list[str]:
    """Distributions of other versions than the pinned ones, and parts with another source."""
    found = [
        f"{name} {importlib.metadata.version(name)}"
        for name, version in VERSIONS.items()
        if importlib.metadata.version(name) != version
    ]
    for name, expected in DIGESTS.items():
        try:
            if digest(name) != expected:
                found.append(name)
        except AttributeError:
            found.append(f"{name} (gone)")
    return found


if __name__ == "__main__":
    for part in DIGESTS:
        print(f'    "{part}": "{digest(part)}",')  # noqa: T201 - a tool for maintainers
