"""Terms: mistakes are told with file and line; each version holds from its valid_from on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from detectors import units
from detectors.terms import TermsError, TermsSet, join_terms
from detectors.units import Duration, Share, Yuan
from monitor.terms_files import default_text, load_terms
from tests.facts import alerts as alerts_of
from tests.facts import at, later, settlement

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "terms.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def line_with(text: str, part: str) -> int:
    """The number of the only line that contains a part."""
    (number,) = [number for number, line in enumerate(text.splitlines(), 1) if part in line]
    return number


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        (
            "[rules.id-mismatch]",
            "[rules.id-mismach]",
            "[rules.id-mismach]",
            ["unknown rule 'id-mismach'", "id-mismatch"],
        ),
        (
            'tolerance = "1 h"',
            'tolerance = "1 hour"',
            'tolerance = "1 hour"',
            ["general.tolerance", '"12 h"', "1 hour"],
        ),
        ('tolerance = "1 h"', "tolerance = 3600", "tolerance = 3600", ["general.tolerance", "duration", "3600"]),
        ('begin = "25 %"', 'begin = "25 d"', 'begin = "25 d"', ["rules.quota-progress.limits", "begin", '"25 %"']),
        (
            "quarantine_window = 10000",
            'quarantine_window = "x"',
            'quarantine_window = "x"',
            ["quarantine_window", "int"],
        ),
        ("{ahead}%", "{ahed}%", "[rules.quota-progress.text]", ["{ahed}", "ahead"]),
        ("{visits} outpatient", "{visits outpatient", "[rules.repeat-visits.text]", ["rules.repeat-visits.text"]),
    ],
)
def test_a_mistake_is_told_with_file_and_line(write: Write, old: str, new: str, where: str, says: list[str]) -> None:
    """The message names the file, the line (or its table's), the place, and what is expected."""
    text = default_text()
    assert text.count(old) == 1
    path = write(text.replace(old, new))
    with pytest.raises(TermsError) as caught:
        load_terms(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:"), message
    line = int(message.removeprefix(f"{path}:").split(":")[0])
    table = line_with(text.replace(old, new), where)
    assert line in range(table, table + 4), message
    for part in says:
        assert part in message


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('stay_tier = "T6"', "stay_tier"),
        ('lateness = "31 d"', "lateness"),
        ("visits = 8", "visits"),
        ('begin = "25 %"', "begin"),
    ],
)
def test_a_missing_number_is_named(write: Write, line: str, names: str) -> None:
    """Without one of its numbers a rule does not guess."""
    text = default_text()
    kept = [one for one in text.splitlines() if not one.startswith(line)]
    assert len(kept) == len(text.splitlines()) - 1
    path = write("\n".join(kept))
    with pytest.raises(TermsError, match=rf":\d+: .*{names}: missing required field"):
        load_terms(path)


def test_an_unknown_number_is_named(write: Write) -> None:
    """A number that no rule reads is a slip, not ignored."""
    path = write(
        default_text().replace("stay_tier", "stay_teir", 1).replace("[rules.quota", 'stay_tier = "T6"\n[rules.quota', 1)
    )
    with pytest.raises(
        TermsError, match=r":\d+: rules\.id-mismatch\.limits.*unknown field.*stay_teir|stay_teir.*unknown field"
    ):
        load_terms(path)


def test_a_rule_that_is_left_out_is_named(write: Write) -> None:
    """Rules are switched off with `enabled = false`, not by leaving them out."""
    text = default_text()
    without = re.sub(r"(?s)\[rules\.id-mismatch\].*?(?=\[+rules\.(?!id-mismatch)|\Z)", "", text)
    assert "id-mismatch" not in without
    with pytest.raises(TermsError, match=r"\[rules\.id-mismatch\] is missing.*enabled = false"):
        load_terms(write(without))
    terms = load_terms(write(text.replace("[rules.id-mismatch]\n", "[rules.id-mismatch]\nenabled = false\n")))
    assert "id-mismatch" not in terms.versions[0].rules


@pytest.mark.parametrize("text", ["", "name =", "\x00", 'name = "a"\nname = "b"'])
def test_what_is_no_terms_file(write: Write, text: str) -> None:
    """The message names the file."""
    path = write(text)
    with pytest.raises(TermsError, match=str(path)):
        load_terms(path)


def test_a_folder_without_terms(tmp_path: Path) -> None:
    """An empty folder, or no file at all, is an error and not the default."""
    with pytest.raises(TermsError, match="no \\*\\.toml file"):
        load_terms(tmp_path)
    with pytest.raises(TermsError, match="cannot be read"):
        load_terms(tmp_path / "none.toml")


