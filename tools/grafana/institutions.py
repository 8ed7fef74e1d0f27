"""Institutions: quota against time, the top ones, growth, spikes, silence."""

from tools.grafana.panels import (
    AMBER,
    GREEN,
    INSTITUTION,
    JOB,
    LEVEL,
    MONEY,
    PLACE,
    RED,
    REGION,
    YUAN,
    Board,
    Panel,
    Query,
    Step,
    Text,
)

ONE = (("institution", INSTITUTION), ("region", REGION), ("level", LEVEL))
BY = "institution, region, level"
NAMED = Text("{{institution}}", "{{institution}}")

BOARD = Board(
    name="institutions",
    title=Text("医保监测 · 机构", "Claims monitor · institutions"),
    says=Text(
        "定额进度、金额与增长靠前的机构、费用骤增、静默机构。",
        "Quota against time, top institutions by money and growth, spikes, silent ones.",
    ),
    places=True,
    panels=(
        Panel(
            "stat",
            Text("机构数", "Institutions"),
            Text("曾有结算的机构。", "Institutions that have ever settled."),
            Text("突然变化：登记或编码有变。", "It jumps: the registry or the codes changed."),
            Text("核对登记信息。", "Check the registry."),
            [Query(f"sum(claims_monitor_institutions{{{PLACE}}})", Text("机构", "institutions"))],
            "short",
            4,
            4,
        ),
        Panel(
            "stat",
            Text("静默机构", "Silent institutions"),
            Text(
                "前一周多数日子有结算，昨日和今日却没有的机构数。",
                "Settled on most days of a week, and neither yesterday nor today.",
            ),
            Text("超过一成。", "Over a tenth of all."),
            Text(
                "见运行手册 InstitutionsSilent：先看是否集中在一个地区。",
                "See InstitutionsSilent in the runbook; is it one region?",
            ),
            [Query(f"sum(claims_monitor_institutions_silent{{{PLACE}}})", Text("静默", "silent"))],
            "short",
            5,
            4,
            (Step(None, GREEN), Step(1, AMBER), Step(5, RED)),
        ),
        Panel(
            "stat",
            Text("定额用完", "Quotas exhausted"),
            Text(
                "住院统筹费用已超过当期定额的疑点数。",
                "Alerts that an institution's inpatient cost has passed the quota of its period.",
            ),
            Text("期末之前出现。", "Any before the end of the period."),
            Text(
                "按协议，超出部分一般不予支付；提前约谈。", "What lies above is not paid as a rule; talk to it early."
            ),
            [
                Query(
                    f'sum(claims_monitor_standing_alerts{{{JOB}, rule="quota-exhausted"}}) or vector(0)',
                    Text("疑点", "alerts"),
                )
            ],
            "short",
            5,
            4,
            (Step(None, GREEN), Step(1, RED)),
        ),
        Panel(
            "stat",
            Text("定额进度超前", "Ahead of their quota"),
            Text("定额使用快于时间的疑点数。", "Alerts that a quota is used faster than time passes."),
            Text("逐月增加。", "More every month."),
            Text("重点监管名单。", "Put them under key supervision."),
            [
                Query(
                    f'sum(claims_monitor_standing_alerts{{{JOB}, rule="quota-progress"}}) or vector(0)',
                    Text("疑点", "alerts"),
                )
            ],
            "short",
            5,
            4,
            (Step(None, GREEN), Step(1, AMBER)),
        ),
        Panel(
            "stat",
            Text("费用骤增", "Cost spikes"),
            Text(
                "机构某日某项指标远高于自身平日的疑点数。",
                "Alerts that a day of an institution lies far above its own usual.",
            ),
            Text("同一天多家同时出现。", "Many on the same day."),
            Text("先排除补传和重复上传。", "Rule out data uploaded late or twice first."),
            [
                Query(
                    f'sum(claims_monitor_standing_alerts{{{JOB}, rule="cost-spike"}}) or vector(0)',
                    Text("疑点", "alerts"),
                )
            ],
            "short",
            5,
            4,
            (Step(None, GREEN), Step(1, AMBER)),
        ),
        Panel(
            "table",
            Text("定额使用与时间", "Quota used against time"),
            Text(
                "超前最多的机构：当期定额已用份额、已过时间份额及两者之比。",
                "Those furthest ahead: share of the quota used, share of the period passed, and the ratio of the two.",
            ),
            Text("比值大于 1.1；已用份额接近 100%。", "A ratio over 1.1; a share near 100 %."),
            Text(
                "点击机构看其疑点；与机构核对。", "The name leads to its alerts; go through them with the institution."
            ),
            [
                Query(
                    f"max by ({BY}, period) (claims_monitor_institution_quota_used_ratio{{{PLACE}}})"
                    f" / max by ({BY}, period) (claims_monitor_institution_quota_elapsed_ratio{{{PLACE}}})",
                    Text("已用/已过", "Used / passed"),
                ),
                Query(
                    f"max by ({BY}, period) (claims_monitor_institution_quota_used_ratio{{{PLACE}}})",
                    Text("定额已用", "Quota used"),
                    "percentunit",
                ),
                Query(
                    f"max by ({BY}, period) (claims_monitor_institution_quota_elapsed_ratio{{{PLACE}}})",
                    Text("时间已过", "Time passed"),
                    "percentunit",
                ),
            ],
            width=14,
            height=10,
            labels=(*ONE, ("period", Text("期间", "Period"))),
            link="institution",
        ),
        Panel(
            "bargauge",
            Text("定额已用（前十）", "Quota used, ten most"),
            Text("当期定额已用份额。", "Share of the running period's quota that is used."),
            Text("超过 100%。", "Over 100 %."),
            Text("见左表。", "See the table on the left."),
            [Query(f"topk(10, max by (institution) (claims_monitor_institution_quota_used_ratio{{{PLACE}}}))", NAMED)],
            "percentunit",
            10,
            10,
            (Step(None, GREEN), Step(0.9, AMBER), Step(1, RED)),
        ),
        Panel(
            "table",
            Text("金额靠前的机构", "Top institutions by money"),
            Text("成立疑点涉及金额最多的机构。", "Institutions with most money in alerts that stand."),
            Text("一家远超同级。", "One far above others of its level."),
            Text("点击机构，按规则查看其疑点。", "The name leads to its alerts; go through them by rule."),
            [
                Query(
                    f"topk(20, sum by ({BY}) (claims_monitor_institution_at_stake_yuan{{{PLACE}}}))",
                    Text("涉及金额（元）", "Yuan at stake"),
                    YUAN,
                ),
                Query(
                    f"topk(20, sum by ({BY}) (claims_monitor_institution_standing_alerts{{{PLACE}}}))",
                    Text("疑点", "Alerts"),
                ),
            ],
            width=12,
            height=10,
            labels=ONE,
            link="institution",
        ),
        Panel(
            "table",
            Text("增长靠前的机构", "Top institutions by growth"),
            Text(
                "统筹基金费用最近七天与之前七天相比。",
                "Fund cost of the last seven full days against the seven before.",
            ),
            Text("增长超过一成且连续数周。", "Over a tenth more, several weeks running."),
            Text("看是病人多了还是次均高了。", "Look whether patients or cost a patient grew."),
            [
                Query(
                    f"sum by ({BY}) (claims_monitor_institution_week_fund_yuan{{{PLACE}}})"
                    f" - sum by ({BY}) (claims_monitor_institution_week_before_fund_yuan{{{PLACE}}})",
                    Text("增加（元）", "Increase, yuan"),
                    YUAN,
                ),
                Query(
                    f"sum by ({BY}) (claims_monitor_institution_week_fund_yuan{{{PLACE}}})",
                    Text("近七天（元）", "Last week, yuan"),
                    YUAN,
                ),
                Query(
                    f"sum by ({BY}) (claims_monitor_institution_week_fund_yuan{{{PLACE}}})"
                    f" / sum by ({BY}) (claims_monitor_institution_week_before_fund_yuan{{{PLACE}}}) - 1",
                    Text("增幅", "Growth"),
                    "percentunit",
                ),
            ],
            width=12,
            height=10,
            labels=ONE,
            link="institution",
        ),
        Panel(
            "timeseries",
            Text("静默机构（按统筹区和级别）", "Silent institutions by place"),
            Text("静默机构数随时间的变化。", "Silent institutions over time."),
            Text("一个地区同时静默：网络或前置机故障。", "A whole region at once: its network or front-end processor."),
            Text("联系该地区经办机构。", "Ring up the region's office."),
            [
                Query(
                    f"sum by (region, level) (claims_monitor_institutions_silent{{{PLACE}}})",
                    Text("{{region}} · {{level}}", "{{region}} · {{level}}"),
                )
            ],
            "short",
            8,
            8,
            stacked=True,
        ),
        Panel(
            "timeseries",
            Text("金额最多的五家", "Five with most money"),
            Text("涉及金额随时间的变化。", "Their money at stake over time."),
            Text("一家陡增。", "One rises steeply."),
            Text("点击上表中的机构。", "Follow its link in the table above."),
            [Query(f"topk(5, sum by (institution) (claims_monitor_institution_at_stake_yuan{{{PLACE}}}))", NAMED)],
            MONEY,
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("机构类疑点（成立）", "Alerts about institutions"),
            Text(
                "定额、次均、骤增三类规则的成立疑点。",
                "Standing alerts of the rules on quota, average cost and spikes.",
            ),
            Text("骤增突然成批出现。", "Spikes come in a batch."),
            Text("核对上传批次。", "Look at the uploads of that day."),
            [
                Query(
                    f"sum by (rule) "
                    f'(claims_monitor_standing_alerts{{{JOB}, rule=~"quota-.+|avg-cost-growth|cost-spike"}})',
                    Text("{{rule}}", "{{rule}}"),
                )
            ],
            "short",
            8,
            8,
        ),
    ),
)
