"""Reading registry files: what is taken, and how each fault is named."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.registry_files import Placed, RegistryFileError, read_entries, value_of
from topics.decoding import Decoder
from topics.registry import Calendar, Institution, Item, Quota
from topics.times import parse_time

EXAMPLES = Path(__file__).parents[2] / "examples" / "registry"
SINCE = "2026-01-01 00:00:00"

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return file


def read(*paths: Path, kind: str | None = None) -> tuple[list[Placed], list[str]]:
    """The entries, and the faults as people see them."""
    problems: list[str] = []
    found = read_entries(paths, lambda problem: problems.append(str(problem)), kind)
    return found, problems


def fault(path: Path, kind: str | None = None) -> str:
    """The one fault of a file without an entry."""
    found, problems = read(path, kind=kind)
    assert not found
    (only,) = problems
    return only


def test_the_examples_can_be_loaded() -> None:
    """All of them, the lot at once too."""
    institutions, problems = read(EXAMPLES / "institutions.csv", kind="institution")
    assert (len(institutions), problems) == (4, [])
    others, problems = read(EXAMPLES / "quotas.toml", EXAMPLES / "items.csv")
    assert (len(others), problems) == (8, [])


def test_what_is_written_is_what_was_read() -> None:
    """The contract's decoder gives each entry back."""
    decode = Decoder("registry")
    found, _ = read(EXAMPLES / "quotas.toml", EXAMPLES / "items.csv")
    for placed in found:
        assert decode(value_of(placed.entry)) == [placed.entry]


def test_cells_become_what_their_field_is(write: Write) -> None:
    """Exact numbers, lists parted by |, booleans in any case, empty cells as no value; a BOM is passed over."""
    header = "\ufefftype,fixmedins_code,departments,target_stay_days,med_list_codg,covered,pric_uplmt_amt,valid_from\n"
    rows = f"institution,H1,A | B|,7.25,,,,{SINCE}\nitem,,,,D1,TRUE,0.333333,{SINCE}\n"
    (first, second), problems = read(write("mixed.csv", header + rows))
    assert problems == []
    assert (first.line, second.line) == (2, 3)
    assert first.entry == Institution(
        institution="H1", departments=("A", "B"), target_stay_days=725, valid_from=parse_time(SINCE)
    )
    assert second.entry == Item(item="D1", covered=True, ceiling=333_333, valid_from=parse_time(SINCE))


def test_toml_has_values_of_its_own(write: Write) -> None:
    """Times and days, decimals without binary floats, and offsets."""
    text = """
[[quota]]
fixmedins_code = "H1"
period = "2026"
quota_amt = 1000000000.10
valid_from = 2025-12-31T16:00:00Z
[[calendar]]
day = 2026-10-01
kind = "holiday"
valid_from = 2026-01-01 00:00:00
"""
    (quota, day), problems = read(write("values.toml", text))
    assert problems == []
    assert quota.entry == Quota(institution="H1", period="2026", quota=100_000_000_010, valid_from=parse_time(SINCE))
    assert day.entry == Calendar(day=20_727, day_kind="holiday", valid_from=parse_time(SINCE))


def test_packed_files(tmp_path: Path) -> None:
    """As their names say."""
    row = b'{"type":"quota","fixmedins_code":"H1","period":"2026","quota_amt":1,"valid_from":"2026-01-01 00:00:00"}\n'
    path = tmp_path / "entries.ndjson.gz"
    path.write_bytes(gzip.compress(row))
    assert [placed.entry.key for placed in read(path)[0]] == [f"quota/H1/2026/{SINCE}"]
    table = tmp_path / "quotas.csv.gz"
    table.write_bytes(gzip.compress(f"fixmedins_code,period,quota_amt,valid_from\nH1,2026,1,{SINCE}\n".encode()))
    assert [placed.entry.key for placed in read(table, kind="quota")[0]] == [f"quota/H1/2026/{SINCE}"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f"quota,H1,2026,1.234,,,{SINCE},", "line 2, column quota_amt: over-precise"),
        (f"quota,H1,2026,-1,,,{SINCE},", "line 2, column quota_amt: negative"),
        (f"quota,H1,2026,many,,,{SINCE},", "line 2, column quota_amt: bad-number"),
        (f"quota,H1,2026Q5,1,,,{SINCE},", "line 2, column period: bad-time"),
        (f"quota,,2026,1,,,{SINCE},", "line 2, column fixmedins_code: missing-field"),
        ("quota,H1,2026,1,,,2026-02-30 00:00:00,", "line 2, column valid_from: bad-time"),
        (f"quota,H1,2026,1,,,{SINCE},{SINCE}", "line 2, column valid_to: bad-time"),
        (f"quota,H1,2026,1,active,,{SINCE},", "line 2, column status: an entry of kind quota has no such field"),
        (f"agreement,H1,,,resting,,{SINCE},", "line 2, column status: bad-code"),
        (f"item,,,,,maybe,{SINCE},", "line 2, column covered: 'maybe' is neither true nor false"),
        (f"settlement,H1,,,,,{SINCE},", "line 2, column type: 'settlement' is none of institution"),
        (f",H1,,,,,{SINCE},", "line 2, column type: '' is none of"),
        (f"quota,H1,2026,1,,{SINCE},", "line 2: 7 cells, but the first line names 8 columns"),
    ],
)
def test_a_bad_row_is_named(write: Write, row: str, expected: str) -> None:
    """By file, line, field and reason."""
    header = "type,fixmedins_code,period,quota_amt,status,covered,valid_from,valid_to\n"
    assert fault(write("rows.csv", header + row + "\n")).startswith(f"rows.csv {expected}")


