"""Rules and models: how often each rule speaks and takes it back, and what the scores look like."""

from tools.grafana.panels import (
    AMBER,
    GREEN,
    JOB,
    RED,
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

BY_RULE = Text("{{rule}}", "{{rule}}")


def _count(action: str) -> str:
    return f'sum by (rule) (claims_monitor_alerts_total{{{JOB}, action="{action}"}})'


BOARD = Board(
    name="rules",
    title=Text("医保监测 · 规则与模型", "Claims monitor · rules and models"),
    says=Text(
        "各规则的频率、更新与撤销，以及异常模型的分数分布、年龄和漂移。",
        "How often rules speak, revise and withdraw; scores, age and drift of the anomaly model.",
    ),
    panels=(
        Panel(
            "table",
            Text("各规则的变动（本次启动以来）", "Changes by rule since the workers started"),
            Text(
                "新增、更新和撤销的次数，以及撤销占新增的比例；点击规则进入实时页面。",
                "Alerts raised, revised and withdrawn, and those withdrawn for each raised; the name leads "
                "to the live page.",
            ),
            Text(
                "撤销比例超过三成：规则依据的数据常被更正。",
                "Over three in ten withdrawn: what the rule rests on is often corrected.",
            ),
            Text("考虑放宽时限，或推动上传方提高质量。", "Wait longer before judging, or have the senders improve."),
            [
                Query(_count("raised"), Text("新增", "Raised")),
                Query(_count("revised"), Text("更新", "Revised")),
                Query(_count("withdrawn"), Text("撤销", "Withdrawn")),
                Query(
                    f"({_count('withdrawn')} or 0 * {_count('raised')}) / {_count('raised')}",
                    Text("撤销比例", "Share withdrawn"),
                    "percentunit",
                ),
                Query(
                    f"sum by (rule) (claims_monitor_at_stake_yuan{{{JOB}}})",
                    Text("涉及金额（元）", "Yuan at stake"),
                    YUAN,
                ),
            ],
            width=14,
            height=12,
            labels=(("rule", RULE),),
            link="rule",
        ),
        Panel(
            "timeseries",
            Text("新增疑点（每分钟，按规则）", "Alerts raised a minute, by rule"),
            Text("各规则提出疑点的频率。", "How often each rule raises an alert."),
            Text("一条规则突然成倍增长或归零。", "A rule speaks many times as often, or not any more."),
            Text(
                "增长：看样例事实；归零：看其依据的数据是否仍在上传。",
                "More: look at some facts. None: is the data it reads still uploaded?",
            ),
            [
                Query(
                    f'60 * sum by (rule) (rate(claims_monitor_alerts_total{{{JOB}, action="raised"}}'
                    "[$__rate_interval]))",
                    BY_RULE,
                )
            ],
            "short",
            10,
            12,
        ),
        Panel(
            "timeseries",
            Text("更新与撤销（每分钟）", "Revisions and withdrawals a minute"),
            Text(
                "随更正、迟到数据和登记变更而来。", "They come with corrections, late data and changes of the registry."
            ),
            Text("高于新增数小时。", "Above the alerts raised for hours."),
            Text("查看最近的登记变更和更正批次。", "Look at the latest registry changes and corrections."),
            by_action("revised", "withdrawn"),
            "short",
            8,
            8,
        ),
        Panel(
            "bargauge",
            Text("成立疑点（按严重程度）", "Alerts standing by severity"),
            Text("1 明确违规，2 高度可疑，3 可疑。", "1 certain, 2 highly suspicious, 3 suspicious."),
            Text("3 级远多于其他：复核人员会被淹没。", "Far more of 3 than of the rest: reviewers drown."),
            Text("先处置 1 级；调整 3 级规则的参数。", "Decide on severity 1 first; tune the rules of severity 3."),
            by_severity("claims_monitor_standing_alerts"),
            "short",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("因登记变更重新判断（每秒）", "Keys judged again a second"),
            Text(
                "登记信息迟到变更后在后台重新判断的键。",
                "Keys judged again in the background after a late change of the registry.",
            ),
            Text("整日不为零。", "Not zero all day."),
            Text("把登记变更集中成批提交。", "Load changes of the registry in batches."),
            [
                Query(
                    f"sum by (stage) (rate(claims_monitor_swept_keys_total{{{JOB}}}[$__rate_interval]))",
                    Text("{{stage}}", "{{stage}}"),
                )
            ],
            "short",
            8,
            8,
        ),
        Panel(
            "heatmap",
            Text("分数分布", "Distribution of scores"),
            Text(
                "每段时间内结算的异常分数落在各区间的数量；0.5 为平常。",
                "How many settlements score in each range over time; 0.5 is usual.",
            ),
            Text("整体上移或变宽。", "It moves up or widens."),
            Text("见运行手册 ModelDrift。", "See ModelDrift in the runbook."),
            [
                Query(
                    f"sum by (le) (increase(claims_monitor_claim_score_ratio_bucket{{{JOB}}}[$__rate_interval]))",
                    Text("{{le}}", "{{le}}"),
                )
            ],
            "short",
            12,
            9,
        ),
        Panel(
            "timeseries",
            Text("分数分位数与阈值", "Quantiles of the score, and the threshold"),
            Text("中位数、第 99 百分位和模型阈值。", "Median, 99th percentile and the model's threshold."),
            Text(
                "第 99 百分位越过阈值：百分之一以上成为疑点。",
                "The 99th percentile passes the threshold: over one in a hundred is an alert.",
            ),
            Text(
                "核对数据单位与新目录；必要时重新训练。",
                "Check units and price lists of the data; train again if needed.",
            ),
            [
                Query(
                    f"histogram_quantile(0.5, sum by (le) "
                    f"(rate(claims_monitor_claim_score_ratio_bucket{{{JOB}}}[$__rate_interval])))",
                    Text("中位数", "median"),
                ),
                Query(
                    f"histogram_quantile(0.99, sum by (le) "
                    f"(rate(claims_monitor_claim_score_ratio_bucket{{{JOB}}}[$__rate_interval])))",
                    Text("第 99 百分位", "99th percentile"),
                ),
                Query(f"max(claims_monitor_model_threshold_ratio{{{JOB}}})", Text("阈值", "threshold")),
            ],
            "short",
            12,
            9,
        ),
        Panel(
            "table",
            Text("漂移：各特征的稳定性指数（最大的十二个）", "Drift: stability index by feature, twelve highest"),
            Text(
                "最近八天各特征的分布与训练数据相比（PSI）；异常分数本身也在其中。",
                "Distribution over the last eight days beside the training data (PSI), of each feature and the score.",
            ),
            Text("大于 0.25：该特征已明显不同；0.1 以下可忽略。", "Over 0.25: much has changed; below 0.1 is little."),
            Text(
                "先查该特征依据的数据（单位、编码、价格）；数据无误则重新训练。",
                "Look at the data it rests on (units, codes, prices) first; if that is right, train again.",
            ),
            [
                Query(
                    f"topk(12, max by (feature) (claims_monitor_feature_drift_psi{{{JOB}}}))",
                    Text("稳定性指数", "Stability index"),
                )
            ],
            width=12,
            height=10,
            labels=(("feature", Text("特征", "Feature")),),
        ),
        Panel(
            "timeseries",
            Text("漂移随时间的变化（最大的五个特征）", "Drift over time, five highest features"),
            Text("稳定性指数是突然跳升还是缓慢上升。", "Whether the index jumps or creeps."),
            Text(
                "跳升：数据口径变了；缓慢上升：诊疗在变。", "A jump: data are made otherwise. Creeping: care changes."
            ),
            Text("见运行手册 FeatureDrift。", "See FeatureDrift in the runbook."),
            [
                Query(
                    f"topk(5, max by (feature) (claims_monitor_feature_drift_psi{{{JOB}}}))",
                    Text("{{feature}}", "{{feature}}"),
                )
            ],
            "short",
            12,
            10,
        ),
        Panel(
            "stat",
            Text("模型年龄", "Age of the model"),
            Text("距训练数据最后一天的时间。", "Time since the last day of its training data."),
            Text("超过半年。", "Over half a year."),
            Text("用近期数据重新训练。", "Train a new one on recent facts."),
            [Query(f"max(claims_monitor_model_age_seconds{{{JOB}}})", Text("年龄", "age"))],
            "s",
            6,
            5,
            (Step(None, GREEN), Step(120 * 86_400, AMBER), Step(180 * 86_400, RED)),
        ),
        Panel(
            "stat",
            Text("漂移：实际异常比例 / 预期", "Drift: share of outliers over the expected"),
            Text(
                "一小时内异常结算的比例与模型设定之比。",
                "Outliers among the last hour's settlements, over what the model was set to find.",
            ),
            Text("大于 10。", "Over 10."),
            Text("见运行手册 ModelDrift。", "See ModelDrift in the runbook."),
            [
                Query(
                    f"job:claims_monitor_outliers:ratio1h{{{JOB}}} / on (job) max by (job) "
                    f"(claims_monitor_model_expected_ratio{{{JOB}}})",
                    Text("倍", "times"),
                )
            ],
            "short",
            6,
            5,
            (Step(None, GREEN), Step(3, AMBER), Step(10, RED)),
        ),
        Panel(
            "stat",
            Text("每秒评分", "Settlements scored a second"),
            Text("模型每秒评分的结算。", "Settlements that the model scores a second."),
            Text("为零：没有加载模型。", "Zero: no model is loaded."),
            Text("用 --model 启动工作进程。", "Start the workers with --model."),
            [
                Query(
                    f"sum(rate(claims_monitor_claim_score_ratio_count{{{JOB}}}[$__rate_interval]))",
                    Text("条/秒", "a second"),
                )
            ],
            "short",
            6,
            5,
        ),
        Panel(
            "stat",
            Text("条款版本数", "Sets of terms in use"),
            Text("各工作进程所用条款的不同版本数。", "How many different sets of terms the workers judge by."),
            Text("大于一。", "More than one."),
            Text("见运行手册 TermsDiffer。", "See TermsDiffer in the runbook."),
            [Query(f"count(count by (terms_id) (claims_monitor_terms_info{{{JOB}}}))", Text("套", "sets"))],
            "short",
            6,
            5,
            (Step(None, GREEN), Step(2, RED)),
        ),
    ),
)
