"""`POST /predict` of a model whose columns are looked up: a row that gives entity keys may lack them.

Loaded where there is such a model and a feature store.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from penstock_contracts.names import HEADER_FEATURES
from penstock_predictor.errors import RequestError, as_refusal
from penstock_predictor.features.completed_rows import CompletedRows
from penstock_predictor.features.lookups import FeatureLookups
from penstock_predictor.features.plan import Found, Key
from penstock_predictor.http.body import check_content_type
from penstock_predictor.http.exchange import Exchange, HttpCall
from penstock_predictor.http.predict import PredictCall, Predictions, PredictRoute, PredictRows, parse_rows
from penstock_predictor.http.reply import Reply
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.serving.call import CallOutputs, LookupNotes
from penstock_predictor.serving.runtime import Offload

_HEADER: Final = HEADER_FEATURES.encode()
_T = TypeVar("_T")
_Asked = tuple[PredictRows, Mapping[int, Key]]
"""A request's rows, and by their places the keys of those that lack a column."""
_Run = Callable[[Callable[[], _T], Callable[[_T], None], Callable[[RequestError], None]], None]
Then = Callable[[HttpCall], None]
Otherwise = Callable[[RequestError], None]


def _run_here(job: Callable[[], _T], then: Callable[[_T], None], otherwise: Otherwise) -> None:
    """As `Offload.run` does, on the event loop."""
    try:
        result = job()
    except Exception as error:  # noqa: BLE001 - its place would be taken for ever
        otherwise(as_refusal(error))
    else:
        then(result)


class LookedUpCall(PredictCall):
    """A call whose answer says what was looked up."""

    __slots__ = ("completed",)

    def __init__(
        self,
        exchange: Exchange,
        offload: Offload,
        *,
        feeds: Feeds,
        outputs: tuple[str, ...],
        rows: PredictRows,
        predictions: Predictions,
        completed: CompletedRows,
    ) -> None:
        super().__init__(exchange, offload, feeds=feeds, outputs=outputs, rows=rows, predictions=predictions)
        self.completed = completed

    def looked_up(self) -> LookupNotes:
        """For records."""
        return self.completed

    def encode(self, part: CallOutputs) -> Reply:
        """The predictions, with the header. Raises InferenceFailed where an output has not one entry a row."""
        reply = super().encode(part)
        return Reply(reply.body, extra=((_HEADER, self.completed.header()),))


class LookedUpRoute(PredictRoute):
    """Reads rows, and completes those that lack columns."""

    def __init__(self, model: ServedModel, offload: Offload, label: str, lookups: FeatureLookups) -> None:
        super().__init__(model, offload, label)
        self._lookups = lookups

    def takes_long(self, _: Exchange) -> bool:
        """It may have to wait: whether a row lacks a column is known once it is read."""
        return True

    def read_later(self, exchange: Exchange, offload: Offload, then: Then, otherwise: Otherwise) -> None:
        """Read here, or in the offload thread where there is much text; then look up what is lacking."""
        if super().takes_long(exchange):
            offload.run(
                lambda: self._asked(exchange),
                lambda asked: self._look_up(exchange, asked, offload.run, then, otherwise),
                otherwise,
            )
        else:
            _run_here(
                lambda: self._asked(exchange),
                lambda asked: self._look_up(exchange, asked, _run_here, then, otherwise),
                otherwise,
            )

    def _asked(self, exchange: Exchange) -> _Asked:
        check_content_type(exchange.headers.get(b"content-type"))
        rows = parse_rows(exchange.body)
        return rows, self._lookups.plan.keys(rows.rows)

    def _look_up(
        self, exchange: Exchange, asked: _Asked, run: "_Run[HttpCall]", then: Then, otherwise: Otherwise
    ) -> None:
        rows, keys = asked
        if not keys:
            run(lambda: self._call(exchange, rows, {}), then, otherwise)
            return

        def complete(found: Sequence[Found]) -> None:
            by_place = {place: (key, of) for (place, key), of in zip(keys.items(), found, strict=True)}
            run(lambda: self._call(exchange, rows, by_place), counted, otherwise)

        def counted(call: HttpCall) -> None:
            if isinstance(call, LookedUpCall):
                call.completed.count(self._lookups.metrics)
            then(call)

        self._lookups.submit(list(keys.values()), complete)

    def _call(self, exchange: Exchange, rows: PredictRows, found: Mapping[int, tuple[Key, Found]]) -> HttpCall:
        """A call of the rows with what was found for those that lacked something."""
        completed = self._lookups.plan.complete(rows.rows, found, time.time())
        feeds = self._model.columns.feeds(completed.rows)
        outputs = self._model.check(feeds, None)
        if not found:
            return PredictCall(
                exchange, self._offload, feeds=feeds, outputs=outputs, rows=rows, predictions=self._predictions
            )
        return LookedUpCall(
            exchange,
            self._offload,
            feeds=feeds,
            outputs=outputs,
            rows=rows,
            predictions=self._predictions,
            completed=completed,
        )