def folder(tmp_path: Path, second: dict[str, str], valid_from: str | None) -> Path:
    """A folder with the default terms and a second version with changes."""
    (tmp_path / "a.toml").write_text(default_text(), encoding="utf-8")
    text = default_text().replace("version = 1\n\n[general]", "version = 2\n\n[general]")
    if valid_from:
        text = text.replace("[general]", f'valid_from = "{valid_from}"\n\n[general]')
    for old, new in second.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "b.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_two_versions_from_the_same_time(tmp_path: Path) -> None:
    """It must be clear which one holds."""
    with pytest.raises(TermsError, match="from the same time; set valid_from"):
        load_terms(folder(tmp_path, {}, None))
    with pytest.raises(TermsError, match="no terms"):
        join_terms([])


def test_a_bad_valid_from(tmp_path: Path) -> None:
    """Told with its line."""
    with pytest.raises(TermsError, match=r"b\.toml:\d+: valid_from: "):
        load_terms(folder(tmp_path, {}, "2026-02-30 00:00:00"))


def burst(first: str, prefix: str, count: int) -> list[dict[str, object]]:
    return [
        settlement(f"{prefix}{number}", setl_time=later(first, number * 60), fixmedins_code=f"H{number}")
        for number in range(count)
    ]


CHANGE = {'name = "1d"\nwindow = "1 d"\nvisits = 4': 'name = "1d"\nwindow = "1 d"\nvisits = 6'}


def seen(terms: TermsSet, objects: list[dict[str, object]]) -> dict[str, tuple[int, str]]:
    """Settlement id -> limit and terms_id of its finding in the band of a day."""
    found = {}
    for alert in alerts_of(objects, rule="repeat-visits", terms=terms):
        assert alert.evidence is not None
        if alert.discriminator == "1d":
            found[alert.about.id] = (alert.evidence.limit, str(alert.terms_id))
    return found


def test_a_finding_follows_the_terms_of_its_anchor(tmp_path: Path) -> None:
    """Before valid_from the old limit and terms_id, from that second on the new ones."""
    terms = load_terms(folder(tmp_path, CHANGE, at(10, "09:00:00")))
    old, new = (version.terms_id for version in terms.versions)
    assert terms.set_id == f"{old}+{new}"
    assert old.startswith("default-1:")
    assert new.startswith("default-2:")
    before, since = at(10, "08:59:59"), at(10, "09:00:00")
    assert seen(terms, burst(before, "A", 4)) == {"A0": (4, old)}
    assert seen(terms, burst(since, "A", 4)) == {}
    assert seen(terms, burst(before, "A", 6)) == {"A0": (4, old)}
    assert seen(terms, burst(since, "A", 6)) == {"A0": (6, new)}
    assert seen(terms, burst(at(1), "A", 4) + burst(at(20), "B", 6)) == {"A0": (4, old), "B0": (6, new)}


def test_equal_terms_have_equal_ids(tmp_path: Path) -> None:
    """Comments do not matter, numbers do."""
    path = tmp_path / "x.toml"
    path.write_text(default_text() + "\n# a comment\n", encoding="utf-8")
    assert load_terms(path).set_id == load_terms(None).set_id
    path.write_text(default_text().replace("visits = 8", "visits = 9"), encoding="utf-8")
    assert load_terms(path).set_id != load_terms(None).set_id


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "7 d", 604_800),
        (Duration, "1.5 h", 5_400),
        (Share, "0.5 %", 5_000),
        (Yuan, "500.00 yuan", 50_000),
        (units.Factor, "1.3 x", 1_300_000),
        (units.ClockTime, "22:00", 79_200),
        (units.ClockTime, "24:00", 86_400),
        (units.Speed, "120 km/h", 120_000),
        (units.Supply, "15 days", 1_500),
    ],
)
def test_units(kind: type[int], text: str, value: int) -> None:
    """A number with its unit, read and shown again."""
    read = units.read(kind, text)
    assert (type(read), read) == (kind, value)
    assert units.read(kind, units.shown(read)) == read


@pytest.mark.parametrize("kind", list(units.EXPECTED))
@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "7 parsecs",
        "d",
        "x %",
        "7  ",
        7,
        7.0,
        None,
        True,
        "NaN d",
        "NaN %",
        "25:00",
        "Infinity d",
        "1e999999999 d",
        "inf %",
    ],
)
def test_other_units_are_refused(kind: type[int], text: object) -> None:
    """The message says what is expected."""
    with pytest.raises(ValueError, match="expected"):
        units.read(kind, text)
