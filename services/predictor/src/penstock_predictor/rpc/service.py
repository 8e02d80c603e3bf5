"""`inference.GRPCInferenceService` over one runtime."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from grpc.aio import ServicerContext

from penstock_contracts.build import VERSION
from penstock_contracts.model_card import TensorSpec
from penstock_predictor.rpc import open_inference_pb2 as pb
from penstock_predictor.rpc.call import CURRENT_TRACE, answer_call, origin_of
from penstock_predictor.rpc.messages import (
    decode_feeds,
    encode_response,
    requested_outputs,
    takes_long_to_read,
    takes_long_to_write,
)
from penstock_predictor.rpc.open_inference_pb2_grpc import GRPCInferenceServiceServicer
from penstock_predictor.serving.call import NOBODY, Deadline
from penstock_predictor.serving.runtime import Runtime

_Context = ServicerContext[Any, Any]
_T = TypeVar("_T")
_PLATFORM = "onnxruntime_onnx"


class InferenceService(GRPCInferenceServiceServicer):
    """The protocol's calls. Each raises a RequestError for what it refuses; `answer_call` puts it into gRPC's words."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @answer_call
    async def ServerLive(self, _: pb.ServerLiveRequest, __: _Context) -> pb.ServerLiveResponse:  # noqa: N802 - the protocol's name
        """The process answers; true while it loads, too."""
        return pb.ServerLiveResponse(live=True)

    @answer_call
    async def ServerReady(self, _: pb.ServerReadyRequest, __: _Context) -> pb.ServerReadyResponse:  # noqa: N802 - as above
        """Whether new senders may choose this pod."""
        return pb.ServerReadyResponse(ready=self.runtime.lifecycle.ready)

    @answer_call
    async def ModelReady(self, request: pb.ModelReadyRequest, _: _Context) -> pb.ModelReadyResponse:  # noqa: N802 - as above
        """As ServerReady: one pod has one model. Raises UnknownModel."""
        self.runtime.check_name(request.name, request.version or None)
        return pb.ModelReadyResponse(ready=self.runtime.lifecycle.ready)

    @answer_call
    async def ServerMetadata(self, _: pb.ServerMetadataRequest, __: _Context) -> pb.ServerMetadataResponse:  # noqa: N802 - as above
        """What this server is."""
        return pb.ServerMetadataResponse(name="penstock-predictor", version=VERSION)

    @answer_call
    async def ModelMetadata(self, request: pb.ModelMetadataRequest, _: _Context) -> pb.ModelMetadataResponse:  # noqa: N802 - as above
        """The model's inputs and outputs. Raises UnknownModel and NotReady."""
        self.runtime.check_name(request.name, request.version or None)
        model = self.runtime.serving().model
        return pb.ModelMetadataResponse(
            name=model.identity.name,
            versions=[model.identity.version],
            platform=_PLATFORM,
            inputs=[_tensor(spec) for spec in model.inputs],
            outputs=[_tensor(spec) for spec in model.outputs],
        )

    @answer_call
    async def ModelInfer(self, request: pb.ModelInferRequest, context: _Context) -> pb.ModelInferResponse:  # noqa: N802 - as above
        """Tensors in, tensors out. Raises every RequestError."""
        deadline = self._deadline(context)
        self.runtime.check_name(request.model_name, request.model_version or None)
        serving = self.runtime.serving()
        outputs = requested_outputs(request)
        feeds = await self._run_job(lambda: decode_feeds(request), offload=takes_long_to_read(request))
        origin = origin_of(context) if self.runtime.recorder is not None else NOBODY
        trace = CURRENT_TRACE.get() if self.runtime.tracer is not None else None
        arrays = await self.runtime.infer(feeds, outputs, deadline=deadline, origin=origin, trace=trace)
        identity = serving.model.identity
        return await self._run_job(
            lambda: encode_response(request, identity, arrays), offload=takes_long_to_write(request, arrays)
        )

    async def _run_job(self, job: Callable[[], _T], *, offload: bool) -> _T:
        return await self.runtime.serving().offload.result(job) if offload else job()

    def _deadline(self, context: _Context) -> Deadline:
        """The caller's, where it is earlier than ours."""
        limit = self.runtime.settings.request_timeout_seconds
        left = cast("float | None", context.time_remaining())  # its stub forgets a call without a deadline
        return Deadline.after(limit if left is None else min(limit, left))


def _tensor(spec: TensorSpec) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(name=spec.name, datatype=spec.datatype, shape=spec.shape)
