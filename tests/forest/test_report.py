"""The report beside the model: one file that needs nothing else, in two languages; tables of any kind train alike."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from detectors.model import Settings
from monitor.cli import app
from monitor.report.page import report
from monitor.training import train
from tests.facts import settlement
from tests.forest.claims import Data, data, history
from tests.forest.days import LENGTH, institutions

SMALL = Settings(trees=20, max_samples=64, hold_out_days=3, alerts_per_10k=100)


class Tags(HTMLParser):
    """All tags with their attributes, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def rows() -> list[dict[str, Any]]:
    """Settlements of six weeks, as the contract writes them."""
    found = []
    for number in range(900):
        day, hour = 1 + number % 28, 8 + number % 10
        total = 80 + number * 37 % 400
        one = settlement(f"S{number}", psn_no=f"P{number % 200}", setl_time=f"2026-03-{day:02d} {hour:02d}:10:00")
        found.append(one | {"medfee_sumamt": f"{total}.50", "fund_pay_sumamt": f"{total // 2}.25"})
    return found


def test_the_page_is_whole_and_fetches_nothing() -> None:
    """Well formed; no script, no address; drawings of both parts; dark mode; the same bytes again."""
    trained = train(Data(history(2_000, days=LENGTH), institutions()), SMALL)
    page = report(trained)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    names = [tag for tag, _ in tags.seen]
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not re.search(r"https?:|@import|url\(", page)
    assert names.count("svg") == 6
    assert "prefers-color-scheme:dark" in page
    assert trained.model.version in page
    assert report(trained) == page


def test_every_text_is_there_in_both_languages() -> None:
    """As many Chinese as English ones, each in its own script."""
    page = report(train(data(1_200), SMALL))
    for lang, chinese in (("zh", True), ("en", False)):
        texts = re.findall(rf'<(?:span|p|text) class="(?:label )?{lang}"[^>]*>([^<]*)<', page)
        assert len(texts) > 30
        for text in texts:
            assert not re.search("[\u4e00-\u9fff]", text) or chinese, text
    assert page.count('lang="zh"') == page.count('lang="en"') + 1


def test_what_training_without_held_out_days_shows() -> None:
    """No drift and one distribution."""
    page = report(train(data(600), Settings(trees=20, hold_out_days=0)))
    assert "Nothing was held out" in page
    assert "held out</span>" not in page


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_give_the_model_of_the_same_facts_in_ndjson(kind: str, tmp_path: Path) -> None:
    """To the byte; the report lies beside the model."""
    lines, table = tmp_path / "facts.ndjson", tmp_path / f"facts.{kind}"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    if kind == "csv":
        with table.open("w", newline="", encoding="utf-8-sig") as out:
            writer = csv.DictWriter(out, [name for name in rows()[0] if name != "type"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows())
    else:
        kept = [{name: value for name, value in row.items() if name != "type"} for row in rows()]
        whole = pa.Table.from_pylist(kept)  # type: ignore[attr-defined]
        parquet.write_table(whole, table)
    for file, name in ((lines, "a"), (table, "b")):
        said = run("train", str(file), "-o", str(tmp_path / f"{name}.model"), "--trees", "10")
        assert "written" in said
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_report_elsewhere_and_one_over_the_model(tmp_path: Path) -> None:
    """`--report` names it; it cannot be the model."""
    lines = tmp_path / "facts.ndjson"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    run("train", str(lines), "-o", str(tmp_path / "m.model"), "--trees", "10", "--report", str(tmp_path / "r.html"))
    assert (tmp_path / "r.html").exists()
    assert not (tmp_path / "m.html").exists()
    refused = CliRunner().invoke(app, ["train", str(lines), "-o", str(tmp_path / "m.html")])
    assert refused.exit_code == 2
