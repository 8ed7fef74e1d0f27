import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from monitor.broker.server import EmbeddedBroker
from monitor.commands.page import page

app = typer.Typer()
app.command()(page)
PROGRAM = "import typer; from monitor.commands.page import page; typer.run(page)"


def test_an_address_that_others_reach_needs_the_users_word() -> None:
    result = CliRunner().invoke(app, ["--host", "0.0.0.0"])  # noqa: S104
    assert result.exit_code == 2
    assert "--allow-remote" in result.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--kafka-config", "no-such-file.toml"], "no-such-file.toml"),
        (["--terms", "no-such-terms.toml"], "no-such-terms.toml"),
    ],
)
def test_files_that_are_not_there_are_named(options: list[str], says: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*options, "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.broker
def test_the_command_prints_where_the_page_is_and_ends_on_a_signal(broker: EmbeddedBroker, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "--port", "0", "--data", str(tmp_path / "data")]
    command += ["--bootstrap-servers", broker.bootstrap_servers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        with urllib.request.urlopen(found[0], timeout=10) as answer:  # noqa: S310 - the page's own address
            assert b"<!doctype html>" in answer.read()
        taken = subprocess.run(
            [*command[:4], found[0].rsplit(":", 1)[1].strip("/"), *command[5:]],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert taken.returncode == 1
        assert "--port" in taken.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
