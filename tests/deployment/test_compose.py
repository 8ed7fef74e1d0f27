"""The compose file: read by docker-compose, every mounted file there, images pinned, containers confined."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("topics", "worker-1", "worker-2")
SECRETS = {"CLAIMS_MONITOR_TOKEN": "a", "GRAFANA_PASSWORD": "b"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Every service, with what it takes from others filled in."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


def _config(program: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: text for name, text in os.environ.items() if name not in SECRETS} | environment
    nothing = folder / "env"  # else it would read the .env that `make up` makes
    nothing.touch()
    command = [program, "-f", str(FILE), "--project-directory", str(ROOT), "--env-file", str(nothing), "config", "-q"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_docker_compose_takes_it(program: Callable[[str], str], tmp_path: Path) -> None:
    """By its own schema; and it does not start without secrets."""
    compose = program("docker-compose")
    taken = _config(compose, tmp_path, **SECRETS)
    assert taken.returncode == 0, taken.stderr
    for name in SECRETS:
        refused = _config(compose, tmp_path, **{other: text for other, text in SECRETS.items() if other != name})
        assert refused.returncode != 0
        assert name in refused.stderr


def test_what_is_mounted_is_there(services: dict[str, dict[str, Any]]) -> None:
    """Files and folders of the repository exist and are mounted read-only; every volume is declared."""
    declared = yaml.safe_load(FILE.read_text(encoding="utf-8"))["volumes"]
    used = set()
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).is_dir(), (name, source)
                assert any((ROOT / source).rglob("*.*")), (name, source)
                assert rest.endswith(":ro"), (name, volume)
            else:
                used.add(source)
    assert used == set(declared)


def test_the_mounts_are_what_their_programs_look_for(services: dict[str, dict[str, Any]]) -> None:
    """Prometheus and Alertmanager find their files by their usual names, Grafana the folders that provisioning has."""
    mounts = {
        target: ROOT / source
        for service in services.values()
        for source, target in (volume.split(":")[:2] for volume in service.get("volumes", []))
    }
    assert (mounts["/etc/prometheus"] / "prometheus.yml").is_file()
    assert (mounts["/etc/alertmanager"] / "alertmanager.yml").is_file()
    providers = yaml.safe_load(
        (mounts["/etc/grafana/provisioning"] / "dashboards/claims-monitor.yml").read_text("utf-8")
    )
    for provider in providers["providers"]:
        inside = Path(provider["options"]["path"]).relative_to("/var/lib/grafana/dashboards")
        assert list((mounts["/var/lib/grafana/dashboards"] / inside).glob("*.json"))


def test_names_that_the_files_use_are_services(services: dict[str, dict[str, Any]]) -> None:
    """Targets of Prometheus and Grafana's data source name services of this file, at ports they listen on."""
    prometheus = yaml.safe_load((ROOT / "dashboards/prometheus/prometheus.yml").read_text("utf-8"))
    (job,) = prometheus["scrape_configs"]
    workers = [f"{name}:9400" for name in services if name.startswith("worker-")]
    assert job["static_configs"][0]["targets"] == workers
    assert prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alertmanager:9093"]
    sources = yaml.safe_load((ROOT / "dashboards/grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    assert {"alertmanager", "prometheus"} <= set(services)
    for name in OURS:
        if name.startswith("worker"):
            command = services[name]["command"]
            assert command[command.index("--http-port") + 1] == "9400"
            assert services[name]["hostname"] == name


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    """By a version of at least two numbers, in the compose file and the Dockerfile; ours by the project's own."""
    images = [service["image"] for service in services.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[a-z0-9/_-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?", image), image
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert {services[name]["image"] for name in OURS} == {f"claims-monitor:{version[1]}"}


def test_containers_are_confined(services: dict[str, dict[str, Any]]) -> None:
    """No capabilities, no way to more rights, a read-only root but for Kafka, ports for this machine alone."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) is (name != "kafka"), name
        assert not service.get("privileged"), name
        assert not service.get("user"), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)


def test_what_runs_for_long_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    """Ours in the Dockerfile, the others' in the compose file."""
    for name, service in services.items():
        if name not in OURS:
            assert service["healthcheck"]["test"], name
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