def test_an_entry_that_holds_for_a_second(write: Write) -> None:
    """valid_to must lie after valid_from: a second is enough."""
    text = f"fixmedins_code,status,valid_from,valid_to\nH1,active,{SINCE},2026-01-01 00:00:01\n"
    assert len(read(write("a.csv", text), kind="agreement")[0]) == 1


def test_a_bad_value_in_toml_is_named_with_its_own_line(write: Write) -> None:
    """The line of the field in the right table; an unknown field and an unknown table too."""
    good = f'[[quota]]\nfixmedins_code = "H1"\nperiod = "2026"\nquota_amt = 1\nvalid_from = "{SINCE}"\n'
    found, problems = read(write("bad.toml", good + good.replace("quota_amt = 1", "quota_amt = 1.234")))
    assert len(found) == 1
    assert [text.partition(": ")[0] for text in problems] == ["bad.toml line 9, column quota_amt"]
    unknown = fault(write("unknown.toml", good.replace("quota_amt", "quota_amount")))
    assert unknown.startswith("unknown.toml line 4, column quota_amount: an entry of kind quota has no such field")
    number = fault(write("number.toml", good.replace('"H1"', "1")))
    assert number.startswith("number.toml line 2, column fixmedins_code: wrong-type")
    assert fault(write("kind.toml", "\n[[quotas]]\n")).startswith("kind.toml line 2, column quotas: entries stand in")
    assert fault(write("table.toml", "[quota]\n")).startswith("table.toml line 1, column quota: entries stand in")


def test_ndjson_follows_the_contract(write: Write) -> None:
    """Unknown fields are ignored; facts and broken lines are faults; blank lines are passed over."""
    good = f'{{"type":"agreement","fixmedins_code":"H1","status":"active","valid_from":"{SINCE}","more":1}}'
    tick = '{"type":"tick","tick_time":"2026-01-01 00:00:00"}'
    found, problems = read(write("entries.ndjson", f"{good}\n\n{tick}\n{{\n"))
    assert [placed.line for placed in found] == [1]
    assert [text.partition(": ")[0] for text in problems] == [
        "entries.ndjson line 3, column type",
        "entries.ndjson line 4",
    ]
    assert "wrong-topic" in problems[0]
    assert "broken-json" in problems[1]


def test_one_kind_asked_for(write: Write) -> None:
    """Another one in the file is a fault; an equal column `type` is none."""
    text = f"type,fixmedins_code,status,valid_from\nagreement,H1,active,{SINCE}\n"
    path = write("a.csv", text)
    assert len(read(path, kind="agreement")[0]) == 1
    assert "line 2, column type" in fault(write("b.csv", text.replace("agreement", "quota")), kind="agreement")


def test_two_entries_with_one_key(write: Write) -> None:
    """Equal ones count once; another with the same key is a fault that names the first, in other files too."""
    header = "fixmedins_code,status,valid_from\n"
    row = f"H1,active,{SINCE}\n"
    first = write("first.csv", header + row + row)
    assert [len(part) for part in read(first, kind="agreement")] == [1, 0]
    second = write("second.csv", header + row.replace("active", "suspended"))
    found, problems = read(first, second, kind="agreement")
    assert len(found) == 1
    assert problems == ["second.csv line 2: another entry than first.csv line 2, with the same key"]


@pytest.mark.parametrize(
    ("name", "text", "kind", "expected"),
    [
        ("a.csv", f"fixmedins_code,status,valid_from\nH1,active,{SINCE}\n", None, "no column type.*give --kind"),
        ("a.csv", f"fixmedins_cod,status,valid_from\nH1,active,{SINCE}\n", "agreement", "line 1, column fixmedins_cod"),
        ("a.csv", f"type,beds_,valid_from\nquota,1,{SINCE}\n", None, "line 1, column beds_: entries of any kind"),
        ("a.csv", "", None, "is empty"),
        ("a.toml", "quota = ", None, "not TOML"),
        ("a.xlsx", "", None, "should end with one of"),
        ("a.csv", "", "quotas", "no kind 'quotas'; there are institution"),
    ],
)
def test_files_that_cannot_be_used(write: Write, name: str, text: str, kind: str | None, expected: str) -> None:
    """They are refused as a whole, with what to do."""
    with pytest.raises(RegistryFileError, match=expected):
        read(write(name, text), kind=kind)


@pytest.mark.parametrize("name", ["none.csv", "none.toml", "none.ndjson"])
def test_files_that_are_not_there(tmp_path: Path, name: str) -> None:
    """Their names are in the message."""
    with pytest.raises(RegistryFileError, match=name):
        read(tmp_path / name, kind="quota")
