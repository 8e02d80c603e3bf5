"""Envoy's counts of users' requests as series of ours. Pure: its Prometheus text in, metric families out."""

from collections import Counter
from collections.abc import Collection, Iterable

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from penstock_contracts.metric_names import GATEWAY_REQUEST_SECONDS, GATEWAY_REQUESTS, GATEWAY_RETRIED
from penstock_gateway.bootstrap import REQUESTS_PREFIX
from penstock_gateway.world import Key

_COUNTS = f"envoy_{REQUESTS_PREFIX}_requests"
_TIMES = f"envoy_{REQUESTS_PREFIX}_ms"
_LONGEST_MS = 60_000.0
"""Buckets above say nothing: no request takes longer."""
_EVERYTHING = float("inf")


def user_requests(text: str, models: Collection[Key]) -> tuple[Metric, ...]:
    """Return requests, retried requests and times of these ModelDeployments; of one that is gone nothing is left.

    Of each there are series from its first request on.
    """
    families = {family.name: family for family in text_string_to_metric_families(text)}
    names = {str(key): key for key in models}
    counts = _of(families.get(_COUNTS), names)
    return (_requests(counts, names), _retried(counts, names), _times(_of(families.get(_TIMES), names), names))


def _of(family: Metric | None, names: Collection[str]) -> list[Sample]:
    return [sample for sample in (family.samples if family else ()) if sample.labels.get("model") in names]


def _requests(samples: Iterable[Sample], names: dict[str, Key]) -> Metric:
    totals: Counter[tuple[str, ...]] = Counter()
    for sample in samples:
        key = names[sample.labels["model"]]
        totals[key.namespace, key.name, sample.labels["revision"], sample.labels["code"]] += int(sample.value)
    family = CounterMetricFamily(GATEWAY_REQUESTS.name, GATEWAY_REQUESTS.meaning, labels=GATEWAY_REQUESTS.labels)
    for labels, total in sorted(totals.items()):
        family.add_metric(labels, total)
    return family


def _retried(samples: Iterable[Sample], names: dict[str, Key]) -> Metric:
    totals: Counter[tuple[str, ...]] = Counter()
    for sample in samples:
        key = names[sample.labels["model"]]
        # Named with 0 from its first request on, so that the first retry is seen as a growth.
        totals[key.namespace, key.name] += int(sample.value) if int(sample.labels["tries"] or 0) > 1 else 0
    family = CounterMetricFamily(GATEWAY_RETRIED.name, GATEWAY_RETRIED.meaning, labels=GATEWAY_RETRIED.labels)
    for labels, total in sorted(totals.items()):
        family.add_metric(labels, total)
    return family


def _times(samples: Iterable[Sample], names: dict[str, Key]) -> Metric:
    buckets: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for sample in samples:
        key = names[sample.labels["model"]]
        labels = (key.namespace, key.name, sample.labels["revision"])
        if sample.name.endswith("_sum"):
            sums[labels] = sample.value / 1000
        elif sample.name.endswith("_bucket"):
            bound = float(sample.labels["le"])
            if bound <= _LONGEST_MS or bound == _EVERYTHING:
                told = "+Inf" if bound == _EVERYTHING else str(bound / 1000)
                buckets.setdefault(labels, []).append((told, sample.value))
    wanted = GATEWAY_REQUEST_SECONDS
    family = HistogramMetricFamily(wanted.name, wanted.meaning, labels=wanted.labels)
    for timed, found in sorted(buckets.items()):
        family.add_metric(timed, found, sum_value=sums.get(timed, 0.0))
    return family
