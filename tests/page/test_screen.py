import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from detectors.terms import Title
from monitor.demo.screen import DemoStatus, LatestAlert, Screen, language, progress_line, render

STATUS = DemoStatus(
    facts_per_second=5_210,
    facts_total=123_456,
    simulated_time="2026-11-20 13:20:00",
    latency_p50_ms=23,
    latency_p99_ms=1_088,
    standing={"repeat-visits": 31, "id-mismatch": 12},
    titles={"repeat-visits": Title("频繁就诊", "Repeat visits"), "id-mismatch": Title("身份不符", "Identity mismatch")},
    at_stake=123_456_789,
    caught={"repeat-visits": (9, 12), "id-mismatch": (12, 12), "hang-bed": (0, 3)},
    latest=(
        LatestAlert("repeat-visits", "3", "H12", "[red]就诊8次", "[red]8 visits"),
        LatestAlert("x", "1", None, "乙", "B"),
    ),
    page_url="http://127.0.0.1:8610/",
    worker="ready",
    seconds_left=41,
    seconds_total=90,
)
FIGURES = (
    "5,210",
    "123,456",
    "2026-11-20 13:20:00",
    "p50 23 ms / p99 1,088 ms",
    "43",
    "1,234,567.89",
    "21/27",
    "9/12",
    "12/12",
    "0/3",
)


def printed(status: DemoStatus, lang: str, width: int, height: int | None = None) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(render(status, language(lang), width, height))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            ("Repeat visits", "suspicious", "certain", "8 visits", "hang-bed", "41 s left", "http://127.0.0.1:8610/"),
        ),
        ("zh", ("频繁就诊", "可疑", "明确违规", "就诊8次", "hang-bed", "剩余 41 秒", "http://127.0.0.1:8610/")),
    ],
)
def test_the_screen_has_every_figure_at_both_widths_and_in_both_languages(
    width: int, lang: str, words: tuple[str, ...]
) -> None:
    text = printed(STATUS, lang, width)
    for figure in (*FIGURES, *words, "H12", "ready"):
        assert figure in text
    assert all(cell_len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 30), (120, 24), (120, 40)])
def test_the_screen_fits_its_terminal_with_many_rules_and_alerts(width: int, height: int) -> None:
    """The rules that do not fit are counted."""
    many = {f"rule-{number}": number + 1 for number in range(40)}
    status = replace(STATUS, standing=many, latest=[*STATUS.latest] * 20, worker="x" * 200)
    text = printed(status, "en", width, height)
    assert len(text.splitlines()) <= height
    assert "more" in text
    assert "rule-39" in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_screen_can_be_drawn_before_anything_is_known(lang: str) -> None:
    text = printed(DemoStatus(), lang, 80)
    assert "p50 – / p99 –" in text


def test_texts_are_never_read_as_markup() -> None:
    assert "[red]8 visits" in printed(STATUS, "en", 80)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ("alerts standing", "21/27", "41 s left")), ("zh", ("当前疑点", "21/27", "剩余 41 秒"))]
)
def test_without_a_terminal_there_are_plain_lines(lang: str, words: tuple[str, ...]) -> None:
    out = io.StringIO()
    with Screen(lang, Console(file=out, width=80), line_every=3_600) as screen:
        screen.update(STATUS)
        screen.update(replace(STATUS, facts_total=1))
        screen.update(replace(STATUS, facts_total=999_999), last=True)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0] == progress_line(STATUS, language(lang))
    assert "999,999" in lines[1]
    assert "\x1b" not in out.getvalue()
    for figure in (*FIGURES[:6], *words):
        assert figure in lines[0]


def test_in_a_terminal_the_screen_is_drawn() -> None:
    out = io.StringIO()
    with Screen("en", Console(file=out, width=120, height=40, force_terminal=True)) as screen:
        screen.update(STATUS)
    assert "1,234,567.89" in out.getvalue()
    assert "╭" in out.getvalue()


@pytest.mark.parametrize(
    ("override", "environment", "expected"),
    [
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "en_US.UTF-8"}, "en"),
        (None, {"LC_ALL": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("zh-CN", {"LANG": "en_US.UTF-8"}, "zh"),
    ],
)
def test_the_language_is_the_locales_unless_it_is_given(
    override: str | None, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language(override) == expected
