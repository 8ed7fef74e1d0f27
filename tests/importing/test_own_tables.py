"""One's own tables by a mapping: values, and what is reported where."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.importing.mapping import load_mapping
from monitor.importing.own_tables import import_table
from monitor.importing.tables import Problem, TableError

MAPPING = """\
type = "settlement"
times = ["%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"]
dates = ["%Y%m%d"]
blanks = ["-"]
columns = { no = ["setl_id", "mdtrt_id"], person = "psn_no", born = "brdy", when = "setl_time", kind = "med_type", \
total = "medfee_sumamt", fund = "fund_pay_sumamt" }
constants = { fixmedins_code = "H1" }
codes = { med_type = { clinic = "11" } }
"""
HEADER = "no,person,born,when,kind,total,fund"
GOOD = "S1,P1,19800105,2026/03/02 08:10,clinic,10.00,5"


def converted(
    folder: Path, mapping: str, *rows: str, encoding: str = "utf-8"
) -> tuple[list[dict[str, Any]], list[str]]:
    """The facts and the reports of a table; the first row names its columns."""
    (folder / "m.toml").write_text(mapping, encoding="utf-8")
    (folder / "t.csv").write_text("\n".join(rows) + "\n", encoding=encoding)
    problems: list[Problem] = []
    found = list(import_table(folder / "t.csv", load_mapping(folder / "m.toml"), problems.append))
    return [msgspec.json.decode(one.line) for one in found], [str(one) for one in problems]


def test_a_row_becomes_a_fact(tmp_path: Path) -> None:
    """Columns, one column for two fields, constants, codes and formats."""
    found, problems = converted(tmp_path, MAPPING, HEADER, GOOD)
    assert problems == []
    assert found == [
        {
            "type": "settlement",
            "fixmedins_code": "H1",
            "setl_id": "S1",
            "mdtrt_id": "S1",
            "psn_no": "P1",
            "brdy": "1980-01-05",
            "setl_time": "2026-03-02 08:10:00",
            "med_type": "11",
            "medfee_sumamt": "10.00",
            "fund_pay_sumamt": "5",
        }
    ]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (("19800105", "-"), "brdy", None),
        (("19800105", ""), "brdy", None),
        (("10.00", '"1,234.50"'), "medfee_sumamt", "1234.50"),
        (("2026/03/02 08:10", "2026-03-02T00:10:00Z"), "setl_time", "2026-03-02T00:10:00+00:00"),
    ],
)
def test_values_as_tables_write_them(tmp_path: Path, change: tuple[str, str], field: str, value: str | None) -> None:
    """Blanks are no value, thousands may be marked, the formats are tried in their order."""
    found, problems = converted(tmp_path, MAPPING, HEADER, GOOD.replace(*change))
    assert (problems, found[0].get(field)) == ([], value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("2026/03/02 08:10", "2026/13/02 08:10"), "column when: setl_time: '2026/13/02 08:10' does not fit"),
        (("clinic", "spa"), "column kind: med_type: 'spa' is not listed under codes.med_type"),
        (("10.00", "ten"), "column total: medfee_sumamt: 'ten' is not a number"),
        (("10.00", '"1,23.50"'), "column total: medfee_sumamt: '1,23.50' is not a number"),
        (("10.00", "10.001"), "column total: over-precise: medfee_sumamt"),
        (("10.00", "-10.00"), "column total: negative: medfee_sumamt"),
        (("P1", "-"), "column person: missing-field: psn_no is required"),
        (("S1", "S" * 121), "column no: too-long: setl_id"),
        ((",5", ""), "6 cells, but the first line names 7 columns"),
    ],
)
def test_a_bad_row_is_reported_with_file_line_and_column(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """The rows around it go on."""
    found, problems = converted(
        tmp_path,
        MAPPING,
        HEADER,
        GOOD,
        GOOD.replace("S1", "S2").replace(change[0].replace("S1", "S2"), change[1]),
        GOOD,
    )
    assert len(found) == 2
    (problem,) = problems
    assert problem.startswith("t.csv line 3")
    assert message in problem


def test_persons_numbers_are_never_told(tmp_path: Path) -> None:
    """A code that is not listed is told, a person's number is not."""
    mapping = MAPPING.replace('clinic = "11" }', 'clinic = "11" }, psn_no = { X = "P0" }')
    _, (problem,) = converted(tmp_path, mapping, HEADER, GOOD.replace("P1", "P123456"))
    assert "column person" in problem
    assert "P123456" not in problem


