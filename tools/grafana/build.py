"""From what a dashboard says to Grafana's JSON, with the foundation SDK."""

import json
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from tools.grafana.panels import Board, Language, Panel, Text
from tools.grafana.words import WORDS

DATASOURCE: Final = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
PAGE: Final = "http://127.0.0.1:8610"
"""Where the live page is expected; the variable `page` of each dashboard changes it."""
COLUMNS: Final = 24
_LETTERS: Final = "ABCDEFGHIJ"


def build(board: Board, lang: Language) -> str:
    """The dashboard as JSON text."""
    builder = (
        dashboard.Dashboard(board.title.of(lang))
        .uid(f"claims-monitor-{board.name}-{lang}")
        .description(board.says.of(lang))
        .tags(["claims-monitor", lang])
        .timezone("Asia/Shanghai")
        .time("now-6h", "now")
        .refresh("30s")
        .editable()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink(Text("各看板", "Dashboards").of(lang))
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["claims-monitor", lang])
            .keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource").label(Text("数据源", "Data source").of(lang)).type("prometheus")
        )
    )
    if board.places:
        for name, label in (("region", Text("统筹区", "Region")), ("level", Text("机构级别", "Institution level"))):
            builder = builder.with_variable(_labels(name, label.of(lang)))
    builder = builder.with_variable(
        dashboard.TextBoxVariable("page").label(Text("实时页面", "Live page").of(lang)).default_value(PAGE)
    )
    column = row = height = 0
    for panel in board.panels:
        if column + panel.width > COLUMNS:
            column, row, height = 0, row + height, 0
        place = models.GridPos(h=panel.height, w=panel.width, x=column, y=row)
        builder = builder.with_panel(_panel(panel, lang).grid_pos(place))
        column += panel.width
        height = max(height, panel.height)
    text = json.dumps(builder.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
    return text + "\n"


def _labels(name: str, label: str) -> dashboard.QueryVariable:
    query = f"label_values(claims_monitor_institutions, {name})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def _panel(panel: Panel, lang: Language) -> Any:  # noqa: ANN401 - builders of several types, alike in what is used
    makers = {
        "stat": _stat,
        "timeseries": _timeseries,
        "table": _table,
        "bargauge": _bargauge,
        "heatmap": _heatmap,
    }
    made: Any = makers[panel.kind](panel, lang)
    made = made.title(panel.title.of(lang)).description(panel.description(lang)).datasource(DATASOURCE)
    if panel.steps:
        steps = [models.Threshold(value=step.value, color=step.colour) for step in panel.steps]
        made = made.thresholds(
            dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        ).color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    for letter, query in zip(_LETTERS, panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).ref_id(letter)
        if panel.kind == "table":
            target = target.instant().format(prometheus_models.PromQueryFormat.TABLE)
        elif panel.kind in {"bargauge", "stat"}:
            target = target.instant().legend_format(query.name.of(lang))
        elif panel.kind == "heatmap":
            target = target.range().format(prometheus_models.PromQueryFormat.HEATMAP).legend_format("{{le}}")
        else:
            target = target.range().exemplar("latency" in query.expr).legend_format(query.name.of(lang))
        made = made.with_target(target)
    return made


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _stat(panel: Panel, _lang: Language) -> stat.Panel:
    return (
        stat.Panel()
        .unit(panel.unit)
        .reduce_options(_last())
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .no_value("0")
    )


def _timeseries(panel: Panel, _lang: Language) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .unit(panel.unit)
        .min(0)
        .line_width(2)
        .fill_opacity(40 if panel.stacked else 8)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        made = made.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return made


def _bargauge(panel: Panel, _lang: Language) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .unit(panel.unit)
        .reduce_options(_last())
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .min(0)
    )


def _heatmap(panel: Panel, _lang: Language) -> heatmap.Panel:
    return heatmap.Panel().unit(panel.unit).calculate(False).cell_gap(1)


def _table(panel: Panel, lang: Language) -> table.Panel:
    """Labels first, then a column a query; the linked label leads to the live page."""
    names = {label: name.of(lang) for label, name in panel.labels}
    # with one query Grafana calls the column plainly `Value`
    values = [f"Value #{letter}" for letter in _LETTERS[: len(panel.queries)]] if len(panel.queries) > 1 else ["Value"]
    names |= {value: query.name.of(lang) for value, query in zip(values, panel.queries, strict=True)}
    made = (
        table.Panel()
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {name: index for index, name in enumerate(names)},
                    "renameByName": names,
                },
            )
        )
        .sort_by([common.TableSortByFieldState().display_name(panel.queries[0].name.of(lang)).desc(True)])
    )
    for query in panel.queries:
        made = made.override_by_name(query.name.of(lang), [models.DynamicConfigValue(id_val="unit", value=query.unit)])
    for label, name in panel.labels:
        told = []
        if label in WORDS:
            options = {
                value: {"index": at, "text": word.of(lang)} for at, (value, word) in enumerate(WORDS[label].items())
            }
            told.append(models.DynamicConfigValue(id_val="mappings", value=[{"type": "value", "options": options}]))
        if label == panel.link:
            # the value itself, not the word for it
            url = f"${{page}}/?lang={lang}&{label}=${{__value.raw:percentencode}}"
            link = {
                "title": Text("在实时页面中查看", "Show on the live page").of(lang),
                "url": url,
                "targetBlank": True,
            }
            told.append(models.DynamicConfigValue(id_val="links", value=[link]))
        if told:
            made = made.override_by_name(name.of(lang), told)
    return made
