"""Which Penstock this is, and the usual `process_*` series: of each worker by itself, whichever of them is asked.

Their sum would be wrong: workers share memory, and a replaced one begins its time on the processor anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from penstock_contracts.build import build_labels
from penstock_contracts.metric_names import BUILD_INFO


class ProcessSeries(Collector):
    """Reads /proc when somebody asks."""

    def __init__(self, processes: Callable[[], Sequence[int]]) -> None:
        """`processes` answers the process id of each worker, by its number; 0: not begun."""
        self._processes = processes

    def describe(self) -> Iterable[Family]:
        """Nothing in advance: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Family]:
        """The series of all workers, by label `worker`; nothing of one that has just died."""
        families: dict[str, Family] = {}
        for worker, process in enumerate(self._processes()):
            for family in _of(process) if process else ():
                shown = families.setdefault(family.name, Family(family.name, family.documentation, family.type))
                shown.samples += [sample._replace(labels={"worker": str(worker)}) for sample in family.samples]
        yield from families.values()


def _of(process: int) -> Iterable[Family]:
    return ProcessCollector(pid=lambda: process, registry=None).collect()


def add_process_series(registry: CollectorRegistry, processes: Callable[[], Sequence[int]]) -> None:
    """Have a registry tell of the build and of all workers."""
    info = Gauge(BUILD_INFO.name, BUILD_INFO.meaning, BUILD_INFO.labels, registry=registry)
    info.labels(*build_labels("predictor")).set(1)
    registry.register(ProcessSeries(processes))
