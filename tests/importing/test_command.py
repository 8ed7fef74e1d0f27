"""`claims-monitor import` on the command line."""

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.commands.import_facts import app
from tests.importing.exports import export

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "examples" / "csv"
TABLES = ["settlements.csv", "lines.csv"]


def own(*more: str) -> list[str]:
    """Arguments that import the example tables."""
    mappings = [part for name in ("settlements", "lines") for part in ("--mapping", str(OWN / f"{name}.toml"))]
    return ["csv", *(str(OWN / name) for name in TABLES), *mappings, *more]


def test_lines_on_standard_output_and_an_account_on_standard_error(tmp_path: Path) -> None:
    """Nothing but facts in the pipe."""
    result = CliRunner().invoke(app, ["synthea", str(export(tmp_path))])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr == "4 facts and registry entries (enrolment 1, institution 1, physician 1, settlement 1)\n"


def test_a_file_is_packed_by_its_name_and_the_same_again(tmp_path: Path) -> None:
    """Plain, .gz and .zst hold the same lines; nothing half-written stays."""
    out = tmp_path / "out"
    out.mkdir()
    plain = CliRunner().invoke(app, own()).stdout.encode()
    for name in ("one.ndjson", "one.ndjson.gz", "two.ndjson.gz", "one.ndjson.zst"):
        assert CliRunner().invoke(app, own("-o", str(out / name))).exit_code == 0
    assert (out / "one.ndjson").read_bytes() == plain
    assert gzip.decompress((out / "one.ndjson.gz").read_bytes()) == plain
    assert (out / "one.ndjson.gz").read_bytes() == (out / "two.ndjson.gz").read_bytes()
    assert len(list(out.iterdir())) == 4


def test_the_example_tables_have_no_bad_row() -> None:
    """Seven settlements, five lines; sorted, lines come between the settlements."""
    result = CliRunner().invoke(app, own())
    assert result.stderr == "12 facts and registry entries (fee-lines 5, settlement 7)\n"
    ordered = CliRunner().invoke(app, own("--sort"))
    assert sorted(ordered.stdout.splitlines()) == sorted(result.stdout.splitlines())
    assert ordered.stdout != result.stdout
    assert ordered.stdout.splitlines()[0].startswith('{"type":"fee-lines"')


def test_bad_rows_are_counted_and_do_not_fail(tmp_path: Path) -> None:
    """The first hundred are told one by one."""
    bad = "".join(f"S{n},R1,M9\n" for n in range(101))
    result = CliRunner().invoke(app, ["synthea", str(export(tmp_path, claims="S1,R1,M1\n" + bad))])
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert lines[0] == "claims.csv line 3, column APPOINTMENTID: no such encounter"
    assert lines[100].startswith("4 facts")
    assert lines[101:] == ["... and 1 more bad rows", "101 bad rows were left out"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["synthea", "no-such-folder"], "no such folder"),
        (["csv", "no-such.csv", "-m", str(OWN / "lines.toml")], "No such file"),
        (["csv", str(OWN / "lines.csv"), "-m", "no-such.toml"], "No such file"),
        (["csv", str(OWN / "lines.csv"), "-m", str(OWN / "settlements.toml")], "not gb18030|no column"),
        ([*own(), "-m", str(OWN / "lines.toml")], "one mapping for all"),
        (["csv", str(OWN / "lines.csv")], "mapping"),
    ],
)
def test_a_wrong_use_ends_with_2(arguments: list[str], message: str) -> None:
    """One line says what is wrong."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert any(part in result.output for part in message.split("|"))


def test_a_file_that_cannot_be_written_ends_with_1(tmp_path: Path) -> None:
    """And is named."""
    result = CliRunner().invoke(app, own("-o", str(tmp_path / "no" / "facts.ndjson")))
    assert result.exit_code == 1
    assert "No such file" in result.output


@pytest.mark.parametrize("name", ["synthea", "csv"])
def test_help_shows_examples(name: str) -> None:
    """With a command to copy."""
    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "300"})
    assert f"claims-monitor import {name} " in result.output
