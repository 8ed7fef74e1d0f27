"""How brokers are reached: one description, and the settings each client library wants of it."""

import asyncio
import logging
import os
import random
import re
import ssl
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from monitor import clock

DEFAULT_SERVERS: Final = "localhost:9092"
SERVERS_VARIABLE: Final = "CLAIMS_MONITOR_BOOTSTRAP_SERVERS"

_KEYS: Final = {
    "bootstrap.servers": "bootstrap_servers",
    "security.protocol": "protocol",
    "sasl.mechanism": "mechanism",
    "sasl.username": "username",
    "sasl.password": "password",
    "ssl.ca.location": "ca_file",
    "ssl.certificate.location": "certificate",
    "ssl.key.location": "key",
    "ssl.key.password": "key_password",
    "ssl.endpoint.identification.algorithm": "identification",
}
_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_REFUSED: Final = re.compile("authentication failed|CERTIFICATE_VERIFY_FAILED", re.IGNORECASE)
"""Reasons that waiting does not mend."""
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0


class ConnectionFailed(Exception):
    """Connection settings that cannot be used, or no broker that answers; the message says what to do."""


@dataclass(frozen=True)
class Connection:
    """Where the brokers are and how to authenticate. Secrets never show in its repr.

    Attributes:
        bootstrap_servers: `host:port`, several separated by commas.
        protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        ca_file: certificates of the authority, PEM; None: those of the system.
        certificate: client certificate, PEM.
        key: its private key, PEM.
        identification: `https` checks the broker's host name; `none` or an empty string does not.
    """

    bootstrap_servers: str = DEFAULT_SERVERS
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)
    identification: str = "https"

    @classmethod
    def load(cls, bootstrap_servers: str | None = None, config_file: Path | None = None) -> "Connection":
        """Read the settings of a file (TOML, or Java-style .properties) and of the environment.

        `${env:NAME}` and `${file:PATH}` in values stand for secrets kept elsewhere.

        Raises:
            ConnectionFailed: a file that cannot be read, an unknown key, or a value that cannot be used.
        """
        found: dict[str, str] = {}
        if config_file is not None:
            found = _settings(config_file)
        servers = bootstrap_servers or found.pop("bootstrap_servers", None) or os.environ.get(SERVERS_VARIABLE)
        found["bootstrap_servers"] = servers or DEFAULT_SERVERS
        connection = cls(**found)
        for server in connection.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
                raise ConnectionFailed(f"bootstrap servers {connection.bootstrap_servers!r}: host:port[,host:port]")
        if connection.protocol not in _PROTOCOLS:
            raise ConnectionFailed(f"security.protocol {connection.protocol!r}: one of {', '.join(_PROTOCOLS)}")
        if connection.identification not in {"https", "", "none"}:
            raise ConnectionFailed(
                f"ssl.endpoint.identification.algorithm {connection.identification!r}: https, or none for no check"
            )
        if connection.uses_sasl:
            if connection.mechanism not in _MECHANISMS:
                raise ConnectionFailed(f"sasl.mechanism {connection.mechanism!r}: one of {', '.join(_MECHANISMS)}")
            if not connection.username or connection.password is None:
                raise ConnectionFailed(f"{connection.protocol} needs sasl.username and sasl.password")
        connection.ssl_context()  # files that cannot be used are found now
        return connection

    @property
    def servers(self) -> list[str]:
        """The brokers, each `host:port`."""
        return [server.strip() for server in self.bootstrap_servers.split(",")]

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether user and password are asked for."""
        return self.protocol.startswith("SASL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS settings.

        Raises:
            ConnectionFailed: certificates or key cannot be read.
        """
        if not self.uses_tls:
            return None
        files = [file for file in (self.ca_file, self.certificate, self.key) if file is not None]
        try:
            for file in files:
                Path(file).open("rb").close()  # its message names the file, that of ssl does not
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, self.key_password)
        except ssl.SSLError as error:
            raise ConnectionFailed(f"TLS files ({', '.join(files)}) cannot be used: {error}") from None
        except OSError as error:
            raise ConnectionFailed(f"{error.filename}: {error.strerror}") from None
        context.check_hostname = self.identification == "https"
        return context

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments of every aiokafka client.

        Raises:
            ConnectionFailed: certificates or key cannot be read.
        """
        return {"bootstrap_servers": self.servers, **self._security()}

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments of every kafka-python client.

        Raises:
            ConnectionFailed: certificates or key cannot be read.
        """
        return {"bootstrap_servers": self.servers, **self._security()}

    def _security(self) -> dict[str, Any]:
        options: dict[str, Any] = {"security_protocol": self.protocol}
        context = self.ssl_context()
        if context is not None:
            options["ssl_context"] = context
        if self.uses_sasl:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def faust_broker(self) -> str:
        """The value of Faust's `broker` setting."""
        return ";".join(f"kafka://{server}" for server in self.servers)

    def faust_credentials(self) -> Any:  # noqa: ANN401 - one of Faust's credentials, or None
        """The value of Faust's `broker_credentials` setting."""
        from faust.auth import SASLCredentials, SSLCredentials

        context = self.ssl_context()
        if self.uses_sasl:
            return SASLCredentials(
                username=self.username, password=self.password, mechanism=self.mechanism, ssl_context=context
            )
        return None if context is None else SSLCredentials(context)


