"""The demo's screen in a terminal; without a terminal a plain line every few seconds."""

import locale
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from monitor import clock
from topics.money import yuan

Language = Literal["zh", "en"]

LINE_EVERY_S: Final = 5.0
"""Seconds between two plain lines."""
LATEST: Final = 8
"""Alerts that the screen lists."""
OPERATIONS: Final = 4
"""Alerts of Prometheus that the screen lists."""
WIDE: Final = 100
"""Columns from which the tables stand side by side."""

_FIXED_ROWS: Final = 12
"""Rows of the figures, the foot, and one panel's frame."""
_LEAST_ROWS: Final = 8
_MOST_ROWS: Final = 100

_SEVERITIES: Final[Mapping[str, tuple[str, str, str]]] = {
    "1": ("明确违规", "certain", "bold red"),
    "2": ("高度可疑", "high", "yellow"),
    "3": ("可疑", "suspicious", "cyan"),
}

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("医保结算实时监测 · 演示", "Claims monitor · demo"),
    "facts": ("事实", "facts"),
    "per_second": ("条/秒", "a second"),
    "time": ("模拟时间", "simulated time"),
    "latency": ("延迟", "latency"),
    "standing": ("当前疑点", "alerts standing"),
    "stake": ("涉及金额", "money at stake"),
    "yuan": ("元", "yuan"),
    "by_rule": ("按规则", "By rule"),
    "planted": ("查出/埋设", "caught"),
    "caught": ("埋设案例", "planted cases caught"),
    "latest": ("最新疑点", "Latest alerts"),
    "page": ("网页", "page"),
    "worker": ("工作进程", "worker"),
    "left": ("剩余 {n} 秒", "{n} s left"),
    "none": ("尚无疑点", "no alert yet"),
    "rule": ("规则", "rule"),
    "standing_short": ("疑点", "alerts"),
    "more": ("另有 {n} 条规则", "and {n} more"),
    "operations": ("Prometheus 告警", "Alerts of Prometheus"),
    "firing": ("已触发", "firing"),
    "pending": ("待确认", "pending"),
    "calm": ("无告警", "none"),
}


class Title(Protocol):
    """A name in Chinese and English."""

    @property
    def zh(self) -> str:
        """Chinese."""

    @property
    def en(self) -> str:
        """English."""


@dataclass(frozen=True)
class LatestAlert:
    """One alert of the list.

    Attributes:
        rule: rule id.
        severity: `1`, `2` or `3`.
        institution: fixmedins_code, None where it has none.
        zh: the reason in Chinese.
        en: the reason in English.
    """

    rule: str
    severity: str
    institution: str | None
    zh: str
    en: str


@dataclass(frozen=True)
class Operation:
    """An alert of Prometheus about the monitor itself, or about the region as a whole.

    Attributes:
        name: of the rule.
        state: `pending` or `firing`.
        severity: critical, warning or info.
        zh: summary in Chinese.
        en: summary in English.
    """

    name: str
    state: str
    severity: str
    zh: str
    en: str


@dataclass(frozen=True)
class DemoStatus:
    """What the screen shows, at one moment.

    Attributes:
        facts_per_second: taken by the worker just now.
        facts_total: taken since the start.
        simulated_time: local `yyyy-MM-dd HH:mm:ss`, None before the first fact.
        latency_p50_ms: from a fact's record to its alert, None while unknown.
        latency_p99_ms: the same.
        standing: rule -> alerts that stand.
        titles: rule -> its name.
        at_stake: money at stake, fen.
        caught: rule -> planted cases found so far, and all that were played so far or will be.
        latest: newest first.
        page_url: where the page is, None without one.
        worker: state of the worker, for people.
        seconds_left: of the demo, None when it has no end.
        seconds_total: of the demo, None when it has no end.
        operations: alerts of Prometheus.
        prometheus_url: None when it does not run.
        alertmanager_url: None when it does not run.
    """

    facts_per_second: int = 0
    facts_total: int = 0
    simulated_time: str | None = None
    latency_p50_ms: int | None = None
    latency_p99_ms: int | None = None
    standing: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, Title] = field(default_factory=dict)
    at_stake: int = 0
    caught: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    latest: Sequence[LatestAlert] = ()
    page_url: str | None = None
    worker: str = ""
    seconds_left: int | None = None
    seconds_total: int | None = None
    operations: Sequence[Operation] = ()
    prometheus_url: str | None = None
    alertmanager_url: str | None = None

    @property
    def all_standing(self) -> int:
        """Alerts that stand."""
        return sum(self.standing.values())

    @property
    def all_caught(self) -> tuple[int, int]:
        """Planted cases found, and all."""
        return sum(found for found, _ in self.caught.values()), sum(total for _, total in self.caught.values())


