"""What the routes share: the model, when there is one, and the way a request goes through it."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import Request, Response

from penstock_predictor.admission import Admission
from penstock_predictor.body import read_body
from penstock_predictor.datatypes import Array
from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import NotReady, StartError, UnknownModel
from penstock_predictor.inference import Model
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import Metrics
from penstock_predictor.settings import Settings
from penstock_predictor.workers import Workers


class Runtime:
    """One pod's state. Changed on the event loop only."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.metrics = metrics
        self.model: Model | None = None
        self.workers = Workers(settings.threads)
        self.admission = Admission(max_requests=settings.max_in_flight, max_bytes=settings.max_in_flight_bytes)

    def loaded(self, model: Model) -> None:
        """Serve this model from now on."""
        self.model = model
        self.metrics.name_model(
            model.identity, ready=lambda: self.lifecycle.ready, in_flight=lambda: self.admission.in_flight
        )
        self.lifecycle.loaded()

    def failed(self, error: StartError) -> None:
        """Never serve."""
        self.lifecycle.failed(str(error))

    def check_name(self, name: str, version: str | None) -> None:
        """Raise UnknownModel unless this pod is meant to serve it."""
        mine = self.settings
        if name != mine.model_name:
            raise UnknownModel(f"unknown model {name!r}: this pod serves {mine.model_name!r}")
        if version not in (None, mine.model_version):
            raise UnknownModel(
                f"unknown version {version!r} of model {name!r}: this pod serves version {mine.model_version!r}"
            )

    def serving(self) -> Model:
        """Return the model that answers, also while draining. Raises NotReady."""
        if self.model is None:
            raise NotReady(f"model {self.settings.model_name!r} is not ready: {self.lifecycle.state.reason}")
        return self.model

    async def infer(
        self, feeds: Mapping[str, Array], outputs: tuple[str, ...] | None, *, deadline: Deadline
    ) -> dict[str, Array]:
        """Compute the named outputs, all by default, within the limits. Raises a RequestError."""
        model = self.serving()
        slot = self.admission.enter()
        return await self.workers.run(lambda: model.infer(feeds, outputs), slot=slot, deadline=deadline)

    async def answer(self, request: Request, compute: Callable[[Model, bytes], bytes]) -> Response:
        """Read the body and compute its answer, all of it within the limits. Raises a RequestError."""
        deadline = Deadline.after(self.settings.request_timeout_seconds)
        model = self.serving()
        slot = self.admission.enter()
        try:
            body = await read_body(
                request.receive,
                content_length=request.headers.get("content-length"),
                limit=self.settings.max_body_bytes,
                slot=slot,
                deadline=deadline,
            )
        except BaseException:
            slot.leave()
            raise
        answer = await self.workers.run(lambda: compute(model, body), slot=slot, deadline=deadline)
        return Response(answer, status_code=HTTPStatus.OK, media_type="application/json")
