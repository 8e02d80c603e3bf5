"""A drift monitor that counts pairs, and fails where it is told to."""

import asyncio
from collections.abc import Callable

from penstock_contracts.divergence import DIFFERENCE_BINS, DivergenceReport, DivergenceWish
from penstock_contracts.paired_quality import SHORTFALLS, PairedQualityReport, PairedQualityWish
from penstock_controller.ports import ResourceKey

Change = Callable[[], object]


class CountingMonitor:
    """Counts one pair more with each question."""

    def __init__(self) -> None:
        self.asked: list[tuple[ResourceKey, int]] = []
        self.error: Exception | None = None
        self.hanging: set[ResourceKey] = set()
        self.meanwhile: Change = lambda: None

    async def compare(self, key: ResourceKey, wish: DivergenceWish) -> DivergenceReport:
        await self._hear(key, wish.attempt)
        return DivergenceReport(
            namespace=key.namespace,
            name=key.name,
            attempt=wish.attempt,
            candidate="2",
            stable="1",
            since="2026",
            candidate_rows=0,
            stable_rows=0,
            pairs=len(self.asked),
            classified=0,
            flips=0,
            scored=0,
            total_difference=0.0,
            differences=(0,) * DIFFERENCE_BINS,
            scale=None,
            unscaled=0,
            unpredicted=0,
            repeated=0,
        )

    async def compare_quality(self, key: ResourceKey, wish: PairedQualityWish) -> PairedQualityReport:
        await self._hear(key, wish.attempt)
        return PairedQualityReport(
            namespace=key.namespace,
            name=key.name,
            attempt=wish.attempt,
            stage=wish.stage,
            candidate="2",
            stable="1",
            metric=wish.metric,
            since="2026",
            pairs=len(self.asked),
            labelled=0,
            unusable=0,
            unscaled=0,
            compared=0,
            candidate_value=None,
            stable_value=None,
            shortfalls=(0.0,) * len(SHORTFALLS),
            scale=None,
            positive="",
            older_pairs=0,
            older_labelled=0,
        )

    async def _hear(self, key: ResourceKey, attempt: int) -> None:
        self.asked.append((key, attempt))
        if key in self.hanging:
            await asyncio.Event().wait()
        self.meanwhile()
        if self.error:
            raise self.error
