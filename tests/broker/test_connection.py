"""Connection settings: where they come from, what is refused, and that secrets stay secret."""

from pathlib import Path

import pytest

from monitor.connection import DEFAULT_SERVERS, SERVERS_VARIABLE, Connection, ConnectionFailed


@pytest.fixture(autouse=True)
def _no_servers_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVERS_VARIABLE, raising=False)


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


PROPERTIES = """\
# the region's brokers
! kept by operations
bootstrap.servers = k1:9093,k2:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.username=monitor
sasl.password=a=b c
"""


def test_option_before_file_before_environment_before_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest to the user wins."""
    file = _file(tmp_path, "kafka.properties", "bootstrap.servers=file:1\n")
    assert Connection.load().bootstrap_servers == DEFAULT_SERVERS
    monkeypatch.setenv(SERVERS_VARIABLE, "environment:1")
    assert Connection.load().bootstrap_servers == "environment:1"
    assert Connection.load(None, file).bootstrap_servers == "file:1"
    assert Connection.load("option:1", file).bootstrap_servers == "option:1"


def test_properties_and_toml_say_the_same(tmp_path: Path) -> None:
    """Java-style properties, TOML with quoted names and TOML with tables give one connection."""
    quoted = "\n".join(
        f'"{name.strip()}" = "{value.strip()}"'
        for name, _, value in (line.partition("=") for line in PROPERTIES.splitlines()[2:])
    )
    tables = (
        'bootstrap.servers = "k1:9093,k2:9093"\nsecurity.protocol = "SASL_SSL"\n'
        '[sasl]\nmechanism = "SCRAM-SHA-512"\nusername = "monitor"\npassword = "a=b c"\n'
    )
    read = [
        Connection.load(None, _file(tmp_path, name, text))
        for name, text in (("a.properties", PROPERTIES), ("b.toml", quoted), ("c.toml", tables))
    ]
    assert read[0] == read[1] == read[2]
    assert read[0].password == "a=b c"  # noqa: S105 - made up
    assert read[0].mechanism == "SCRAM-SHA-512"


def test_secrets_come_from_environment_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${env:NAME}` and `${file:PATH}` are replaced; a file's last newline is no part of the secret."""
    monkeypatch.setenv("WHO", "monitor")
    secret = _file(tmp_path, "secret", "s3\n")
    text = (
        "security.protocol=SASL_PLAINTEXT\nsasl.username=${env:WHO}\n"
        f"sasl.password=x${{file:{secret}}}y\nbootstrap.servers=k:1\n"
    )
    found = Connection.load(None, _file(tmp_path, "k.properties", text))
    assert (found.username, found.password) == ("monitor", "xs3y")


def test_secrets_never_show(tmp_path: Path) -> None:
    """Neither repr nor str tells a password."""
    text = PROPERTIES.replace("a=b c", "hush") + "ssl.key.password=hush2\n"
    found = Connection.load(None, _file(tmp_path, "k.properties", text))
    assert found.password == "hush"  # noqa: S105 - made up
    assert "hush" not in f"{found!r} {found}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bootstrap.server=k:1", "unknown key 'bootstrap.server'"),
        ("security.protocol=TLS", "security.protocol 'TLS'"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\nsasl.username=a\nsasl.password=b", "'GSSAPI'"),
        ("security.protocol=SASL_SSL\nsasl.username=a", "sasl.password"),
        ("security.protocol=SASL_SSL\nsasl.password=b", "sasl.username"),
        ("sasl.username=${env:NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE"),
        ("sasl.password=${file:/nowhere/secret}", "/nowhere/secret"),
        ("no equals sign", "k.properties:1"),
        ("bootstrap.servers=k:port", "'k:port'"),
        ("bootstrap.servers=k:0", "'k:0'"),
        ("bootstrap.servers=k:65536", "'k:65536'"),
        ("bootstrap.servers=:9092", "':9092'"),
        ("bootstrap.servers=k", "'k'"),
        ("ssl.endpoint.identification.algorithm=HTTP", "'HTTP'"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, said: str) -> None:
    """Each fault is refused before anything connects, and the message names it."""
    with pytest.raises(ConnectionFailed) as raised:
        Connection.load(None, _file(tmp_path, "k.properties", text))
    assert said in str(raised.value)


def test_file_faults_are_named(tmp_path: Path) -> None:
    """A file that is missing or is no TOML."""
    with pytest.raises(ConnectionFailed, match=r"absent\.toml"):
        Connection.load(None, tmp_path / "absent.toml")
    with pytest.raises(ConnectionFailed, match="not TOML"):
        Connection.load(None, _file(tmp_path, "k.toml", "bootstrap.servers = k:1"))


def test_blanks_between_servers_do_not_matter() -> None:
    """`a:1, b:2` are two servers, for every client."""
    found = Connection.load(" a:1 , b:65535,[::1]:9092 ")
    assert found.aiokafka()["bootstrap_servers"] == ["a:1", "b:65535", "[::1]:9092"]
    assert found.kafka_python()["bootstrap_servers"] == ["a:1", "b:65535", "[::1]:9092"]
    assert found.faust_broker() == "kafka://a:1;kafka://b:65535;kafka://[::1]:9092"


@pytest.mark.parametrize(("written", "checked"), [(None, True), ("https", True), ("", False), ("none", False)])
def test_host_name_is_checked_unless_said_otherwise(tmp_path: Path, written: str | None, *, checked: bool) -> None:
    """Only an empty value or `none` turns the check of the host name off; the certificate is checked in any case."""
    text = "security.protocol=SSL\n"
    if written is not None:
        text += f"ssl.endpoint.identification.algorithm={written}\n"
    context = Connection.load(None, _file(tmp_path, "k.properties", text)).ssl_context()
    assert context is not None
    assert context.check_hostname is checked
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_unreadable_certificates_are_named(tmp_path: Path) -> None:
    """A missing authority file is told before anything connects."""
    text = "security.protocol=SSL\nssl.ca.location=/nowhere/ca.pem\n"
    with pytest.raises(ConnectionFailed, match=r"/nowhere/ca\.pem"):
        Connection.load(None, _file(tmp_path, "k.properties", text)).aiokafka()


def test_plaintext_needs_no_credentials() -> None:
    """The default is a bare connection: no TLS, no credentials."""
    plain = Connection("k:1")
    assert plain.aiokafka() == {"bootstrap_servers": ["k:1"], "security_protocol": "PLAINTEXT"}
    assert plain.faust_credentials() is None
