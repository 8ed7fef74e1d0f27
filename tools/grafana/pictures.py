"""Pictures of the dashboards without Grafana's server: their JSON and a real Prometheus's data, drawn with matplotlib.

Also the live page as Chromium shows it. From the project's root: .venv/bin/python -m tools.grafana.pictures
"""

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from monitor import clock
from monitor.demo.watchers import Watchers
from tests.page.browser import browser
from tools.grafana.boards import FOLDER, LANGUAGES
from tools.scene import Scene, judged_scene

IMAGES: Final = Path("docs/images")
SECONDS: Final = 60
STEP_S: Final = 2
PAGE_PORT: Final = 8610
_COLOURS: Final = {"green": "#2e8b57", "orange": "#c77700", "red": "#b3202c"}
_ROW_INCH: Final = 0.36
_WIDTH_INCH: Final = 18.0
_ROWS_SHOWN: Final = 8
_MILLION, _THOUSAND, _DAY_S = 1e6, 1e3, 86_400


def shown(value: float, unit: str) -> str:
    """A value in Grafana's unit."""
    if value != value or value in {float("inf"), float("-inf")}:
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.1f} %"
    if unit == "s":
        if value >= _DAY_S:
            return f"{value / _DAY_S:.1f} d"
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "locale":
        return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
    sign = "¥" if unit.startswith("currency:") else ""
    if abs(value) >= _MILLION:
        return f"{sign}{value / _MILLION:.2f} M"
    if abs(value) >= 10 * _THOUSAND:
        return f"{sign}{value / _THOUSAND:.1f} K"
    return f"{sign}{value:,.0f}" if value == round(value) or abs(value) >= _THOUSAND else f"{sign}{value:,.2f}"


def legend(form: str, labels: dict[str, str]) -> str:
    """A series' name by Grafana's `{{label}}` form."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), form)


def colour(panel: dict[str, Any], value: float) -> str:
    """The colour of the panel's thresholds at a value."""
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    chosen = "#1f3a4d"
    for step in steps:
        if step["value"] is None or value >= step["value"]:
            chosen = _COLOURS.get(step["color"], chosen)
    return chosen


