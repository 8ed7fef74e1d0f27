"""What a panel and a dashboard say, in Chinese and English, apart from Grafana's own format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
Kind = Literal["stat", "timeseries", "table", "bargauge", "heatmap"]


class Text(NamedTuple):
    """A text in both languages."""

    zh: str
    en: str

    def of(self, lang: Language) -> str:
        """In one of them."""
        return self.zh if lang == "zh" else self.en


class Query(NamedTuple):
    """A query, and how its series are called.

    Attributes:
        expr: PromQL.
        name: legend (with `{{label}}`), or a table's column.
        unit: of a table's column, in Grafana's words.
    """

    expr: str
    name: Text
    unit: str = "short"


class Step(NamedTuple):
    """A value from which on a panel has a colour."""

    value: float | None
    colour: str


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        kind: Grafana's panel type.
        title: of the panel.
        means: what it shows.
        bad: what a bad value looks like.
        do: what to do then.
        queries: what it shows; a table has one column for each, after those of its labels.
        unit: in Grafana's words.
        width: of 24 columns.
        height: in rows.
        steps: colours by value.
        labels: of a table, which labels are columns, with their names.
        link: the label of a table whose values lead to the live page.
        stacked: whether series are stacked.
    """

    kind: Kind
    title: Text
    means: Text
    bad: Text
    do: Text
    queries: Sequence[Query]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: Sequence[Step] = ()
    labels: Sequence[tuple[str, Text]] = ()
    link: str | None = None
    stacked: bool = False

    def description(self, lang: Language) -> str:
        """Meaning, bad values and what to do, as the panel's help says it."""
        if lang == "zh":
            return f"**含义** {self.means.zh}\n\n**异常** {self.bad.zh}\n\n**处理** {self.do.zh}"
        return f"**Means** {self.means.en}\n\n**Bad** {self.bad.en}\n\n**Do** {self.do.en}"


@dataclass(frozen=True)
class Board:
    """One dashboard.

    Attributes:
        name: of its files.
        title: of the dashboard.
        says: its description.
        panels: in order, laid out from left to right.
        places: whether it can be narrowed to regions and levels of institutions.
    """

    name: str
    title: Text
    says: Text
    panels: Sequence[Panel] = field(default_factory=tuple)
    places: bool = False


JOB = 'job="claims-monitor"'
PLACE = f'{JOB}, region=~"$region", level=~"$level"'
MONEY = "currency:¥"
"""In titles and on axes: with K and M from thousands on."""
YUAN = "locale"
"""In columns of tables, which say the unit: all digits, with separators."""
GREEN, AMBER, RED = "green", "orange", "red"

RULE = Text("规则", "Rule")
REGION = Text("统筹区", "Region")
LEVEL = Text("级别", "Level")
INSTITUTION = Text("机构", "Institution")


def by_severity(metric: str) -> list[Query]:
    """A metric's sum for each severity, under its name; none is nought."""
    names = (Text("明确违规", "certain"), Text("高度可疑", "highly suspicious"), Text("可疑", "suspicious"))
    return [
        Query(f'sum({metric}{{{JOB}, severity="{code}"}}) or vector(0)', Text(f"{code} {name.zh}", f"{code} {name.en}"))
        for code, name in enumerate(names, 1)
    ]


def by_action(*actions: str) -> list[Query]:
    """Changes of alerts a minute, by what happened; none is nought."""
    names = {
        "raised": Text("新增", "raised"),
        "revised": Text("更新", "revised"),
        "withdrawn": Text("撤销", "withdrawn"),
    }
    return [
        Query(
            f'60 * sum(rate(claims_monitor_alerts_total{{{JOB}, action="{action}"}}[$__rate_interval])) or vector(0)',
            names[action],
        )
        for action in actions
    ]
