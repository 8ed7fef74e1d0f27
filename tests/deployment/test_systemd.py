"""The systemd unit: systemd takes it, finds nothing to warn of, and little that is exposed."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli import app

UNIT = Path(__file__).parents[2] / "examples" / "systemd" / "claims-monitor-worker@.service"
MOST_EXPOSED = 25
"""Tenths of systemd's own measure, which goes to 100; below 30 it says OK."""


def _installed(folder: Path) -> Path:
    """The unit, one instance of it, with a program and paths that this machine has."""
    program = Path(sys.executable).parent / "claims-monitor"
    text = UNIT.read_text(encoding="utf-8").replace("/opt/claims-monitor/.venv/bin/claims-monitor", str(program))
    unit = folder / "claims-monitor-worker@1.service"
    unit.write_text(text, encoding="utf-8")
    return unit


def test_systemd_takes_the_unit(program: Callable[[str], str], tmp_path: Path) -> None:
    """No error and no warning; a misspelt setting is one."""
    analyze = program("systemd-analyze")
    unit = _installed(tmp_path)

    def verified() -> "subprocess.CompletedProcess[str]":
        command = [analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    done = verified()
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr
    unit.write_text(unit.read_text("utf-8").replace("ProtectHome", "ProtectHomes"), "utf-8")
    wrong = verified()
    assert "ProtectHomes" in wrong.stderr


def test_little_is_exposed(program: Callable[[str], str], tmp_path: Path) -> None:
    """By systemd's own measure."""
    command = [program("systemd-analyze"), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
    done = subprocess.run(
        [*command, str(_installed(tmp_path))], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout[-600:] + done.stderr


def test_the_command_is_one_that_the_monitor_has() -> None:
    """Every option of ExecStart is an option of `claims-monitor worker`."""
    text = UNIT.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^ExecStart=(\S+) worker (.+)$", text, re.MULTILINE)
    assert found is not None
    shown = CliRunner().invoke(app, ["worker", "--help"], env={"COLUMNS": "200"}).output
    for option in re.findall(r"--[a-z-]+", found[2]):
        assert option in shown, option
