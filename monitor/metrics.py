"""Every metric of the monitor, each with its kind and meaning; the only place that names one.

No label ever carries a person. Institutions are named in `claims_monitor_institution_...` alone, and there only the
top N; places (region and level) are bounded too, so that a worker has at most some 3,000 series whatever it judges.
Base units: seconds, bytes, yuan, ratios.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from detectors.forest import SCALE
from detectors.model import Model
from detectors.model_part import ELSEWHERE
from detectors.model_set import ACTIVE, SHADOW
from monitor.account import Account
from monitor.records import Effects
from monitor.scoring import ForestScorer
from monitor.totals import Standing
from monitor.watched import Watched
from topics.money import FEN
from topics.times import DAY, UTC_OFFSET

LATENCY_BUCKETS: Final = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.13, 0.2, 0.26, 0.5, 1, 2, 5, 10, 30, 60)
"""Seconds; finest around the goals (half of the facts within 50 ms, 99 of 100 within 130 to 260 ms)."""
SLOW_S: Final = 0.26
"""A fact that took longer is named (topic, partition, offset) by an exemplar."""
BATCH_BUCKETS: Final = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
SCORE_BUCKETS: Final = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0)


class Metrics:
    """The metrics of one worker process."""

    def __init__(self) -> None:
        disable_created_metrics()  # a series a counter that nobody asks for
        self.registry = CollectorRegistry()
        r = self.registry
        self.facts = Counter(
            "claims_monitor_facts", "Facts by type and what became of them.", ["type", "outcome"], registry=r
        )
        self.quarantined = Counter(
            "claims_monitor_quarantined_records",
            "Records sent to a dead-letter topic.",
            ["topic", "reason"],
            registry=r,
        )
        self.alerts = Counter(
            "claims_monitor_alerts",
            "Alerts raised, revised and withdrawn (then with the severity they had).",
            ["rule", "severity", "action"],
            registry=r,
        )
        self.latency = Histogram(
            "claims_monitor_fact_latency_seconds",
            "From a fact's produced_at header to the commit of its alerts; facts without it are not measured.",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=r,
        )
        self.commit = Histogram(
            "claims_monitor_transaction_seconds",
            "Duration of a batch's transaction.",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=r,
        )
        self.judging = Histogram(
            "claims_monitor_judging_seconds",
            "Duration of judging a batch.",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=r,
        )
        self.batch = Histogram(
            "claims_monitor_batch_records", "Records in a batch.", ["stage"], buckets=BATCH_BUCKETS, registry=r
        )
        self.lag = Gauge("claims_monitor_lag_records", "Records not yet judged.", ["topic", "partition"], registry=r)
        self.watermark = Gauge(
            "claims_monitor_watermark_timestamp_seconds",
            "The clock of a partition (greatest tick) as Unix time; 0 before the first tick.",
            ["stage", "partition"],
            registry=r,
        )
        self.state_keys = Gauge(
            "claims_monitor_state_keys", "Values in the local state.", ["stage", "partition"], registry=r
        )
        self.state_bytes = Gauge(
            "claims_monitor_state_bytes", "Disk used by the local state.", ["stage", "partition"], registry=r
        )
        self.ready = Gauge(
            "claims_monitor_partition_ready",
            "1 when a partition is judged, 0 while it opens.",
            ["stage", "partition"],
            registry=r,
        )
        self.paused = Gauge(
            "claims_monitor_partition_paused",
            "1 while too many of its records were quarantined.",
            ["topic", "partition"],
            registry=r,
        )
        self.recovered = Counter(
            "claims_monitor_recovered_records", "Changelog records read while opening.", ["stage"], registry=r
        )
        self.recovery = Gauge(
            "claims_monitor_recovery_ratio",
            "How much of its changelog a partition has read while opening; 1 when it is done.",
            ["stage", "partition"],
            registry=r,
        )
        self.transactions_failed = Counter(
            "claims_monitor_transactions_failed", "Transactions that did not commit.", ["stage"], registry=r
        )
        self.swept = Counter(
            "claims_monitor_swept_keys", "Keys judged again after a late registry change.", ["stage"], registry=r
        )
        self.redelivered = Counter(
            "claims_monitor_redelivered_records",
            "Records that were delivered again and skipped; no part of the account.",
            ["stage", "partition"],
            registry=r,
        )
        self.accounts = Accounts()
        self.registry.register(self.accounts)
        self.partitions = Gauge(
            "claims_monitor_partitions", "Partitions that the workers of the group share, of both stages.", registry=r
        )
        self.restarts = Counter(
            "claims_monitor_restarts", "Times the parent process started this worker again after it failed.", registry=r
        )
        self.terms = Info("claims_monitor_terms", "The terms that are judged by; one for all workers.", registry=r)
        self.standing = Standing()
        self._scores = _Scores()
        r.register(self._scores)
        r.register(_Standing(self.standing))
        ProcessCollector(registry=r)

    def watch(self, watched: Watched) -> None:
        """Show what is watched of institutions."""
        self.registry.register(_Institutions(watched))

    def watch_disk(self, folder: Path) -> None:
        """Show the disk that holds the state."""
        self.registry.register(_Disk(folder))

    def watch_models(self, scorer: ForestScorer, now_s: Callable[[], float]) -> None:
        """Show, at each scrape, which models hold now and what they scored."""
        self.registry.register(_Models(scorer, now_s))

    def account(self, effects: Effects) -> None:
        """Count what a batch did, once its transaction has committed."""
        for (kind, outcome), count in effects.account.items():
            self.facts.labels(kind, outcome).inc(count)
        for rejected in effects.rejected:
            self.quarantined.labels(rejected.record.topic, rejected.why.reason).inc()
        for change in effects.alerts:
            severity = change.severity_before if change.action == "withdrawn" else change.alert.sev_deg
            self.alerts.labels(change.alert.rule_id, severity or "", change.action).inc(
                exemplar={"jr_id": change.alert.jr_id}
            )
        self._scores.add(effects.scores)

    def took(self, stage: str, seconds: float, record: tuple[str, int, int]) -> None:
        """Note how long a fact took from its producer to its alerts; a slow one is named.

        Args:
            stage: that judged it.
            seconds: it took.
            record: its topic, partition and offset.
        """
        topic, partition, offset = record
        exemplar = {"topic": topic, "partition": str(partition), "offset": str(offset)} if seconds > SLOW_S else None
        self.latency.labels(stage).observe(seconds, exemplar)

    def exposition(self) -> bytes:
        """All metrics as OpenMetrics text."""
        text: bytes = generate_latest(self.registry)
        return text

    def forget_partition(self, stage: str, partition: int, topics: Iterable[str]) -> None:
        """Drop the series of a partition that was given up."""
        for gauge in (self.watermark, self.state_keys, self.state_bytes, self.ready, self.recovery):
            gauge.remove_by_labels({"stage": stage, "partition": str(partition)})
        self.accounts.forget(stage, partition)
        for topic in topics:
            for gauge in (self.lag, self.paused):
                gauge.remove_by_labels({"topic": topic, "partition": str(partition)})


class Accounts(Collector):
    """The running accounts of the partitions that are open here.

    They come from the state, so they go on where they were after a restart or a change of the owner; the sum over all
    workers is exact. A partition is counted by its owner alone.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], tuple[Account, str]] = {}

    def put(self, stage: str, partition: int, account: Account, prefix: str) -> None:
        """Take in how the account of a partition stands; `prefix` is that of topic names."""
        self._held[stage, partition] = account, prefix

    def forget(self, stage: str, partition: int) -> None:
        """The partition was given up."""
        self._held.pop((stage, partition), None)

    def collect(self) -> Iterable[Metric]:
        """All accounts, at each scrape."""
        where = ["stage", "partition"]
        read = CounterMetricFamily(
            "claims_monitor_account_records_read",
            "Records of a source topic, each counted once: admitted + quarantined + ticks.",
            labels=["topic", "partition"],
        )
        records = CounterMetricFamily(
            "claims_monitor_account_records",
            "What became of the records of a source topic.",
            labels=["topic", "partition", "outcome"],
        )
        admitted = CounterMetricFamily(
            "claims_monitor_account_facts_admitted",
            "Distinct facts: live + reversed + voided + forgotten.",
            labels=where,
        )
        facts = GaugeMetricFamily(
            "claims_monitor_account_facts", "What distinct facts are now.", labels=[*where, "standing"]
        )
        repeats = CounterMetricFamily(
            "claims_monitor_account_repeats",
            "Facts that were known: duplicates, and versions of which one is superseded.",
            labels=[*where, "kind"],
        )
        differences = GaugeMetricFamily(
            "claims_monitor_account_differences",
            "Sums of the account that do not add up; 0 when all is well.",
            labels=where,
        )
        for (stage, number), (account, prefix) in sorted(self._held.items()):
            partition = str(number)
            for topic, of in account.records.items():
                read.add_metric([prefix + topic, partition], of.read)
                for outcome in ("admitted", "quarantined", "ticks"):
                    records.add_metric([prefix + topic, partition, outcome], getattr(of, outcome))
            admitted.add_metric([stage, partition], account.facts.admitted)
            for standing in ("live", "reversed", "voided", "forgotten"):
                facts.add_metric([stage, partition, standing], getattr(account.facts, standing))
            for kind in ("duplicates", "superseded"):
                repeats.add_metric([stage, partition, kind], getattr(account.facts, kind))
            differences.add_metric([stage, partition], len(list(account.differences())))
        return [read, records, admitted, facts, repeats, differences]


