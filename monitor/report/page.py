"""The report as one HTML page. Languages are switched and dark mode is followed by its style alone."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from detectors.forest import SCALE
from detectors.model_part import ELSEWHERE
from detectors.model_reasons import CLAIMS, DAYS, Nouns
from monitor.model_summary import described
from monitor.ranking import Trial
from monitor.report.charts import Mark, Series, Text, bars, both, curve, histogram
from monitor.report.figures import Figures, figures
from monitor.training import Trained

_LITTLE: Final = 0.1
_MUCH: Final = 0.25
_MOST_DRIFT: Final = 1.0

_STYLE: Final = """
:root{color-scheme:light dark;--ground:#f3f5f6;--panel:#fff;--ink:#17212b;--quiet:#5b6874;--line:#dfe4e8;
--first:#0f6b63;--second:#b4552d;--high:#a61b29;
font:15px/1.5 system-ui,"Segoe UI","Noto Sans","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
@media(prefers-color-scheme:dark){:root{--ground:#10171c;--panel:#182228;--ink:#e4eaee;--quiet:#97a6b1;--line:#2a373f;
--first:#5cc6b9;--second:#f0a37f;--high:#ff9a9f}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.2rem;background:var(--ground);color:var(--ink)}
section{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:1rem 1.2rem;margin:1rem 0}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:1.6rem 0 0}h3{font-size:1.05rem;margin:0 0 .3rem}
p{margin:.3rem 0}.quiet{color:var(--quiet)}pre{overflow-x:auto;margin:.5rem 0;font-size:.87em}
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.93em}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
td.code{white-space:nowrap}td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}
.code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em;overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block;margin:.4rem 0}svg text{fill:var(--quiet);font-size:11px}
svg .label{fill:var(--ink)}.grid{stroke:var(--line)}.mark{stroke:var(--high);stroke-dasharray:4 3}
.area{stroke:none;fill-opacity:.35}.area.first,.bar.first{fill:var(--first)}.bar.high{fill:var(--high)}
.line{fill:none;stroke-width:1.6}.line.first{stroke:var(--first)}.line.second{stroke:var(--second)}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .8em}
.key.first{background:var(--first);opacity:.5}.key.second{background:var(--second)}
fieldset{border:0;padding:0;margin:0;float:right}
body:has(#zh:checked) .en,body:has(#en:checked) .zh{display:none}
@media print{fieldset{display:none}section{break-inside:avoid}}
"""


def report(trained: Trained) -> str:
    """The page on a fitted model; the same model and data give the same bytes."""
    model = trained.model
    parts = [
        "<!doctype html>",
        f'<html lang="zh"><head><meta charset="utf-8"><title>{escape(model.version)}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        '<fieldset><label><input type="radio" name="language" id="zh" checked> 中文</label>',
        '<label><input type="radio" name="language" id="en"> English</label></fieldset>',
        f"<h1>{_said('异常模型', 'Anomaly model')} <span class='code'>{escape(model.version)}</span></h1>",
        f"<section><pre>{escape(described(model))}</pre></section>",
    ]
    settings = model.settings
    parts.append(_heading("结算", "Settlements"))
    parts += _part(figures(model.claims, trained.fitted, trained.judged, settings, CLAIMS), CLAIMS)
    parts += _queue(trained.trial)
    parts.append(_heading("机构日", "Institution-days"))
    if model.days is None:
        text = _said(
            "机构日太少，未训练；outlier-institution 不会提示。",
            "Too few institution-days to fit on; outlier-institution stays quiet.",
        )
        parts.append(f"<section><p>{text}</p></section>")
    else:
        parts += _part(figures(model.days, trained.fitted_days, trained.judged_days, settings, DAYS), DAYS)
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _said(zh: str, en: str) -> str:
    return both(Text(zh, en))


def _heading(zh: str, en: str) -> str:
    return f"<h2>{_said(zh, en)}</h2>"


def _section(title: Text, says: Text, *inner: str) -> str:
    return f"<section><h3>{both(title)}</h3>{both(says, 'p')}{''.join(inner)}</section>"


def _part(shown: Figures, nouns: Nouns) -> Iterator[str]:
    limit = Mark(shown.part.threshold(ELSEWHERE) / SCALE, Text("阈值", "threshold"))
    yield _scores(shown, limit, nouns)
    yield _budget(shown, limit)
    yield _outliers(shown, nouns)
    yield _stability(shown)
    yield _drift(shown)


def _scores(shown: Figures, limit: Mark, nouns: Nouns) -> str:
    given = shown.distribution
    series = [Series("first", given.fitted)]
    keys = [_key("first", f"训练的{nouns.zh}", f"{nouns.en} fitted on")]
    if given.judged is not None:
        series.append(Series("second", given.judged))
        keys.append(_key("second", f"留出的{nouns.zh}", f"{nouns.en} held out"))
    title = Text("分数分布", "Distribution of scores")
    axis = Text(
        "分数（0.5 为平常，越高越异常）；纵轴为占比 %", "score (0.5 is usual, higher is more unusual); share in %"
    )
    says = Text(
        "两条分布应当重合；阈值应在右侧尾部。",
        "The two should lie on each other; the threshold belongs in the right tail.",
    )
    return _section(title, says, *keys, histogram(title, axis, given.edges, series, [limit], shown=_score))


def _key(style: str, zh: str, en: str) -> str:
    return f'<span class="key {style}"></span>{_said(zh, en)}'


def _score(value: float) -> str:
    return f"{value:.2f}"


def _budget(shown: Figures, limit: Mark) -> str:
    title = Text("各阈值下每天的疑点数", "Alerts a day at each threshold")
    axis = Text("阈值；纵轴为每天疑点数（全部地区）", "threshold; alerts a day, all regions")
    whole = "".join(
        f"<tr><td class='code'>{escape(region) or '–'}</td><td class='number'>{limit_ / SCALE:.6f}</td></tr>"
        for region, limit_ in shown.part.thresholds.items()
    )
    head = f"<tr><th>{_said('地区', 'region')}</th><th class='number'>{_said('阈值', 'threshold')}</th></tr>"
    says = Text(
        f"按 {shown.days} 天 {shown.rows} 行计算。“–” 是没有自己阈值的地区。",
        f"Over {shown.rows} rows of {shown.days} days. “–” holds where a region has no threshold of its own.",
    )
    drawn = curve(
        title, axis, shown.budget.thresholds, shown.budget.a_day, 1 / max(shown.days, 1), [limit], shown=_score
    )
    return _section(title, says, drawn, f"<div class='wide'><table>{head}{whole}</table></div>")


def _outliers(shown: Figures, nouns: Nouns) -> str:
    heads = ((nouns.zh, nouns.en), ("地区", "region"), ("分数", "score"), ("理由", "reasons"))
    rows = ["<tr>" + "".join(f"<th>{_said(*head)}</th>" for head in heads) + "</tr>"]
    for one in shown.outliers:
        why = _said("；".join(each.zh for each in one.reasons), "; ".join(each.en for each in one.reasons))
        over = f" {_said('超过阈值', 'over the threshold')}" if one.over else ""
        rows.append(
            f"<tr><td class='code'>{escape(one.name)}</td><td class='code'>{escape(one.region) or '–'}</td>"
            f"<td>{one.score / SCALE:.3f}{over}</td><td>{why}</td></tr>"
        )
    says = Text(
        "分数最高者，及推高分数的特征。请专业人员逐条判断是否合理。",
        "Those with the highest scores, and why. Does a reviewer agree?",
    )
    title = Text("最异常的", "The most unusual")
    return _section(title, says, f"<div class='wide'><table>{''.join(rows)}</table></div>")


def _stability(shown: Figures) -> str:
    heads = (("随机种子", "seed"), ("秩相关", "rank correlation"), ("最高分中相同者", "highest in common"))
    rows = ["<tr>" + "".join(f"<th>{_said(*head)}</th>" for head in heads) + "</tr>"]
    rows += [
        f"<tr><td>{one.seed}</td><td>{one.correlation:.3f}</td><td>{one.kept} / {one.top}</td></tr>"
        for one in shown.stability
    ]
    least = min((one.kept / one.top for one in shown.stability), default=1.0)
    says = Text(
        f"用其他种子重新训练后，最高分者至少 {least:.0%} 相同。低于七成：增加树的数量。",
        f"Fitted with other seeds, at least {least:.0%} of the highest are the same. Below 70 %: take more trees.",
    )
    return _section(Text("不同种子下的稳定性", "Stability over seeds"), says, f"<table>{''.join(rows)}</table>")


def _drift(shown: Figures) -> str:
    title = Text("特征漂移", "Drift of features")
    if not shown.drift:
        return _section(title, Text("没有留出的数据，无法比较。", "Nothing was held out to compare with."))
    named = sorted(shown.drift, key=lambda one: -one[1])
    says = Text(
        "留出的几天与训练数据之间的稳定性指数（PSI）：0.1 以下变化小，0.25 以上大。不足一周时，星期与时刻必然偏离。",
        "Population stability index of the held-out days against those fitted on: below 0.1 little, above 0.25 much. "
        "Under a week, hour and weekday always differ.",
    )
    return _section(title, says, bars(title, named, (_LITTLE, _MUCH), _MOST_DRIFT))


def _queue(trial: Trial | None) -> Sequence[str]:
    if trial is None:
        return ()
    title = Text("复核顺序", "Order of the review queue")
    known = Text(
        f"处理结果 {trial.given} 条；其中可用于训练的结算：属实 {trial.confirmed}，不属实 {trial.dismissed}，"
        f"来自 {trial.institutions} 家机构。",
        f"{trial.given} dispositions; of settlements at hand {trial.confirmed} found right, {trial.dismissed} found "
        f"wrong, of {trial.institutions} institutions.",
    )
    if trial.why_not:
        verdict = Text(f"未使用：{trial.why_not}", f"Not used: {trial.why_not}.")
        return [_section(title, known, both(verdict, "p"))]
    tried = Text(
        f"在留出机构上的平均精确率：重排 {trial.precision:.3f}，仅用分数 {trial.precision_plain:.3f}，"
        f"差值标准误 {trial.error:.3f}。",
        f"Average precision on held-out institutions: re-ranked {trial.precision:.3f}, the score alone "
        f"{trial.precision_plain:.3f}, standard error of the difference {trial.error:.3f}.",
    )
    if trial.ranker is None:
        verdict = Text(
            "未优于分数：复核顺序仍按分数。", "It does not beat the score: the queue stays in the order of scores."
        )
    else:
        verdict = Text(
            "优于分数：复核顺序按重排结果；疑点本身不变。", "It beats the score: it orders the queue; no alert changes."
        )
    return [_section(title, known, both(tried, "p"), both(verdict, "p"))]
