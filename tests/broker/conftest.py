"""A broker with a secured listener, and the command line as users run it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.broker.server import EmbeddedBroker, SecureListener

USER = "tester"
PASSWORD = "not-a-secret"  # noqa: S105 - of a broker that lives for one test run

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `claims-monitor` in a process of its own, in a folder of its own."""

    def call(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "monitor.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "250", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def listener(tmp_path_factory: pytest.TempPathFactory) -> SecureListener:
    """An authority and a certificate of `localhost` that it signed."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "rsa:2048", "-nodes")
    _openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test-ca")
    _openssl(folder, "req", *key, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n", encoding="ascii")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "broker.csr", *signed, "-out", "broker.pem")
    parts = [(folder / name).read_text(encoding="ascii") for name in ("broker.key", "broker.pem", "ca.pem")]
    (folder / "keystore.pem").write_text("".join(parts), encoding="ascii")
    return SecureListener(folder / "keystore.pem", folder / "ca.pem", USER, PASSWORD)


@pytest.fixture(scope="module")
def secured(listener: SecureListener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker whose second listener speaks TLS and SCRAM-SHA-512."""
    with EmbeddedBroker(tmp_path_factory.mktemp("secured"), secure=listener) as running:
        yield running