class _Scores(Collector):
    """The distribution of anomaly scores; counted in batches."""

    def __init__(self) -> None:
        self._bounds = np.array([round(bound * SCALE) for bound in SCORE_BUCKETS])
        self._counts = np.zeros(len(SCORE_BUCKETS) + 1, dtype=np.int64)
        self._sum = 0

    def add(self, scores: list[int]) -> None:
        """Count scores, fixed point."""
        if scores:
            self._counts += np.bincount(np.searchsorted(self._bounds, scores), minlength=len(self._counts))
            self._sum += sum(scores)

    def collect(self) -> Iterable[Metric]:
        """As a histogram."""
        totals = self._counts.cumsum().tolist()
        bounds = [*(str(float(bound)) for bound in SCORE_BUCKETS), "+Inf"]
        family = HistogramMetricFamily(
            "claims_monitor_claim_score_ratio", "Anomaly scores of settlements; 0.5 is usual, 1 is the most."
        )
        family.add_metric([], buckets=list(zip(bounds, totals, strict=True)), sum_value=self._sum / SCALE)
        yield family


class _Models(Collector):
    """The models that hold now, and what they scored in this process."""

    def __init__(self, scorer: ForestScorer, now_s: Callable[[], float]) -> None:
        self._scorer = scorer
        self._now_s = now_s

    def collect(self) -> Iterable[Metric]:
        """At each scrape."""
        models, watch = self._scorer.models, self._scorer.watch
        now = self._now_s()
        here = int(now) + UTC_OFFSET
        model = models.at(here)
        yield _gauge("claims_monitor_model_loaded", "1 when a model is at hand that holds now.", [((), bool(model))])
        yield _gauge(
            "claims_monitor_model_missing",
            "1 while the registry names a model that is not at hand: its settlements are not scored.",
            [((), models.lacks(here))],
        )
        if model is not None:
            yield from _of_model(model, now)
        named = [(role, found.version) for role in (ACTIVE, SHADOW) if (found := models.at(here, role)) is not None]
        yield _gauge(
            "claims_monitor_model_info",
            "1 for each model that holds now, by role and version.",
            [(each, 1) for each in named],
            ("role", "version"),
        )
        scored = CounterMetricFamily(
            "claims_monitor_scored_settlements", "Settlements scored, by model.", labels=["version"]
        )
        for version, count in sorted(watch.scored.items()):
            scored.add_metric([version], count)
        yield scored
        unscored = CounterMetricFamily(
            "claims_monitor_unscored_settlements",
            "Settlements not scored, by the version that was not at hand (none: switched off).",
            labels=["version"],
        )
        for version, count in sorted(watch.unscored.items()):
            unscored.add_metric([version], count)
        yield unscored
        compared = CounterMetricFamily(
            "claims_monitor_shadow_settlements",
            "Settlements scored by the model in the shadow too, by what the active one and it would say.",
            labels=["version", "active", "shadow"],
        )
        for (version, active, shadow), count in sorted(watch.compared.items()):
            compared.add_metric([version, _said(alert=active), _said(alert=shadow)], count)
        yield compared
        yield _gauge(
            "claims_monitor_feature_drift_psi",
            "Population stability index of each feature, and of the score, against the model's own data.",
            [] if model is None else [((feature,), index) for feature, index in watch.drift(model).items()],
            ("feature",),
        )
        shift = None if model is None else watch.shift(model)
        yield _gauge(
            "claims_monitor_score_shift_ratio",
            "Share of recent scores over the model's median, less a half; above 0: more looks unusual than it did.",
            [] if shift is None else [((), shift)],
        )


