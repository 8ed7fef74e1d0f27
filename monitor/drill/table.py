"""Which fault makes which alerting rule fire, and how far each has come.

A new rule needs a line here, and its fault in `faults.py`; a test holds the table against the rules.
"""

from dataclasses import dataclass
from typing import Final, Literal

from monitor.demo.watchers import JOB

State = Literal["waiting", "caused", "pending", "firing", "shown", "impossible"]

REGION: Final = "drill-region"
SPOILED: Final = "drill-spoiled"
SILENT: Final = "drill-silent"
REFUSED: Final = "drill-refused"


@dataclass
class Case:
    """One alerting rule and its fault.

    Attributes:
        rule: its name without `ClaimsMonitor`.
        job: of the workers that the fault befalls.
        zh: the fault in Chinese.
        en: the fault in English.
        state: how far it has come; `shown`: it fires in Prometheus and stands in Alertmanager.
        caused: when the fault was made, seconds of the monotonic clock; None before.
        took: seconds from the fault to Alertmanager, None before.
        severity: as the rule says, once it fires.
        runbook: as the rule says, once it fires.
        why: the fault could not be made, because of that.
    """

    rule: str
    job: str
    zh: str
    en: str
    state: State = "waiting"
    caused: float | None = None
    took: float | None = None
    severity: str = ""
    runbook: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        """Of the alert."""
        return f"ClaimsMonitor{self.rule}"


def cases() -> list[Case]:
    """All of them, nothing caused yet."""
    fen = ("上游把“分”当作“元”发送（金额放大一百倍）", "the source sends fen where yuan belong")
    spoiled = ("上游发来大量无法读取的记录", "the source sends records that nobody can read")
    return [
        Case("TermsDiffer", JOB, "两个工作进程中只有一个换了条款", "one worker of two has been given later terms"),
        Case("WorkerDown", JOB, "杀死一个工作进程（kill -9）", "one worker is killed (kill -9)"),
        Case("PartitionsUnjudged", JOB, "它的分区尚无人接手", "nobody has its partitions yet"),
        Case("NoWorkers", JOB, "杀死最后一个工作进程", "the last worker is killed"),
        Case("WorkerRestarting", REFUSED, "工作进程一再失败", "the worker fails again and again"),
        Case(
            "TransactionsFailing",
            REFUSED,
            "Kafka 拒绝写入变更日志（max.message.bytes 过小）",
            "the broker refuses the changelog (max.message.bytes too small)",
        ),
        Case("QuarantineRising", SPOILED, *spoiled),
        Case("PartitionPaused", SPOILED, *spoiled),
        Case("LagGrowing", SPOILED, "分区暂停后记录不断堆积", "records pile up behind the paused partition"),
        Case("NoFacts", SILENT, "上游停止发送", "the source stops"),
        Case("WatermarkStalled", SILENT, "时钟记录（tick）停止", "the ticks stop"),
        Case("DiskFilling", SILENT, "状态所在磁盘几乎写满", "the state's disk is nearly full"),
        Case("LatencyHigh", REGION, "工作进程冻结六秒（SIGSTOP）", "the worker is frozen for six seconds (SIGSTOP)"),
        Case("ModelTooOld", SILENT, "模型的训练数据止于 260 天前", "the model's data ends 260 days ago"),
        Case("ModelMissing", SPOILED, "启用了从未发布的模型", "a model is switched on that was never published"),
        Case("ModelDrift", REGION, *fen),
        Case("FeatureDrift", REGION, *fen),
        Case("ScoreShift", REGION, *fen),
        Case("QuotaExhausted", REGION, *fen),
        Case("CostSpikes", REGION, *fen),
        Case(
            "InstitutionsSilent",
            REGION,
            "四分之三的机构两天没有上传",
            "three institutions of four upload nothing for two days",
        ),
    ]
