"""Places for faults: each has topics, a group and workers of its own on one broker, so that faults do not mix."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from monitor import clock
from monitor.broker.ports import free_port
from monitor.connection import Connection
from monitor.demo.parts import end, start_worker
from monitor.player import play
from monitor.timeline import place
from monitor.topic_admin import create, describe
from topics.catalogue import CLAIMS, all_topics
from topics.times import UTC_OFFSET, format_time

SESSION_S: Final = 30
"""How long the group waits for a killed worker: long enough for its partitions to be missed."""
_READY_S: Final = 90.0


@dataclass
class Worker:
    """A worker process and the address of its pages."""

    process: "subprocess.Popen[bytes]"
    url: str

    def strike(self, number: signal.Signals) -> None:
        """Send a signal to the worker and its parent, the parent first: it would start the worker again."""
        for pid in [self.process.pid, *_children(self.process.pid)]:
            os.kill(pid, number)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        with contextlib.suppress(OSError):
            self.strike(signal.SIGCONT)
        end(self.process)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Site:
    """One place.

    Attributes:
        connection: to the broker.
        job: by which Prometheus knows its workers.
        folder: for its files.
        partitions: of its input topics.
        workers: that were started, dead ones too.
    """

    connection: Connection
    job: str
    folder: Path
    partitions: int = 1
    workers: list[Worker] = field(default_factory=list)
    _sent: int = 0

    @property
    def prefix(self) -> str:
        """Of its topics."""
        return f"{self.job}."

    async def prepare(self) -> None:
        """Create its topics; producers set the record time."""
        self.folder.mkdir(parents=True)
        await create(
            self.connection, all_topics(), prefix=self.prefix, record_time="create", partitions=self.partitions
        )

    async def start(self, model: Path | None = None, *, more: Sequence[str] = (), within: Sequence[str] = ()) -> Worker:
        """Start a worker and wait until it is ready.

        Raises:
            RuntimeError: it ended, or is not ready in time.
        """
        from monitor.app import ask_worker

        number, port = len(self.workers), free_port()
        options = ["--prefix", self.prefix, "--http-port", str(port), "--session-timeout", str(SESSION_S), *more]
        data = self.folder / f"data-{number}"
        data.mkdir()
        process = start_worker(self.connection, self.folder, model, data=data, more=options, within=within)
        worker = Worker(process, f"http://127.0.0.1:{port}")
        self.workers.append(worker)
        deadline = clock.monotonic() + _READY_S
        while clock.monotonic() < deadline:
            if process.poll() is not None:
                last = " ".join((self.folder / "worker.log").read_text(errors="replace").splitlines()[-1:])
                raise RuntimeError(f"the worker ended with exit code {process.returncode}: {last}")
            with contextlib.suppress(OSError):
                status, _ = await ask_worker(worker.url, "/ready", "")
                if status == 200:
                    return worker
            await asyncio.sleep(0.3)
        raise RuntimeError("the worker is not ready")

    async def facts(self, count: int) -> None:
        """A tick, and settlements of persons whom nothing is said against."""
        now = format_time(clock.now_ms() // 1000 + UTC_OFFSET)
        lines: list[dict[str, Any]] = [{"type": "tick", "tick_time": now}]
        for _ in range(count):
            self._sent += 1
            lines.append(
                {
                    "type": "settlement",
                    "setl_id": f"S{self._sent}",
                    "mdtrt_id": f"V{self._sent}",
                    "psn_no": f"P{self._sent}",
                    "fixmedins_code": "H1",
                    "setl_time": now,
                    "med_type": "11",
                    "medfee_sumamt": "100.00",
                    "fund_pay_sumamt": "60.00",
                }
            )
        await play(place(map(msgspec.json.encode, lines)), self.connection, prefix=self.prefix)

    async def register(self, entry: dict[str, Any]) -> None:
        """An entry of the registry."""
        await play(place([msgspec.json.encode(entry)]), self.connection, prefix=self.prefix)

    async def spoil(self, count: int) -> None:
        """Records that cannot be read."""
        producer = AIOKafkaProducer(**self.connection.aiokafka(), acks="all", compression_type="lz4", linger_ms=20)
        await producer.start()
        try:
            for _ in range(count):
                await producer.send(self.prefix + CLAIMS, b"no json", key=b"P", partition=0)
            await producer.flush()
        finally:
            await producer.stop()

    async def refuse(self, topic: str) -> None:
        """Let the broker refuse every record of a topic from now on."""
        name = self.prefix + topic
        held = (await describe(self.connection, [name]))[name].configs
        configs: dict[str, str] = {"max.message.bytes": "100"}  # a transaction's end fits, a value does not
        configs |= {key: held[key] for key in ("cleanup.policy", "message.timestamp.type") if key in held}
        admin = AIOKafkaAdminClient(**self.connection.aiokafka())
        await admin.start()
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=configs)])
        finally:
            await admin.close()
