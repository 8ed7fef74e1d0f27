"""Every metric of the monitor, each with its kind and meaning; the only place that names one.

No label ever carries a person. Institutions appear in `claims_monitor_institution_at_stake_yuan` alone, and there
only the top N by money. Base units: seconds, bytes, yuan.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from monitor.account import Account
from monitor.records import AlertChange, Effects
from topics.money import FEN

TOP_INSTITUTIONS: Final = 20
LATENCY_BUCKETS: Final = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.13, 0.2, 0.26, 0.5, 1, 2, 5, 10, 30, 60)
BATCH_BUCKETS: Final = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Metrics:
    """The metrics of one worker process."""

    def __init__(self) -> None:
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
            "claims_monitor_alerts", "Alerts raised, revised and withdrawn.", ["rule", "action"], registry=r
        )
        self.stake = Gauge(
            "claims_monitor_at_stake_yuan",
            "Change of the money at stake in standing alerts since this worker started, by rule.",
            ["rule"],
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
        self.model_age = Gauge(
            "claims_monitor_model_age_seconds", "Time since the last day of the model's training data.", registry=r
        )
        self.model_loaded = Gauge("claims_monitor_model_loaded", "1 when settlements are scored.", registry=r)
        self.redelivered = Counter(
            "claims_monitor_redelivered_records",
            "Records that were delivered again and skipped; no part of the account.",
            ["stage", "partition"],
            registry=r,
        )
        self.accounts = Accounts()
        self.registry.register(self.accounts)
        self._institutions = _TopInstitutions()
        self.registry.register(self._institutions)

    def account(self, effects: Effects) -> None:
        """Count what a batch did, once its transaction has committed."""
        for (kind, outcome), count in effects.account.items():
            self.facts.labels(kind, outcome).inc(count)
        for rejected in effects.rejected:
            self.quarantined.labels(rejected.record.topic, rejected.why.reason).inc()
        for change in effects.alerts:
            self.alerts.labels(change.alert.rule_id, change.action).inc()
            if change.amount_change:
                self.stake.labels(change.alert.rule_id).inc(change.amount_change / FEN)
        self._institutions.add(effects.alerts)

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


class _TopInstitutions(Collector):
    """Money at stake of the institutions that have most of it: a bounded number of series."""

    def __init__(self) -> None:
        self._fen: Tally[str] = Tally()

    def add(self, changes: Iterable[AlertChange]) -> None:
        """Add up what alerts changed."""
        for change in changes:
            if change.institution and change.amount_change:
                self._fen[change.institution] += change.amount_change

    def collect(self) -> Iterable[Metric]:
        """The top institutions, at each scrape."""
        family = GaugeMetricFamily(
            "claims_monitor_institution_at_stake_yuan",
            f"Change of the money at stake since this worker started, top {TOP_INSTITUTIONS} institutions.",
            labels=["institution"],
        )
        for institution, fen in self._fen.most_common(TOP_INSTITUTIONS):
            if fen > 0:
                family.add_metric([institution], fen / FEN)
        yield family
