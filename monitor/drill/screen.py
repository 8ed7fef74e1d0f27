"""The drill's screen: a live table in a terminal, else a line whenever a rule comes further."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from monitor.demo.screen import Language
from monitor.drill.table import Case, State

_STATES: Final[dict[State, tuple[str, str, str]]] = {
    "waiting": ("未开始", "waiting", "dim"),
    "caused": ("已制造故障", "caused", ""),
    "pending": ("待确认", "pending", "yellow"),
    "firing": ("已触发", "firing", "red"),
    "shown": ("已触发并送达", "fires, shown", "bold green"),
    "impossible": ("无法制造", "impossible", "bold red"),
}
_HEADS: Final = {
    "zh": ("告警", "级别", "故障", "状态", "秒", "处置手册"),
    "en": ("alert", "severity", "fault", "state", "seconds", "runbook"),
}
_SEVERITIES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def table(cases: Sequence[Case], lang: Language, factor: float, where: str) -> Group:
    """All rules, their faults and how far they have come."""
    number = 0 if lang == "zh" else 1
    grid = Table(title="告警演练" if lang == "zh" else "Drill of the alerting rules", title_justify="left", expand=True)
    for head in _HEADS[lang]:
        grid.add_column(head, overflow="fold", justify="right" if head in {"秒", "seconds"} else "left")
    for case in cases:
        state = _STATES[case.state]
        fault = case.zh if lang == "zh" else case.en
        grid.add_row(
            case.rule,
            Text(case.severity, _SEVERITIES.get(case.severity, "")),
            Text(f"{fault} ({case.why})" if case.why else fault),
            Text(state[number], state[2]),
            "" if case.took is None else f"{case.took:.0f}",
            Text(case.runbook, "dim"),
        )
    note = (
        "真实的 broker、工作进程、Prometheus 与 Alertmanager；规则表达式与生产相同；"
        f"for 时长和 Alertmanager 的分组等待缩短为 1/{factor:g}。"
        if lang == "zh"
        else "Real broker, workers, Prometheus and Alertmanager; the rules' expressions are those of production, "
        f"their `for` and Alertmanager's waits for groups are 1/{factor:g}."
    )
    return Group(grid, Text(note, "dim"), Text(where, "dim"))


class Screen:
    """Shows the cases while the drill lasts."""

    def __init__(self, cases: Sequence[Case], lang: Language, factor: float, console: Console | None = None) -> None:
        self._cases = cases
        self._lang: Language = lang
        self._factor = factor
        self._console = console or Console()
        self._said: dict[str, State] = {}
        self._live: Live | None = None
        self.where = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Show how things stand."""
        if self._live is not None:
            self._live.update(table(self._cases, self._lang, self._factor, self.where), refresh=True)
            return
        for case in self._cases:
            if case.state != self._said.get(case.rule, "waiting"):
                self._said[case.rule] = case.state
                word = _STATES[case.state][0 if self._lang == "zh" else 1]
                self._console.print(f"{case.name}: {word}", highlight=False, markup=False)

    def summary(self) -> None:
        """The table, once, at the end."""
        self._console.print(table(self._cases, self._lang, self._factor, ""))

    def picture(self, path: Path) -> None:
        """The table as an SVG."""
        with Path("/dev/null").open("w") as nowhere:
            console = Console(record=True, width=150, file=nowhere, force_terminal=True)
            console.print(table(self._cases, self._lang, self._factor, ""))
            console.save_svg(str(path), title="claims-monitor drill")