def language(override: str | None = None) -> Language:
    """The language of the screen: the override, else that of the locale; English unless it is Chinese."""
    if override is not None:
        return "zh" if override.lower().startswith("zh") else "en"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"


def _say(name: str, lang: Language) -> str:
    return _TEXTS[name][0 if lang == "zh" else 1]


def _title(status: DemoStatus, rule: str, lang: Language) -> str:
    title = status.titles.get(rule)
    if title is None:
        return rule
    return title.zh if lang == "zh" else title.en


def _latency(status: DemoStatus) -> str:
    if status.latency_p50_ms is None or status.latency_p99_ms is None:
        return "p50 – / p99 –"
    return f"p50 {status.latency_p50_ms:,} ms / p99 {status.latency_p99_ms:,} ms"


def _money(fen: int) -> str:
    whole, cents = yuan(fen).split(".")
    return f"{int(whole):,}.{cents}"


def progress_line(status: DemoStatus, lang: Language = "en") -> str:
    """The key figures in one plain line."""
    found, planted = status.all_caught
    parts = [
        status.simulated_time or "–",
        f"{status.facts_total:,} {_say('facts', lang)} ({status.facts_per_second:,} {_say('per_second', lang)})",
        f"{_say('latency', lang)} {_latency(status)}",
        f"{status.all_standing:,} {_say('standing', lang)}",
        f"{_say('stake', lang)} {_money(status.at_stake)} {_say('yuan', lang)}",
    ]
    if planted:
        parts.append(f"{_say('caught', lang)} {found}/{planted}")
    if status.seconds_left is not None:
        parts.append(_say("left", lang).format(n=status.seconds_left))
    return " | ".join(parts)


def render(status: DemoStatus, lang: Language = "en", width: int = 120, height: int | None = None) -> RenderableType:
    """The screen for a terminal of so many columns and rows; without rows everything is shown."""
    fixed = _FIXED_ROWS + (0 if status.prometheus_url is None else OPERATIONS + 3)
    rows = _MOST_ROWS if height is None else max(_LEAST_ROWS, height - fixed)
    if width >= WIDE:
        body = Table.grid(expand=True, padding=(0, 1))
        body.add_column(ratio=2)
        body.add_column(ratio=3)
        body.add_row(_rules(status, lang, rows - 1, 1), _latest(status, lang, min(LATEST, rows)))
        middle: RenderableType = body
    else:
        listed = min(LATEST, rows // 2)
        middle = Group(_rules(status, lang, rows - listed - 2, 2), _latest(status, lang, listed))
    parts: list[RenderableType] = [_figures(status, lang, width), middle]
    if status.prometheus_url is not None:
        parts.append(_operations(status, lang))
    return Group(*parts, _foot(status, lang))


def _figures(status: DemoStatus, lang: Language, width: int) -> Panel:
    found, planted = status.all_caught
    figures = [
        (f"{status.facts_per_second:,} {_say('per_second', lang)}", f"{status.facts_total:,} {_say('facts', lang)}"),
        (status.simulated_time or "–", _say("time", lang)),
        (_latency(status), _say("latency", lang)),
        (f"{status.all_standing:,}", _say("standing", lang)),
        (f"{_money(status.at_stake)} {_say('yuan', lang)}", _say("stake", lang)),
        (f"{found}/{planted}" if planted else "–", _say("caught", lang)),
    ]
    grid = Table.grid(expand=True, padding=(0, 1))
    across = 3
    for _ in range(across):
        grid.add_column(ratio=1, overflow="fold")
    for first in range(0, len(figures), across):
        row = figures[first : first + across]
        grid.add_row(*(Text(value, style="bold") for value, _ in row))
        grid.add_row(*(Text(name, style="dim") for _, name in row))
    parts: list[RenderableType] = [grid]
    if status.seconds_left is not None and status.seconds_total:
        done = max(0, status.seconds_total - status.seconds_left)
        parts.append(ProgressBar(total=status.seconds_total, completed=done, width=max(10, width - 4)))
    return Panel(Group(*parts), title=_say("title", lang), title_align="left", border_style="green")


def _rules(status: DemoStatus, lang: Language, rows: int, across: int) -> Panel:
    """A table of the rules in so many rows, each with `across` rules; what does not fit is counted."""
    table = Table.grid(expand=True, padding=(0, 1))
    for _ in range(across):
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*(Text(_say(name, lang), "dim") for name in ("rule", "standing_short", "planted") * across))
    rules = sorted(
        status.standing.keys() | status.caught.keys(), key=lambda name: (-status.standing.get(name, 0), name)
    )
    room = max(1, rows) * across
    shown = rules if len(rules) <= room else rules[: room - across]
    for first in range(0, len(shown), across):
        table.add_row(*(cell for rule in shown[first : first + across] for cell in _rule(status, rule, lang)))
    if len(shown) < len(rules):
        table.add_row(Text(_say("more", lang).format(n=len(rules) - len(shown)), "dim"))
    return Panel(table, title=_say("by_rule", lang), title_align="left", border_style="dim")


