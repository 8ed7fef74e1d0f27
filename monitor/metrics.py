"""Every metric of the monitor, each with its kind and meaning; the only place that names one.

No label ever carries a person. Institutions appear in `claims_monitor_institution_at_stake_yuan` alone, and there
only the top N by money. Base units: seconds, bytes, yuan.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from detectors.model_set import ACTIVE, SHADOW
from monitor.records import AlertChange, Effects
from monitor.scoring import ForestScorer
from topics.money import FEN
from topics.times import DAY, UTC_OFFSET

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
        self._institutions = _TopInstitutions()
        self.registry.register(self._institutions)

    def watch_scores(self, scorer: ForestScorer, now_s: Callable[[], float]) -> None:
        """Show, at each scrape, which models score and what the scores look like."""
        self.registry.register(_Scores(scorer, now_s))

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
        for topic in topics:
            for gauge in (self.lag, self.paused):
                gauge.remove_by_labels({"topic": topic, "partition": str(partition)})


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


class _Scores(Collector):
    """Models and scores of this process."""

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
        known = models.known(here) or (models.named(here) is None and not models)
        yield _gauge(
            "claims_monitor_model_missing",
            "1 while the registry names a model that is not at hand: its settlements are not scored.",
            [((), not known)],
        )
        if model is not None:
            trained_until = (model.last_day + 1) * DAY - UTC_OFFSET
            yield _gauge(
                "claims_monitor_model_age_seconds",
                "Time since the last day of the model's training data.",
                [((), max(now - trained_until, 0))],
            )
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
            [((feature,), index) for feature, index in watch.drift().items()],
            ("feature",),
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