def test_fen_and_lines(tmp_path: Path) -> None:
    """Amounts and prices may be in fen; a row of lines is a record of one line; `_recv` may come from a column."""
    mapping = """\
type = "fee-lines"
money = "fen"
separator = "|"
columns = { v = "mdtrt_id", p = "psn_no", n = "feedetl_sn", t = ["fee_ocur_time", "upld_time", "_recv"], i = \
"med_list_codg", c = "cnt", price = "pric", sum = "det_item_fee_sumamt", trace = "drug_trac_codg" }
constants = { fixmedins_code = "H1", med_type = "11" }
"""
    when = "2026-03-02 08:10:00"
    found, problems = converted(
        tmp_path, mapping, "v,p,n,t,i,c,price,sum,trace", f"M1,P1,1,{when},D1,1.5,1033,1550,A1| A2"
    )
    assert problems == []
    line = {
        "feedetl_sn": "1",
        "fee_ocur_time": when,
        "med_list_codg": "D1",
        "cnt": "1.5",
        "pric": "10.33",
        "det_item_fee_sumamt": "15.50",
        "drug_trac_codg": ["A1", "A2"],
    }
    assert found == [
        {
            "type": "fee-lines",
            "fixmedins_code": "H1",
            "med_type": "11",
            "mdtrt_id": "M1",
            "psn_no": "P1",
            "upld_time": when,
            "_recv": when,
            "lines": [line],
        }
    ]
    _, (problem,) = converted(tmp_path, mapping, "v,p,n,t,i,c,price,sum,trace", f"M1,P1,1,{when},D1,1.55555,1,1,A1")
    assert problem.startswith("t.csv line 2, column c: over-precise: lines[0].cnt")


@pytest.mark.parametrize(("cell", "papers"), [("1", True), ("TRUE", True), ("0", False), ("有", True)])
def test_truths(tmp_path: Path, cell: str, papers: bool) -> None:
    """1 and 0, true and false, and what codes make of other words."""
    mapping = (
        'type = "leave"\ncolumns = { v = "mdtrt_id", p = "psn_no", h = "fixmedins_code", b = "leave_begntime", '
        'q = "papers" }\n' + ('codes = { papers = { "有" = "1" } }\n' if cell == "有" else "")
    )
    found, problems = converted(tmp_path, mapping, "v,p,h,b,q", f"M1,P1,H1,2026-03-02 08:10:00,{cell}")
    assert (problems, found[0]["papers"]) == ([], papers)


def test_registry_and_voids(tmp_path: Path) -> None:
    """Tables of reference data, and of what did not happen."""
    mapping = 'type = "institution"\ncolumns = { h = "fixmedins_code", d = "departments" }\n'
    mapping += 'constants = { valid_from = "2026-01-01 00:00:00", beds = "1,200" }\n'
    found, problems = converted(tmp_path, mapping, "h,d", "H1,A;B")
    assert (problems, found[0]["departments"], found[0]["beds"]) == ([], ["A", "B"], "1200")
    mapping = 'type = "void"\nconstants = { kind = "settlement" }\n'
    mapping += 'columns = { s = "setl_id", p = "psn_no", t = "void_time" }\n'
    found, problems = converted(tmp_path, mapping, "s,p,t", "S1,P1,2026-03-02 08:10:00")
    assert (problems, found[0]["kind"]) == ([], "settlement")


def test_a_column_of_the_mapping_that_the_table_lacks(tmp_path: Path) -> None:
    """Ends the import and names what there is."""
    with pytest.raises(TableError, match=r"t\.csv: no column fund; its columns are: no, person"):
        converted(tmp_path, MAPPING, HEADER.replace("fund", "fonds"), GOOD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"settlement"', '"bill"'), "type: 'bill' is none of admission"),
        (('"settlement"', '"tick"'), "type: 'tick' is none of"),
        (('"setl_time"', '"setl_tme"'), "columns.when: a settlement has no field 'setl_tme'; did you mean setl_time?"),
        (("{ med_type =", "{ med_tipe ="), "codes.med_tipe: .* did you mean med_type?"),
        (('"setl_time"', '"begntime"'), "no column and no constant gives setl_time; a settlement needs it"),
        (("constants = {", 'constants = { setl_id = "S9",'), "the field setl_id is given more than once"),
        (("blanks", "money = 'jiao'\nblanks"), "money: 'jiao' is none of yuan, fen"),
        (("blanks", "encoding = 'gb99'\nblanks"), "encoding: 'gb99' is not known"),
        (("blanks", "delimiter = '||'\nblanks"), "delimiter: '||' is not one character"),
        (("blanks", "blnks"), "unknown field `blnks`"),
        (("columns =", "columns"), r"m\.toml: "),
    ],
)
def test_a_mapping_that_cannot_be_used(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """The message names the file, the key and what is expected."""
    with pytest.raises(TableError, match=message):
        converted(tmp_path, MAPPING.replace(*change), HEADER, GOOD)
