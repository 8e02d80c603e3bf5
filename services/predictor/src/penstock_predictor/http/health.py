"""What is asked all the time by whoever looks after a pod: is it alive, is it ready, what has it counted?"""

from http import HTTPStatus

from prometheus_client.exposition import choose_encoder

from penstock_predictor.http.reply import Reply
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.tensors.answers import to_json

LIVE, READY, METRICS = "/v2/health/live", "/v2/health/ready", "/metrics"


class Probes:
    """Of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def answer(self, path: str, accept: str) -> Reply | None:
        """The answer to a GET; None for what is no probe. `accept`: the request's header."""
        if path == READY:
            return self.ready()
        if path == LIVE:
            return self.live()
        return self.metrics(accept) if path == METRICS else None

    def live(self) -> Reply:
        """The process answers; true while it loads, too."""
        return Reply(to_json({"live": True}))

    def ready(self) -> Reply:
        """200 when it is, else 503 with the reason."""
        return self.readiness({"ready": self._runtime.lifecycle.ready})

    def readiness(self, body: dict[str, object]) -> Reply:
        """This body; 503 with the reason where the pod is not ready."""
        lifecycle = self._runtime.lifecycle
        if lifecycle.ready:
            return Reply(to_json(body))
        return Reply(to_json({**body, "error": lifecycle.state.reason}), status=HTTPStatus.SERVICE_UNAVAILABLE)

    def metrics(self, accept: str) -> Reply:
        """Every series, in the format that the scraper asks for."""
        encode, content_type = choose_encoder(accept)
        return Reply(encode(self._runtime.metrics.registry), content_type=content_type.encode())
