"""Overview: money first."""

from tools.grafana.panels import (
    AMBER,
    GREEN,
    JOB,
    LEVEL,
    MONEY,
    PLACE,
    RED,
    REGION,
    RULE,
    YUAN,
    Board,
    Panel,
    Query,
    Step,
    Text,
    by_action,
    by_severity,
)

BOARD = Board(
    name="overview",
    title=Text("医保监测 · 总览", "Claims monitor · overview"),
    says=Text(
        "先看金额：当前涉及多少、今日新增多少、来自哪些规则和地区。",
        "Money first: at stake, new today, by rule and place.",
    ),
    places=True,
    panels=(
        Panel(
            "stat",
            Text("涉及金额", "Money at stake"),
            Text("所有成立疑点涉及的金额之和。", "The money in all alerts that stand."),
            Text("一小时内增加一成以上。", "A tenth more within an hour."),
            Text(
                "看下方按规则的表，点击规则进入实时页面。",
                "Find the rule in the table below; its name leads to the live page.",
            ),
            [Query(f"sum(claims_monitor_place_at_stake_yuan{{{PLACE}}})", Text("元", "yuan"))],
            MONEY,
            5,
            4,
        ),
        Panel(
            "stat",
            Text("今日新增金额", "New money today"),
            Text("今日新增疑点在提出时涉及的金额。", "The money in alerts raised today, as they were raised."),
            Text("明显高于平日同一时刻。", "Far above other days at this hour."),
            Text(
                "先核对是否有补传或重复上传，再看具体规则。",
                "Look for data uploaded late or twice first, then at the rules.",
            ),
            [Query(f"sum(claims_monitor_place_new_today_yuan{{{PLACE}}})", Text("元", "yuan"))],
            MONEY,
            5,
            4,
        ),
        Panel(
            "stat",
            Text("成立疑点", "Alerts standing"),
            Text("当前成立、未撤销的疑点数。", "Alerts that stand and were not withdrawn."),
            Text("持续上升而无人处置。", "It rises for days and nobody decides on them."),
            Text("安排复核人员。", "Put reviewers on it."),
            [Query(f"sum(claims_monitor_place_standing_alerts{{{PLACE}}})", Text("疑点", "alerts"))],
            "short",
            4,
            4,
        ),
        Panel(
            "stat",
            Text("今日新增疑点", "New alerts today"),
            Text("今日提出的疑点数。", "Alerts raised today."),
            Text("为零而事实正常到达，或成倍增长。", "None though facts arrive, or many times the usual."),
            Text("为零时看管道看板；成倍时看是哪条规则。", "None: see the pipeline dashboard. Many: see which rule."),
            [Query(f"sum(claims_monitor_place_new_today_alerts{{{PLACE}}})", Text("疑点", "alerts"))],
            "short",
            4,
            4,
        ),
        Panel(
            "stat",
            Text("每秒事实", "Facts a second"),
            Text(
                "各工作进程每秒接收的事实（不含时钟记录）。",
                "Facts admitted a second by all workers, ticks not counted.",
            ),
            Text("工作时间内为零。", "Zero in working hours."),
            Text("见运行手册 NoFacts。", "See NoFacts in the runbook."),
            [
                Query(
                    f'sum(rate(claims_monitor_facts_total{{{JOB}, type!~"tick|record", outcome="admitted"}}'
                    "[$__rate_interval]))",
                    Text("条/秒", "facts/s"),
                )
            ],
            "short",
            3,
            4,
        ),
        Panel(
            "stat",
            Text("系统告警", "Alerts of the monitor"),
            Text("正在触发的 Prometheus 告警数。", "Prometheus alerts that fire now."),
            Text("大于零。", "More than none."),
            Text("按告警名称查运行手册。", "Look each up in the runbook by its name."),
            [
                Query(
                    'count(ALERTS{alertstate="firing", alertname=~"ClaimsMonitor.+"}) or vector(0)',
                    Text("告警", "firing"),
                )
            ],
            "short",
            3,
            4,
            (Step(None, GREEN), Step(1, RED)),
        ),
        Panel(
            "timeseries",
            Text("涉及金额（按严重程度）", "Money at stake by severity"),
            Text("1 明确违规，2 高度可疑，3 可疑。", "1 certain, 2 highly suspicious, 3 suspicious."),
            Text(
                "1 级突然抬升；或突然下降（事实被大量更正）。",
                "Severity 1 rises suddenly; or all falls (facts were corrected in bulk).",
            ),
            Text("点开按规则的表，找出变化的规则。", "Find the rule that changed in the table by rule."),
            by_severity("claims_monitor_at_stake_yuan"),
            MONEY,
            12,
            8,
            stacked=True,
        ),
        Panel(
            "timeseries",
            Text("涉及金额（按统筹区和级别）", "Money at stake by place"),
            Text("按机构所在统筹区和级别。", "By region and level of the institutions."),
            Text("一个地区独自上升。", "One region rises alone."),
            Text(
                "用上方变量收窄到该地区，再看机构看板。",
                "Narrow to it with the variables above and go to the institutions dashboard.",
            ),
            [
                Query(
                    f"sum by (region, level) (claims_monitor_place_at_stake_yuan{{{PLACE}}})",
                    Text("{{region}} · {{level}}", "{{region}} · {{level}}"),
                )
            ],
            MONEY,
            12,
            8,
        ),
        Panel(
            "table",
            Text("按规则", "By rule"),
            Text(
                "每条规则的金额、成立数和今日新增；点击规则进入实时页面。",
                "Money, alerts standing and new today of each rule; its name leads to the live page.",
            ),
            Text(
                "一条规则占了大部分，或今日新增远高于成立数的比例。",
                "One rule has most of it, or far more new today than usual.",
            ),
            Text(
                "先看几条原始事实：是真实问题、数据故障，还是参数过严？",
                "Look at some of its facts: a real matter, a data fault, or a limit too tight?",
            ),
            [
                Query(
                    f"sum by (rule) (claims_monitor_at_stake_yuan{{{JOB}}})",
                    Text("涉及金额（元）", "Yuan at stake"),
                    YUAN,
                ),
                Query(f"sum by (rule) (claims_monitor_standing_alerts{{{JOB}}})", Text("成立", "Standing")),
                Query(f"sum by (rule) (claims_monitor_new_today_alerts{{{JOB}}})", Text("今日新增", "New today")),
            ],
            width=12,
            height=11,
            labels=(("rule", RULE),),
            link="rule",
        ),
        Panel(
            "table",
            Text("按统筹区和级别", "By region and level"),
            Text("各地区、各级别机构的金额和疑点。", "Money and alerts of the institutions of a region and level."),
            Text("与机构数不成比例。", "Out of proportion to its number of institutions."),
            Text("收窄到该地区后看机构看板。", "Narrow to it and go to the institutions dashboard."),
            [
                Query(
                    f"sum by (region, level) (claims_monitor_place_at_stake_yuan{{{PLACE}}})",
                    Text("涉及金额（元）", "Yuan at stake"),
                    YUAN,
                ),
                Query(
                    f"sum by (region, level) (claims_monitor_place_standing_alerts{{{PLACE}}})",
                    Text("成立", "Standing"),
                ),
                Query(
                    f"sum by (region, level) (claims_monitor_institutions{{{PLACE}}})", Text("机构数", "Institutions")
                ),
            ],
            width=12,
            height=11,
            labels=(("region", REGION), ("level", LEVEL)),
        ),
        Panel(
            "timeseries",
            Text("疑点变动（每分钟）", "Changes of alerts a minute"),
            Text("新增、更新、撤销的疑点。", "Alerts raised, revised and withdrawn."),
            Text(
                "撤销多于新增：大量更正或登记信息变动。",
                "More withdrawn than raised: corrections in bulk, or a change of the registry.",
            ),
            Text("核对最近的更正批次和登记变更。", "Look at the latest corrections and registry changes."),
            by_action("raised", "revised", "withdrawn"),
            "short",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("数据故障：按原因隔离", "Data faults: quarantined by reason"),
            Text(
                "每分钟进入死信主题的记录，按原因。", "Records a minute that go to the dead-letter topics, by reason."
            ),
            Text("任何原因持续出现。", "Any reason that goes on."),
            Text(
                "把原因告知上传方；修复后重放。", "Tell the sender the reason; play the facts again when it is mended."
            ),
            [
                Query(
                    f"60 * sum by (reason) (rate(claims_monitor_quarantined_records_total{{{JOB}}}[$__rate_interval]))",
                    Text("{{reason}}", "{{reason}}"),
                )
            ],
            "short",
            8,
            8,
            stacked=True,
        ),
        Panel(
            "stat",
            Text("隔离比例", "Share quarantined"),
            Text("最近五分钟被隔离的记录比例。", "Share of the last five minutes' records that were quarantined."),
            Text("超过 1%；5% 时分区会暂停。", "Over 1 %; at 5 % a partition is paused."),
            Text("见运行手册 QuarantineRising。", "See QuarantineRising in the runbook."),
            [Query(f"sum(job:claims_monitor_quarantined:ratio5m{{{JOB}}}) >= 0 or vector(0)", Text("比例", "share"))],
            "percentunit",
            8,
            8,
            (Step(None, GREEN), Step(0.01, AMBER), Step(0.05, RED)),
        ),
    ),
)