def _rule(status: DemoStatus, rule: str, lang: Language) -> tuple[Text, Text, Text]:
    found, planted = status.caught.get(rule, (0, 0))
    return (
        Text(_title(status, rule, lang)),
        Text(f"{status.standing.get(rule, 0):,}"),
        Text(f"{found}/{planted}" if planted else "–", "green" if planted and found == planted else ""),
    )


def _latest(status: DemoStatus, lang: Language, rows: int) -> Panel:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=12)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for alert in status.latest[:rows]:
        zh, en, style = _SEVERITIES.get(alert.severity, (alert.severity, alert.severity, ""))
        table.add_row(
            Text(_title(status, alert.rule, lang), "bold"),
            Text(zh if lang == "zh" else en, style),
            Text(alert.institution or "–"),
            Text(alert.zh if lang == "zh" else alert.en),
        )
    content: RenderableType = table if status.latest else Text(_say("none", lang), "dim")
    return Panel(content, title=_say("latest", lang), title_align="left", border_style="dim")


def _operations(status: DemoStatus, lang: Language) -> Panel:
    """Pending and firing alerts of Prometheus, and where to look at them."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    styles = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
    for one in status.operations[:OPERATIONS]:
        style = styles.get(one.severity, "") if one.state == "firing" else "dim"
        table.add_row(
            Text(one.name.removeprefix("ClaimsMonitor"), style),
            Text(_say(one.state, lang), style),
            Text(one.zh if lang == "zh" else one.en),
        )
    hidden = len(status.operations) - OPERATIONS
    more = f" (+{hidden})" if hidden > 0 else ""
    content: RenderableType = table if status.operations else Text(_say("calm", lang), "dim")
    where = f"Prometheus {status.prometheus_url}  Alertmanager {status.alertmanager_url}"
    return Panel(
        Group(content, Text(where, "dim")),
        title=_say("operations", lang) + more,
        title_align="left",
        border_style="dim",
    )


def _foot(status: DemoStatus, lang: Language) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    parts = [f"{_say('worker', lang)}: {status.worker}"] if status.worker else []
    left = "" if status.seconds_left is None else _say("left", lang).format(n=status.seconds_left)
    words = Text("   ".join(parts), "dim")
    if status.page_url is not None:
        words = Text.assemble(f"{_say('page', lang)}: ", (status.page_url, "underline"), "   ", words)
    grid.add_row(words, Text(left, "dim"))
    return grid


class Screen:
    """Shows the status while it lasts: a live screen in a terminal, else plain lines on standard output.

    Args:
        lang: `zh` or `en`; None: by the locale.
        console: where to; None: standard output.
        line_every: seconds between two plain lines.
    """

    def __init__(
        self, lang: str | None = None, console: Console | None = None, line_every: float = LINE_EVERY_S
    ) -> None:
        self._lang = language(lang)
        self._console = console or Console(file=sys.stdout)
        self._every = line_every
        self._said = float("-inf")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, status: DemoStatus, *, last: bool = False) -> None:
        """Show the status; the last one is shown in any case."""
        if self._live is not None:
            self._live.update(render(status, self._lang, self._console.width, self._console.height), refresh=True)
            return
        now = clock.monotonic()
        if last or now - self._said >= self._every:
            self._said = now
            self._console.print(progress_line(status, self._lang), markup=False, highlight=False, soft_wrap=True)
