"""Envoy's counts of users' requests as series of ours. Pure: its Prometheus text in, metric families out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from penstock_contracts import metric_names
from penstock_contracts.metric_names import GATEWAY_REQUEST_SECONDS, GATEWAY_REQUESTS, GATEWAY_RETRIED
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.envoy.bootstrap import REQUESTS_PREFIX

_COUNTS = f"envoy_{REQUESTS_PREFIX}_requests"
_TIMES = f"envoy_{REQUESTS_PREFIX}_ms"
_LONGEST_MS = 60_000.0
"""Buckets above say nothing: no request takes longer."""
_EVERYTHING = float("inf")


class UserRequests(Collector):
    """Requests, retried requests and times of some ModelDeployments; of one that is gone nothing is left.

    Of each there are series from its first request on.
    """

    def __init__(self, text: str, models: Collection[ModelKey]) -> None:
        """`text`: Envoy's."""
        self._families = {family.name: family for family in text_string_to_metric_families(text)}
        self._names = {str(key): key for key in models}

    def collect(self) -> Iterator[Metric]:
        """Give them."""
        counts = self._of(_COUNTS)
        yield _counter(GATEWAY_REQUESTS, _count_requests(counts))
        yield _counter(GATEWAY_RETRIED, _count_retries(counts))
        yield _times(self._of(_TIMES))

    def _of(self, name: str) -> list[tuple[ModelKey, Sample]]:
        family = self._families.get(name)
        samples = family.samples if family else ()
        return [(self._names[model], each) for each in samples if (model := each.labels["model"]) in self._names]


def _counter(metric: metric_names.Metric, totals: Counter[tuple[str, ...]]) -> Metric:
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, total in sorted(totals.items()):
        family.add_metric(labels, total)
    return family


def _count_requests(samples: Iterable[tuple[ModelKey, Sample]]) -> Counter[tuple[str, ...]]:
    totals: Counter[tuple[str, ...]] = Counter()
    for key, sample in samples:
        totals[key.namespace, key.name, sample.labels["revision"], sample.labels["code"]] += int(sample.value)
    return totals


def _count_retries(samples: Iterable[tuple[ModelKey, Sample]]) -> Counter[tuple[str, ...]]:
    totals: Counter[tuple[str, ...]] = Counter()
    for key, sample in samples:
        # Named with 0 from its first request on, so that the first retry is seen as a growth.
        totals[key.namespace, key.name] += int(sample.value) if int(sample.labels["tries"] or 0) > 1 else 0
    return totals


def _times(samples: Iterable[tuple[ModelKey, Sample]]) -> Metric:
    buckets: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for key, sample in samples:
        labels = (key.namespace, key.name, sample.labels["revision"])
        if sample.name.endswith("_sum"):
            sums[labels] = sample.value / 1000
        elif sample.name.endswith("_bucket"):
            bound = float(sample.labels["le"])
            if bound <= _LONGEST_MS or bound == _EVERYTHING:
                le = "+Inf" if bound == _EVERYTHING else str(bound / 1000)
                buckets.setdefault(labels, []).append((le, sample.value))
    wanted = GATEWAY_REQUEST_SECONDS
    family = HistogramMetricFamily(wanted.name, wanted.meaning, labels=wanted.labels)
    for timed, found in sorted(buckets.items()):
        family.add_metric(timed, found, sum_value=sums.get(timed, 0.0))
    return family
