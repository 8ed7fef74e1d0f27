"""The Dockerfile, as far as it goes without a container engine: what it copies is enough to build the package."""

import ast
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _copied() -> Iterator[str]:
    for words in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE):
        yield from words.split()[:-1]


def test_what_it_copies_makes_the_package(tmp_path: Path) -> None:
    """A wheel is built from those files alone, with every module and data file in it."""
    context = tmp_path / "context"
    context.mkdir()
    for name in _copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, context / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run(
        [*command, "-q", "-w", str(tmp_path), str(context)], check=False, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for package in ("topics", "detectors", "monitor"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
        assert files <= inside
    assert "monitor/dashboards/prometheus/rules.yml" in inside


def test_only_what_it_copies_goes_to_the_builder() -> None:
    """The ignore file lets through just that: no state, no secrets, no history."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == set(_copied())


def test_it_does_not_run_as_root() -> None:
    """The last user is a number other than 0, so that a cluster can check it."""
    users = re.findall(r"^USER (\S+)$", TEXT, re.MULTILINE)
    assert int(users[-1]) > 0
    assert TEXT.index(f"USER {users[-1]}") > TEXT.rindex("\nRUN ")


@pytest.mark.parametrize(("answer", "code"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check_tells_well_from_unwell(answer: int | None, code: int) -> None:
    """Exit code 0 for a healthy worker, 1 for one that says 503 and for one that does not answer."""

    class Worker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer if self.path == "/health" and answer else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    found = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.+\])$", TEXT, re.MULTILINE)
    assert found is not None
    _, option, script = json.loads(found[1])
    ast.parse(script)
    server = HTTPServer(("127.0.0.1", 0), Worker)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = server.server_port
    if answer is None:
        server.shutdown()
        server.server_close()
    script = script.replace(":9400", f":{port}")
    done = subprocess.run([sys.executable, option, script], check=False, capture_output=True, timeout=60)
    assert done.returncode == code
    if answer is not None:
        server.shutdown()
        server.server_close()
