"""`python -m bench.anomaly`: reads ADBench's files, compares, and says what is wrong with a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.anomaly import __main__ as bench
from bench.anomaly.tables import made, read_tables

ODD, ROWS = 10, 200


def write(path: Path, **arrays: object) -> Path:
    """A file as ADBench ships them: compressed, X of float64, y of 0 and 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
    np.savez_compressed(path, **given)
    return path


def table(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """200 usual rows and ten far away, as ADBench has them."""
    chance = np.random.default_rng(seed)
    rows = np.vstack([chance.normal(size=(ROWS, 4)), chance.normal(loc=12, size=(ODD, 4))])
    return rows, np.repeat([0.0, 1.0], [ROWS, ODD])


def test_files_of_a_folder_are_read_by_name(tmp_path: Path) -> None:
    """Those in folders below it too; y may be a column."""
    rows, labels = table()
    write(tmp_path / "Classical" / "38_thyroid.npz", X=rows, y=labels)
    write(tmp_path / "2_annthyroid.npz", X=rows[::-1], y=labels[::-1].reshape(-1, 1))
    found = list(read_tables(tmp_path))
    assert [one.name for one in found] == ["2_annthyroid", "38_thyroid"]
    assert all(one.rows.shape == (ROWS + ODD, 4) and one.rows.dtype == np.float32 for one in found)
    assert [int(one.labels.sum()) for one in found] == [ODD, ODD]
    assert found[0].labels[:ODD].all()


def test_rows_far_away_come_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed table has a line a file with its rows and anomalies, a cell a detector, and the mean."""
    rows, labels = table()
    write(tmp_path / "easy.npz", X=rows, y=labels)
    bench.main(["tables", "--data", str(tmp_path), "--seeds", "1"])
    title, heads, easy, mean = capsys.readouterr().out.splitlines()[:4]
    assert title == "tables"
    assert heads.split()[4:9] == ["precision", "rows", "odd", "ours", "sklearn"]
    assert easy.split()[:3] == ["easy", str(ROWS + ODD), str(ODD)]
    assert easy.split()[3:6] == ["1.000", "/", "1.000"]
    assert mean.split()[:4] == ["mean", "1.000", "/", "1.000"]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": [[1.0], [2.0]]}, "no arrays X and y"),
        ({"X": [[1.0], [2.0]], "y": [0, 1, 1]}, "X must be a table and y its 0 and 1"),
        ({"X": [1.0, 2.0], "y": [0, 1]}, "X must be a table and y its 0 and 1"),
        ({"X": [[1.0], [2.0]], "y": [0, 2]}, "X must be a table and y its 0 and 1"),
        ({"X": [[1.0], [2.0]], "y": [0, 0]}, "y must have both 0 and 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, arrays: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is wrong with it; exit code 2."""
    write(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(SystemExit) as ended:
        bench.main(["tables", "--data", str(tmp_path)])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "wrong.npz" in told
    assert said in told


def test_a_damaged_file_and_an_empty_folder(tmp_path: Path) -> None:
    """Neither ends in a traceback."""
    with pytest.raises(ValueError, match=r"no \.npz file; take them from ADBench"):
        list(read_tables(tmp_path))
    rows, labels = table()
    whole = write(tmp_path / "torn.npz", X=rows, y=labels).read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"torn\.npz: damaged"):
        list(read_tables(tmp_path))
    pickled = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "torn.npz", X=pickled, y=pickled, allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        list(read_tables(tmp_path))


def test_parts_that_do_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["speed"])
    assert ended.value.code == 2
    assert "parts are parity, tables, regions, budget" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["local", "global", "cluster", "dependency"])
def test_made_tables_are_the_same_every_time(kind: str) -> None:
    """With one anomaly in twenty usual rows."""
    one, other = made(kind), made(kind)
    assert np.array_equal(one.rows, other.rows)
    assert one.labels.mean() == pytest.approx(0.05 / 1.05)
