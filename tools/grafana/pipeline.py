"""Pipeline health: whether facts flow, how fast they are judged, and what stands in the way."""

from tools.grafana.panels import AMBER, GREEN, JOB, RED, Board, Panel, Query, Step, Text

STAGE = Text("{{stage}}", "{{stage}}")


def _latency(quantile: float) -> str:
    return (
        f"histogram_quantile({quantile}, sum by (le) "
        f'(rate(claims_monitor_fact_latency_seconds_bucket{{{JOB}, stage="persons"}}[$__rate_interval])))'
    )


BOARD = Board(
    name="pipeline",
    title=Text("医保监测 · 管道健康", "Claims monitor · pipeline health"),
    says=Text(
        "吞吐、延迟、积压、时钟、隔离、状态、恢复、事务。",
        "Throughput, latency, lag, clocks, quarantine, state, recovery, transactions.",
    ),
    panels=(
        Panel(
            "stat",
            Text("工作进程", "Workers up"),
            Text("应答的工作进程数。", "Workers that answer."),
            Text("少于启动的数量。", "Fewer than were started."),
            Text("见运行手册 WorkerDown。", "See WorkerDown in the runbook."),
            [Query(f"sum(up{{{JOB}}})", Text("个", "workers"))],
            "short",
            4,
            4,
            (Step(None, RED), Step(1, GREEN)),
        ),
        Panel(
            "stat",
            Text("就绪分区", "Partitions ready"),
            Text("两个阶段中正在判断的分区份额。", "Share of the partitions of both stages that are judged."),
            Text("低于 100%。", "Below 100 %."),
            Text("见运行手册 PartitionsUnjudged。", "See PartitionsUnjudged in the runbook."),
            [
                Query(
                    f"sum(claims_monitor_partition_ready{{{JOB}}}) / max(claims_monitor_partitions{{{JOB}}})",
                    Text("就绪", "ready"),
                )
            ],
            "percentunit",
            4,
            4,
            (Step(None, RED), Step(1, GREEN)),
        ),
        Panel(
            "stat",
            Text("暂停分区", "Partitions paused"),
            Text("因隔离过多而暂停的分区。", "Paused since too many of their records were quarantined."),
            Text("大于零。", "Any."),
            Text("见运行手册 PartitionPaused。", "See PartitionPaused in the runbook."),
            [Query(f"sum(claims_monitor_partition_paused{{{JOB}}}) or vector(0)", Text("暂停", "paused"))],
            "short",
            4,
            4,
            (Step(None, GREEN), Step(1, RED)),
        ),
        Panel(
            "stat",
            Text("重启与失败的事务", "Restarts and failed transactions"),
            Text(
                "一小时内的重启次数与未提交的事务数。",
                "Restarts, and transactions that did not commit, within an hour.",
            ),
            Text("持续大于零。", "More than none for long."),
            Text(
                "见运行手册 WorkerRestarting、TransactionsFailing。",
                "See WorkerRestarting and TransactionsFailing in the runbook.",
            ),
            [
                Query(f"sum(increase(claims_monitor_restarts_total{{{JOB}}}[1h]))", Text("重启", "restarts")),
                Query(
                    f"sum(increase(claims_monitor_transactions_failed_total{{{JOB}}}[1h]))", Text("失败事务", "failed")
                ),
            ],
            "short",
            6,
            4,
            (Step(None, GREEN), Step(1, AMBER), Step(3, RED)),
        ),
        Panel(
            "stat",
            Text("磁盘剩余", "Disk left"),
            Text("状态所在磁盘剩余最少的工作进程。", "Of the worker with least of it, on the disk with its state."),
            Text("低于 10%。", "Below 10 %."),
            Text("见运行手册 DiskFilling。", "See DiskFilling in the runbook."),
            [
                Query(
                    f"min(claims_monitor_disk_free_bytes{{{JOB}}} / claims_monitor_disk_size_bytes{{{JOB}}})",
                    Text("剩余", "left"),
                )
            ],
            "percentunit",
            6,
            4,
            (Step(None, RED), Step(0.1, AMBER), Step(0.2, GREEN)),
        ),
        Panel(
            "timeseries",
            Text("吞吐（每秒，按类型）", "Throughput a second, by type"),
            Text("每秒接收的事实，按类型。", "Facts admitted a second, by type."),
            Text("某一类型归零，或总量低于平日一半。", "A type stops, or all is less than half of the usual."),
            Text("联系该接口的负责人。", "Ask those who run that interface."),
            [
                Query(
                    f'sum by (type) (rate(claims_monitor_facts_total{{{JOB}, type!~"tick|record", outcome="admitted"}}'
                    "[$__rate_interval]))",
                    Text("{{type}}", "{{type}}"),
                )
            ],
            "short",
            12,
            8,
            stacked=True,
        ),
        Panel(
            "timeseries",
            Text("延迟（产生到疑点提交）", "Latency from producer to alert"),
            Text(
                "中位数、第 90、99 百分位；目标为中位数 50 毫秒，第 99 百分位 130 至 260 毫秒。慢的记录由样本点指明。",
                "Median, 90th and 99th percentile; the goals are 50 ms and 130 to 260 ms. Exemplars name slow records.",
            ),
            Text("第 99 百分位超过 2 秒。", "The 99th percentile over 2 s."),
            Text("见运行手册 LatencyHigh。", "See LatencyHigh in the runbook."),
            [
                Query(_latency(0.5), Text("中位数", "median")),
                Query(_latency(0.9), Text("第 90 百分位", "90th percentile")),
                Query(_latency(0.99), Text("第 99 百分位", "99th percentile")),
            ],
            "s",
            12,
            8,
        ),
        Panel(
            "timeseries",
            Text("积压记录", "Lag"),
            Text("各主题尚未判断的记录。", "Records of each topic that are not judged yet."),
            Text("超过 2 万且不下降。", "Over 20,000 and not falling."),
            Text("见运行手册 LagGrowing。", "See LagGrowing in the runbook."),
            [Query(f"sum by (topic) (claims_monitor_lag_records{{{JOB}}})", Text("{{topic}}", "{{topic}}"))],
            "short",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("时钟落后", "Age of the clocks"),
            Text(
                "各阶段最慢分区的时钟落后于现在多少；回放时以数据中的时间为准。",
                "How far the slowest partition's clock of each stage lies behind now; in a replay it follows the data.",
            ),
            Text("实时运行时超过一分钟且在增加。", "Live: over a minute, and growing."),
            Text("见运行手册 WatermarkStalled。", "See WatermarkStalled in the runbook."),
            [Query(f"time() - min by (stage) (claims_monitor_watermark_timestamp_seconds{{{JOB}}} > 0)", STAGE)],
            "s",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("隔离（每分钟，按主题与原因）", "Quarantined a minute, by topic and reason"),
            Text("进入死信主题的记录。", "Records that go to the dead-letter topics."),
            Text("任何原因持续出现。", "Any reason that goes on."),
            Text("查看死信主题记录头中的原因。", "Read the reason in the headers of the dead-letter topic's records."),
            [
                Query(
                    f"60 * sum by (topic, reason) "
                    f"(rate(claims_monitor_quarantined_records_total{{{JOB}}}[$__rate_interval]))",
                    Text("{{topic}} · {{reason}}", "{{topic}} · {{reason}}"),
                )
            ],
            "short",
            8,
            8,
            stacked=True,
        ),
        Panel(
            "timeseries",
            Text("批次耗时（第 99 百分位）", "Duration of a batch, 99th percentile"),
            Text("判断与事务各占多少。", "What judging and the transaction take of it."),
            Text(
                "事务慢是代理的问题，判断慢是工作进程的问题。",
                "Slow transactions point at the brokers, slow judging at the worker.",
            ),
            Text("代理：看磁盘与网络；工作进程：增加一个。", "Brokers: disk and network. Workers: start another."),
            [
                Query(
                    f"histogram_quantile(0.99, sum by (le) "
                    f"(rate(claims_monitor_judging_seconds_bucket{{{JOB}}}[$__rate_interval])))",
                    Text("判断", "judging"),
                ),
                Query(
                    f"histogram_quantile(0.99, sum by (le) "
                    f"(rate(claims_monitor_transaction_seconds_bucket{{{JOB}}}[$__rate_interval])))",
                    Text("事务", "transaction"),
                ),
            ],
            "s",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("事务（每秒）与批次大小", "Transactions a second and records a batch"),
            Text(
                "每秒提交的事务数，以及平均每批记录数。",
                "Transactions committed a second, and records a batch on average.",
            ),
            Text("事务归零而积压上升。", "No transactions while lag rises."),
            Text("查看工作进程日志和代理。", "Read the worker's log; look at the brokers."),
            [
                Query(
                    f"sum(rate(claims_monitor_transaction_seconds_count{{{JOB}}}[$__rate_interval]))",
                    Text("事务/秒", "transactions/s"),
                ),
                Query(
                    f"sum(rate(claims_monitor_batch_records_sum{{{JOB}}}[$__rate_interval]))"
                    f" / sum(rate(claims_monitor_batch_records_count{{{JOB}}}[$__rate_interval]))",
                    Text("每批记录", "records a batch"),
                ),
            ],
            "short",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("恢复（每秒变更日志记录）", "Recovery: changelog records read a second"),
            Text(
                "分区打开时从变更日志重建状态的速度；平时为零。",
                "How fast state is rebuilt while a partition opens; zero at other times.",
            ),
            Text("反复出现：工作进程在重启。", "Again and again: workers restart."),
            Text("见运行手册 WorkerRestarting。", "See WorkerRestarting in the runbook."),
            [Query(f"sum by (stage) (rate(claims_monitor_recovered_records_total{{{JOB}}}[$__rate_interval]))", STAGE)],
            "short",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("本地状态占用", "State on disk"),
            Text("各阶段本地状态占用的磁盘。", "Disk used by the local state of each stage."),
            Text("直线上升而人数不变。", "It rises steadily though persons do not."),
            Text("核对保留期限；规划磁盘。", "Check how long facts are kept; plan for disk."),
            [Query(f"sum by (stage) (claims_monitor_state_bytes{{{JOB}}})", STAGE)],
            "bytes",
            8,
            8,
        ),
        Panel(
            "timeseries",
            Text("工作进程的处理器", "Processor of the workers"),
            Text("每个工作进程使用的处理器核数。", "Cores that each worker uses."),
            Text("接近 1 且积压上升：该增加工作进程。", "Near 1 while lag rises: start another worker."),
            Text("增加一个工作进程（不超过分区数）。", "Start another worker, up to one a partition."),
            [
                Query(
                    f"rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval])", Text("{{instance}}", "{{instance}}")
                )
            ],
            "short",
            8,
            8,
        ),
    ),
)