async def draw(watchers: Watchers, board: dict[str, Any], path: Path, since: float) -> None:
    """Draw a dashboard into a PNG."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    height = rows * _ROW_INCH + 0.7
    figure = plt.figure(figsize=(_WIDTH_INCH, height), facecolor="#f3f5f6")
    figure.text(0.012, 1 - 0.42 / height, board["title"], fontsize=17, weight="bold", color="#17212b")
    for panel in board["panels"]:
        place = panel["gridPos"]
        top = 0.7 + place["y"] * _ROW_INCH
        box = (
            place["x"] / 24 + 0.005,
            1 - (top + place["h"] * _ROW_INCH - 0.1) / height,
            place["w"] / 24 - 0.01,
            (place["h"] * _ROW_INCH - 0.1) / height,
        )
        back = figure.add_axes(box, facecolor="white")
        back.set_xticks([])
        back.set_yticks([])
        for spine in back.spines.values():
            spine.set_color("#dfe4e8")
        inch = 1 / height
        figure.text(box[0] + 0.006, box[1] + box[3] - 0.24 * inch, panel["title"], fontsize=10.5, color="#3c4954")
        await _DRAWERS[panel["type"]](watchers, panel, back, figure, (box, inch), since)
    figure.savefig(path, dpi=80)
    plt.close(figure)


async def _stat(watchers: Watchers, panel: dict[str, Any], back: Axes, _figure: Any, _box: Any, _since: float) -> None:  # noqa: ANN401
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    values = []
    for target in panel["targets"]:
        for series in await watchers.query(Scene.expression(target["expr"])):
            values.append((legend(target.get("legendFormat", ""), series["metric"]), float(series["value"][1])))  # noqa: PERF401
    for index, (name, value) in enumerate(values):
        x = (index + 0.5) / len(values)
        back.text(x, 0.44, shown(value, unit), ha="center", va="center", fontsize=21, color=colour(panel, value))
        if len(values) > 1:
            back.text(x, 0.12, name, ha="center", va="center", fontsize=9, color="#5b6874")


def _inner(figure: Any, box: Any, left: float = 0.6, bottom: float = 0.6) -> Axes:  # noqa: ANN401 - matplotlib's own
    (x, y, width, height), inch = box
    across = 1 / _WIDTH_INCH
    axes: Axes = figure.add_axes(
        (x + left * across, y + bottom * inch, width - (left + 0.15) * across, height - (bottom + 0.4) * inch)
    )
    axes.tick_params(labelsize=8, colors="#5b6874", length=2)
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color("#c6ced4")
    return axes


async def _ranges(watchers: Watchers, panel: dict[str, Any], since: float) -> list[tuple[str, list[Any], list[float]]]:
    found = []
    for target in panel["targets"]:
        expression = Scene.expression(target["expr"], "20s")
        now = clock.now_s()
        for series in await watchers.query(expression, start=f"{since}", end=f"{now}", step=str(STEP_S)):
            times = [mdates.date2num(mpl.dates.num2date(at / _DAY_S)) for at, _ in series["values"]]
            values = [float(value) for _, value in series["values"]]
            found.append((legend(target.get("legendFormat", ""), series["metric"]), times, values))
    return sorted(found, key=lambda one: -max((value for value in one[2] if value == value), default=0))


async def _lines(watchers: Watchers, panel: dict[str, Any], _back: Axes, figure: Any, box: Any, since: float) -> None:  # noqa: ANN401
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    axes = _inner(figure, box)
    series = (await _ranges(watchers, panel, since))[:_ROWS_SHOWN]
    stacked = panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal"
    colours = plt.get_cmap("tab10")
    if stacked and series:
        every = sorted({time for _, times, _ in series for time in times})
        heights = [
            [dict(zip(times, values, strict=True)).get(time, 0.0) for time in every] for _, times, values in series
        ]
        axes.stackplot(
            every,
            heights,
            labels=[name for name, _, _ in series],
            colors=[colours(n % 10) for n in range(len(series))],
            alpha=0.75,
        )
    else:
        for number, (name, times, values) in enumerate(series):
            axes.plot(times, values, label=name, linewidth=1.6, color=colours(number % 10))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e9edf0", linewidth=0.8)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=5))
    if series:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.3 / (axes.get_position().height / box[1])),
            ncols=4 if len(series) > 2 else 2,
            fontsize=7.5,
            frameon=False,
            borderaxespad=0,
            handlelength=1.2,
            columnspacing=1.2,
        )


async def _bars(watchers: Watchers, panel: dict[str, Any], _back: Axes, figure: Any, box: Any, _since: float) -> None:  # noqa: ANN401
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    axes = _inner(figure, box, left=0.75, bottom=0.25)
    rows = []
    for target in panel["targets"]:
        for series in await watchers.query(Scene.expression(target["expr"])):
            rows.append((float(series["value"][1]), legend(target.get("legendFormat", ""), series["metric"])))  # noqa: PERF401
    rows.sort()
    axes.barh(
        [name for _, name in rows], [value for value, _ in rows], color=[colour(panel, value) for value, _ in rows]
    )
    for index, (value, _) in enumerate(rows):
        axes.text(value, index, " " + shown(value, unit), va="center", fontsize=8, color="#17212b")
    axes.set_xlim(0, max((value for value, _ in rows), default=1) * 1.18 or 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))


async def _heat(watchers: Watchers, panel: dict[str, Any], _back: Axes, figure: Any, box: Any, since: float) -> None:  # noqa: ANN401
    axes = _inner(figure, box)
    series = sorted(await _ranges(watchers, panel, since), key=lambda one: float(one[0].replace("+Inf", "inf")))
    every = sorted({time for _, times, _ in series for time in times})
    grid, below = [], [0.0] * len(every)
    for _, times, values in series:  # buckets are cumulative
        known = dict(zip(times, values, strict=True))
        here = [known.get(time, 0.0) for time in every]
        grid.append([max(a - b, 0) for a, b in zip(here, below, strict=True)])
        below = here
    if every:
        axes.pcolormesh(every, range(len(series)), grid, cmap="YlOrRd", shading="nearest")
    axes.set_yticks(range(len(series)), [name for name, _, _ in series])
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=5))


async def _table(watchers: Watchers, panel: dict[str, Any], back: Axes, _figure: Any, _box: Any, _since: float) -> None:  # noqa: ANN401
    organised = panel["transformations"][1]["options"]
    order, names = organised["indexByName"], organised["renameByName"]
    units = {
        override["matcher"]["options"]: value["value"]
        for override in panel["fieldConfig"]["overrides"]
        for value in override["properties"]
        if value["id"] == "unit"
    }
    words: dict[str, dict[str, Any]] = {
        override["matcher"]["options"]: value["value"][0]["options"]
        for override in panel["fieldConfig"]["overrides"]
        for value in override["properties"]
        if value["id"] == "mappings"
    }
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    labels = [name for name in order if not name.startswith("Value")]
    for letter, target in zip("ABCDEFGHIJ", panel["targets"], strict=False):
        for series in await watchers.query(Scene.expression(target["expr"])):
            key = tuple(series["metric"].get(label, "") for label in labels)
            column = f"Value #{letter}" if f"Value #{letter}" in order else "Value"
            rows.setdefault(key, dict(zip(labels, key, strict=True)))[column] = float(series["value"][1])
    columns = sorted(order, key=order.__getitem__)
    first = next(column for column in columns if column.startswith("Value"))
    ranked = sorted(rows.values(), key=lambda row: -row.get(first, 0))[: max(3, round(panel["gridPos"]["h"] * 0.95))]
    step = 0.86 / (len(ranked) + 1)
    for across, column in enumerate(columns):
        right = column.startswith("Value")
        x = (across + (0.95 if right else 0.06)) / len(columns)
        head = names[column]
        for down, row in enumerate([None, *ranked]):
            text = (
                head
                if row is None
                else shown(row[column], units[head])
                if right and column in row
                else words.get(head, {}).get(row.get(column, ""), {}).get("text") or row.get(column, "–")
            )
            link = column in {"rule", "institution"} and row is not None
            back.text(
                x,
                0.86 - (down + 0.5) * step,
                text,
                ha="right" if right else "left",
                va="center",
                fontsize=9,
                color="#5b6874" if row is None else "#0f6b63" if link else "#17212b",
                weight="bold" if row is None else "normal",
            )
    back.set_xlim(0, 1)
    back.set_ylim(0, 1)


_DRAWERS: Final = {"stat": _stat, "timeseries": _lines, "bargauge": _bars, "heatmap": _heat, "table": _table}


async def page(url: str) -> bytes:
    """The live page as Chromium shows it."""
    with tempfile.TemporaryDirectory() as profile:
        async with browser(Path(profile)) as tab:
            await tab.show(width=1360, height=820, dark=False)
            await tab.open(f"{url}?lang=en")
            await tab.until("document.querySelectorAll('#rows tr').length > 5")
            return await tab.picture()


async def take(folder: Path) -> None:
    """Judge a region, then draw every dashboard in both languages, and take the page."""
    mpl.rcParams["font.family"] = ["DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC"]
    since = clock.now_s()
    async with judged_scene(SECONDS, port=PAGE_PORT) as scene:
        for lang in LANGUAGES:
            for path in sorted((FOLDER / lang).glob("*.json")):
                board = json.loads(path.read_text(encoding="utf-8"))
                await draw(scene.watchers, board, folder / f"dashboard-{path.stem}.{lang}.png", since + 15)
        (folder / "page.png").write_bytes(await page(scene.page))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target))
