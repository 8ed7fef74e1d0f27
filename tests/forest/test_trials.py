"""`models recalibrate`, `models compare` and `models show`, on files as a user has them."""

import gzip
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from monitor.cli import app
from monitor.simulator import preset, simulate

RUN = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Facts of a small region, and a model of them."""
    made = tmp_path_factory.mktemp("trials")
    config = replace(preset("small"), persons=300, institutions=10, days=60, clean=True)
    lines = (msgspec.json.encode(fact) for _, fact in simulate(config, 0))
    (made / "facts.ndjson.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n", 1))
    run(made, "train", "facts.ndjson.gz", "-o", "a.model", "--trees", "20", "--hold-out-days", "20")
    return made


def tried(folder: Path, *arguments: str) -> Result:
    """Run a command with the files of the folder."""
    return RUN.invoke(app, [str(folder / one) if one.endswith((".model", ".gz")) else one for one in arguments])


def run(folder: Path, *arguments: str) -> str:
    """What a command that goes well prints."""
    told = tried(folder, *arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def version(text: str) -> str:
    """The version in a description."""
    return text.split()[1]


def test_thresholds_for_another_number_a_day(folder: Path) -> None:
    """Another version; the facts have about as many alerts a day as asked for, and the comparison shows the rest."""
    first = version(run(folder, "models", "show", "a.model"))
    told = run(folder, "models", "recalibrate", "a.model", "facts.ndjson.gz", "-o", "b.model", "--alerts-per-day", "2")
    second = version(told)
    assert second != first
    assert f"from       {first}, with other thresholds" in told
    assert "few to choose a threshold on" not in told
    lines = run(folder, "models", "compare", "a.model", "b.model", "facts.ndjson.gz").splitlines()
    counts = {line.split("  ")[0].strip(): line.split()[-2] for line in lines if line.endswith(" alerts")}
    assert 100 <= int(counts[second]) <= 150  # two a day in the region, and a few from outside it
    assert int(counts[first]) <= int(counts[second])
    assert "only the first   0" in lines
    assert "rank correlation 1.000" in lines
    days = lines[lines.index("alerts by day     first second") + 1 :]
    assert sum(int(line.split()[2]) for line in days) == int(counts[second])
    assert [line.split()[0] for line in days] == sorted(line.split()[0] for line in days)


def test_what_cannot_be_compared(folder: Path) -> None:
    """The same model twice, and a file that is none: exit code 2 and what to do."""
    same = tried(folder, "models", "compare", "a.model", "a.model", "facts.ndjson.gz")
    assert (same.exit_code, "the same model" in same.output) == (2, True)
    none = tried(folder, "models", "compare", "a.model", "absent.model", "facts.ndjson.gz")
    assert (none.exit_code, "claims-monitor train" in none.output) == (2, True)