def _of_model(model: Model, now: float) -> Iterable[Metric]:
    trained_until = (model.last_day + 1) * DAY - UTC_OFFSET
    yield _gauge(
        "claims_monitor_model_age_seconds",
        "Time since the last day of the training data of the model that holds now.",
        [((), max(now - trained_until, 0))],
    )
    yield _gauge(
        "claims_monitor_model_threshold_ratio",
        "Scores of settlements above it make an alert, in regions without a threshold of their own.",
        [((), model.claims.threshold(ELSEWHERE) / SCALE)],
    )
    counts = model.claims.counts
    seen_over = counts.over_threshold / max(counts.held_out or counts.fitted, 1)
    yield _gauge(
        "claims_monitor_model_expected_ratio",
        "Share of settlements over the threshold that the model was set to have, at most.",
        [((), max(seen_over, model.settings.alerts_per_10k / 10_000))],
    )


def _said(*, alert: bool) -> str:
    return "alert" if alert else "quiet"


def _gauge(
    name: str, meaning: str, values: Iterable[tuple[Sequence[str], float]], labels: Sequence[str] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for label, value in values:
        family.add_metric(label, float(value))
    return family


class _Standing(Collector):
    """What stands, by rule and severity; exact over restarts, and the sum over all workers is the whole."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterable[Metric]:
        """Sums over the partitions of this process."""
        labels = ["rule", "severity"]
        alerts = GaugeMetricFamily("claims_monitor_standing_alerts", "Alerts that stand.", labels=labels)
        stake = GaugeMetricFamily("claims_monitor_at_stake_yuan", "Money at stake in standing alerts.", labels=labels)
        new = GaugeMetricFamily(
            "claims_monitor_new_today_alerts", "Alerts raised on the latest local day of record time.", labels=labels
        )
        new_money = GaugeMetricFamily(
            "claims_monitor_new_today_yuan", "Money at stake in them when they were raised.", labels=labels
        )
        for (rule, severity), total in sorted(self._standing.rules().items()):
            key = [rule, severity]
            alerts.add_metric(key, total.alerts)
            stake.add_metric(key, total.amount / FEN)
            new.add_metric(key, total.new)
            new_money.add_metric(key, total.new_amount / FEN)
        yield from (alerts, stake, new, new_money)


class _Institutions(Collector):
    """Places, and the institutions at the top: a bounded number of series."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterable[Metric]:
        """As last seen."""
        seen = self._watched.seen()
        place, one = ["region", "level"], ["institution", "region", "level"]
        rows: list[tuple[str, str, list[str], Mapping[tuple[str, ...], float]]] = [
            ("place_standing_alerts", "Alerts that stand, by place of the institution.", place, seen.alerts),
            ("place_at_stake_yuan", "Money at stake, by place of the institution.", place, seen.stake),
            ("place_new_today_alerts", "Alerts raised today, by place of the institution.", place, seen.new),
            ("place_new_today_yuan", "Money at stake in them when raised.", place, seen.new_money),
            ("institutions", "Institutions that have ever settled.", place, seen.institutions),
            (
                "institutions_silent",
                "Of these: settled on most days of a week, and neither yesterday nor today.",
                place,
                seen.silent,
            ),
            ("institution_at_stake_yuan", "Money at stake, top institutions of this worker.", one, seen.top_stake),
            ("institution_standing_alerts", "Alerts that stand, the same institutions.", one, seen.top_alerts),
            (
                "institution_quota_used_ratio",
                "Share of the running period's quota that is used; those that run ahead of time most.",
                [*one, "period"],
                seen.quota_used,
            ),
            (
                "institution_quota_elapsed_ratio",
                "Share of that period that has passed, today included.",
                [*one, "period"],
                seen.quota_elapsed,
            ),
            ("institution_week_fund_yuan", "Fund cost of the last 7 full days, fastest growing.", one, seen.week),
            ("institution_week_before_fund_yuan", "Fund cost of the 7 days before those.", one, seen.week_before),
        ]
        for name, meaning, labels, values in rows:
            family = GaugeMetricFamily(f"claims_monitor_{name}", meaning, labels=labels)
            for key, value in values.items():
                family.add_metric(list(key), value)
            yield family


class _Disk(Collector):
    """The disk that holds the local state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Asked at each scrape."""
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:  # not made yet
            return
        yield GaugeMetricFamily("claims_monitor_disk_free_bytes", "Free on the state's disk.", value=usage.free)
        yield GaugeMetricFamily("claims_monitor_disk_size_bytes", "Size of the state's disk.", value=usage.total)
