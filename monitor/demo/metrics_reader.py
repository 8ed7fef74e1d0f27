"""Latency quantiles out of a worker's metrics page."""

import aiohttp
from prometheus_client.openmetrics.parser import text_string_to_metric_families

_METRIC = "claims_monitor_fact_latency_seconds"


async def latency_quantiles(url: str) -> tuple[int | None, int | None]:
    """Median and 99th percentile of the latency of facts about persons, milliseconds; None while unknown.

    Upper bounds of the histogram's buckets: what is shown is never better than what was measured.
    """
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.get(url + "/metrics") as response,
        ):
            text = await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return None, None
    buckets = []
    for family in text_string_to_metric_families(text):
        if family.name != _METRIC:
            continue
        for sample in family.samples:
            if sample.name.endswith("_bucket") and sample.labels.get("stage") == "persons":
                buckets.append((float(sample.labels["le"]), sample.value))  # noqa: PERF401 - reads better
    return _quantile(buckets, 0.5), _quantile(buckets, 0.99)


def _quantile(buckets: list[tuple[float, float]], quantile: float) -> int | None:
    total = max((count for _, count in buckets), default=0.0)
    if not total:
        return None
    for bound, count in sorted(buckets):
        if count >= quantile * total and bound != float("inf"):
            return round(bound * 1000)
    return None
