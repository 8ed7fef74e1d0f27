"""What the bench says of its runs: alerts against the reference, latencies, the table."""

import json
import re
from pathlib import Path

import pytest

from bench.checks import Alert, counted
from bench.engines import PEERS, ROOT, three_checks
from bench.latency import Latency, Pace, Quantiles, at, summed_up
from bench.results import BEGIN, END, Row, agreement, as_json, markdown, put_into
from bench.run import arguments, main, next_look
from bench.told import Difference, compared, of_monitor, of_peer
from detectors.catalogue import all_detectors
from detectors.terms import parse_terms
from monitor.terms_files import default_text

ABOUT = {"command": "python -m bench.run", "date": "2026-01-02", "machine": "2 cores", "load": "0.1"}


def raised(about: str, rule: str = "id-mismatch", discriminator: str = "", **more: object) -> Alert:
    return {"rule": rule, "about": about, "discriminator": discriminator, "cause": "S1", **more}


def test_alerts_that_are_missing_and_too_many_are_counted_by_rule() -> None:
    found = compared(counted([raised("S1"), raised("S3"), raised("S3")]), counted([raised("S1"), raised("S2")]))
    mismatch = next(one for one in found if one.rule == "id-mismatch")
    assert mismatch == Difference("id-mismatch", sent=3, expected=2, missing=1, extra=1, false=1, unseen=1)
    assert (
        agreement(found)
        == "id-mismatch: 1 missing, 1 too many; id-mismatch: 1 raised in passing that no in-order run raises"
    )


def test_what_is_raised_in_passing_is_told_although_the_same_alerts_stand_at_the_end() -> None:
    passing = [raised("H1", "quota-progress", "10"), raised("H1", "quota-progress", "10", withdrawn=True)]
    found = compared(counted([*passing, raised("S1")]), counted([raised("S1")]))
    assert agreement(found) == "yes; quota-progress: 1 raised in passing that no in-order run raises"


def test_equal_alerts_are_equal_in_any_order_and_however_often_revised() -> None:
    found = compared(counted([raised("S2"), raised("S1"), raised("S1")]), counted([raised("S1"), raised("S2")]))
    assert agreement(found) == "yes"


def test_the_monitors_alerts_have_the_identity_of_the_checks() -> None:
    value = {
        "jr_id": "0",
        "status": "withdrawn",
        "rule_id": "quota-progress",
        "about": {"kind": "institution", "id": "H1/2026-07"},
        "discriminator": "5",
    }
    ours = of_monitor(json.dumps(value).encode(), [("cause", b"settlement:S7")])
    theirs = raised("H1/2026-07", "quota-progress", "5", withdrawn=True) | {"cause": "S7"}
    assert ours == of_peer(json.dumps(theirs).encode())


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.99, 4), (0.75, 3), (0.01, 1)])
def test_a_quantile_is_the_value_that_so_many_do_not_exceed(share: float, value: float) -> None:
    assert at([1, 2, 3, 4], share) == value


def test_latency_is_the_median_over_windows_after_the_run_in() -> None:
    pace = Pace(100, run_in=10, windows=3, window=10)
    seen = [(105.0, 9.0, False)]  # in the run-in
    seen += [(111.0, 0.010, False), (121.0, 0.020, False), (131.0, 0.090, False), (125.0, 0.030, True)]
    seen += [(140.0, 9.0, False)]  # after the last window
    latency = summed_up(pace, 100.0, 100.0, seen)
    assert latency == Latency(100, 100.0, Quantiles(20.0, 20.0, 3), Quantiles(30.0, 30.0, 1), keeps_up=True)


@pytest.mark.parametrize(("took", "keeps_up"), [(0.999, True), (1.0, False)])
def test_an_engine_whose_last_alerts_take_a_second_does_not_keep_up(took: float, keeps_up: bool) -> None:
    pace = Pace(100, run_in=0, windows=1, window=10)
    assert summed_up(pace, 100.0, 0.0, [(1.0, took, False)]).keeps_up is keeps_up


def test_an_engine_that_tells_no_alert_does_not_keep_up() -> None:
    assert not summed_up(Pace(100), 100.0, 0.0, []).keeps_up


def test_the_table_holds_each_row_against_the_raw_loop() -> None:
    rows = [
        Row("raw loop", 1_000, 1_000, seconds=1.0, cpu=0.5),
        Row(
            "an engine",
            1_000,
            1_000,
            seconds=4.0,
            cpu=2.0,
            memory=200,
            latencies=[
                Latency(2_000, 1_999.0, Quantiles(40, 90, 10), Quantiles(60, 120, 5), keeps_up=True),
                Latency(7_000, 6_999.0, Quantiles(4_000, 9_000, 10), None, keeps_up=False),
            ],
        ),
        Row(
            "a third", 1_000, 1_000, seconds=4.0, cpu=2.0, latencies=[Latency(7_000, 3_000, None, None, keeps_up=True)]
        ),
    ]
    _, _, head, _, _, engine, third = markdown(rows, ABOUT).splitlines()
    assert [cell.strip() for cell in head.split("|")][-3:-1] == ["2,000/s: p50 / p99 ms", "7,000/s: p50 / p99 ms"]
    cells = [cell.strip() for cell in engine.split("|")][1:-1]
    assert cells[2:8] == ["250", "500", "0.250", "0.250", "0.50", "200"]
    assert cells[-2:] == ["40 / 90 · 60 / 120", "does not keep up"]
    assert third.split("|")[-2].strip() == "the bench produced 3,000/s alone"
    assert json.loads(json.dumps(as_json(rows, ABOUT)))["rows"][1]["latencies"][0]["persons"]["p99"] == 90


def test_the_table_goes_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    put_into(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("none\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no lines"):
        put_into(page, "new")


def test_terms_for_three_checks_have_no_other_rule() -> None:
    terms = parse_terms(three_checks(default_text()), "three.toml", all_detectors())
    assert sorted(terms.rules) == ["id-mismatch", "quota-progress", "repeat-visits"]


@pytest.mark.parametrize(
    ("done", "left", "seconds", "wait"),
    [(0, 1_000, 5, 0.25), (1_000, 1_000_000, 1, 10), (1_000, 3_000, 1, 1.0), (1_000, 10, 1, 0.25), (1_000, 0, 1, 0.25)],
)
def test_a_run_is_looked_at_seldom_in_its_middle_and_often_at_its_end(
    done: int, left: int, seconds: float, wait: float
) -> None:
    assert next_look(done, left, seconds) == wait


@pytest.mark.parametrize("given", [["--settlements", "0"], ["--only", "flink"]])
def test_unusable_arguments_end_the_bench_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_help_has_examples() -> None:
    assert "examples:\n  make bench-peers" in arguments().format_help()


@pytest.mark.parametrize("peer", PEERS)
def test_each_peer_has_its_program_and_exact_pins(peer: str) -> None:
    folder = ROOT / "bench" / "peers" / peer
    compile((folder / "program.py").read_text(encoding="utf-8"), "program.py", "exec")
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert lines
    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line) for line in lines)
