"""Reading CSV tables: what is a row, and what is reported."""

import gzip
from pathlib import Path

import pytest

from monitor.importing.tables import Problem, Row, TableError, read_table


def read(path: Path, **more: str) -> tuple[list[Row], list[Problem]]:
    problems: list[Problem] = []
    return list(read_table(path, ("a",), problems.append, **more)), problems  # type: ignore[arg-type]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """A cell may hold the end of a line; blank lines are passed over; cells are stripped."""
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n 1 ,"two\nlines"\r\n\r\n2,x\r\n')
    rows, problems = read(path)
    assert [(row.line, row.cells) for row in rows] == [(3, {"a": "1", "b": "two\nlines"}), (5, {"a": "2", "b": "x"})]
    assert problems == []


def test_a_row_with_other_cells_is_reported(tmp_path: Path) -> None:
    """Fewer or more than the first line names; the next row is read."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1\n1,2,3\n1,2\n", encoding="utf-8")
    rows, problems = read(path)
    assert [row.line for row in rows] == [4]
    assert [str(one) for one in problems] == [
        "t.csv line 2: 1 cells, but the first line names 2 columns",
        "t.csv line 3: 3 cells, but the first line names 2 columns",
    ]


def test_a_cell_of_another_encoding_is_reported(tmp_path: Path) -> None:
    """One bad cell does not end the file."""
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\n1,门诊\n".encode() + "2,门诊\n".encode("gb18030") + b"3,x\n")
    rows, problems = read(path)
    assert [row.cells["a"] for row in rows] == ["1", "3"]
    assert [(one.line, one.column, one.why) for one in problems] == [(3, "b", "not utf-8")]


def test_encoding_and_delimiter_are_given(tmp_path: Path) -> None:
    """GB 18030, tabs, packed."""
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress("a\t类别\n1\t门诊\n".encode("gb18030")))
    rows, _ = read(path, encoding="gb18030", delimiter="\t")
    assert rows[0].cells == {"a": "1", "类别": "门诊"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"b,c\n1,2\n", "no column a; its columns are: b, c"),
        (b"a,a\n1,2\n", "more than one column is called a"),
        ("a,类别\n".encode("gb18030"), "line 1 is not utf-8"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    """The message names the file and what is wrong."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_no_file_or_a_damaged_one(tmp_path: Path) -> None:
    """A cut .gz is no shorter table."""
    with pytest.raises(TableError, match="No such file"):
        read(tmp_path / "none.csv")
    cut = tmp_path / "t.csv.gz"
    cut.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)[:-30])
    with pytest.raises(TableError, match="damaged after line"):
        read(cut)
    (tmp_path / "u.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(TableError, match="gzip"):
        read(tmp_path / "u.csv.gz")