def _settings(file: Path) -> dict[str, str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectionFailed(f"{file}: cannot be read: {error}") from None
    pairs = _toml(text, file) if file.suffix == ".toml" else _properties(text, file)
    found = {}
    for name, value in pairs.items():
        attribute = _KEYS.get(name)
        if attribute is None:
            raise ConnectionFailed(f"{file}: unknown key {name!r}; known are {', '.join(_KEYS)}")
        found[attribute] = _expanded(value, f"{file}: {name}")
    return found


def _toml(text: str, file: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectionFailed(f"{file}: not TOML: {error}") from None
    return {name: str(value) for name, value in _flat(content)}


def _flat(table: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    pairs = []
    for name, value in table.items():
        pairs += _flat(value, f"{path}{name}.") if isinstance(value, dict) else [(path + name, value)]
    return pairs


def _properties(text: str, file: Path) -> dict[str, str]:
    pairs = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith(("#", "!")):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise ConnectionFailed(f"{file}:{number}: expected name=value")
        pairs[name.strip()] = value.strip()
    return pairs


def _expanded(value: str, where: str) -> str:
    def secret(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind == "env":
            if name not in os.environ:
                raise ConnectionFailed(f"{where}: the environment has no variable {name}")
            return os.environ[name]
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConnectionFailed(f"{where}: {name}: {error.strerror}") from None

    return re.sub(r"\$\{(env|file):([^}]+)\}", secret, value)


async def wait_for_broker(
    connection: Connection, patience: float | None = None, on_wait: Callable[[str], None] | None = None
) -> str:
    """Wait until a broker takes requests, with growing pauses; gives the id of the cluster.

    Args:
        connection: how brokers are reached.
        patience: seconds after which to give up, and at once when the broker refuses the user or its certificate is
            not trusted; None: never.
        on_wait: told each time that nobody answered.

    Raises:
        ConnectionFailed: nobody answered in time, or the connection was refused.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    advice = "start one with `claims-monitor broker start`, or pass --bootstrap-servers"
    began = clock.monotonic()
    pause = _FIRST_PAUSE_S
    while True:
        with _overheard() as said:
            client = AIOKafkaAdminClient(**connection.aiokafka(), request_timeout_ms=5_000)
            try:
                await client.start()
                return str((await client.describe_cluster())["cluster_id"])
            except (KafkaError, OSError) as error:
                reason = said[-1] if said else str(error)
            finally:
                await client.close()
        message = f"no Kafka broker answers at {connection.bootstrap_servers} ({reason})"
        wait = pause * random.uniform(0.8, 1.2)
        if patience is not None and _REFUSED.search(reason):
            raise ConnectionFailed(f"{connection.bootstrap_servers} refuses the connection: {reason}")
        if patience is not None and clock.monotonic() - began + wait > patience:
            raise ConnectionFailed(f"{message}; {advice}")
        if on_wait is not None:
            on_wait(f"{message}; retrying in {wait:.1f} s; {advice}")
        await asyncio.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Keep aiokafka's log quiet and give what it said: the true reason (a wrong password) is nowhere else."""
    logger = logging.getLogger("aiokafka")
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield said
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate
