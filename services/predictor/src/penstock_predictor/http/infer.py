"""`POST /v2/models/{name}/infer`: a request's bytes to a call, a call's outcome to a reply."""

from collections.abc import Sequence

from penstock_predictor.http.body import check_content_type
from penstock_predictor.http.exchange import MAX_INLINE_TEXT, Exchange, HttpCall, Route
from penstock_predictor.http.reply import BINARY, Reply
from penstock_predictor.model.inference import Feeds, ServedModel, check_types
from penstock_predictor.serving.call import CallOutputs
from penstock_predictor.serving.runtime import Offload
from penstock_predictor.tensors import codec
from penstock_predictor.tensors.answers import InferAnswers
from penstock_predictor.tensors.binary_tensors import HEADER as BINARY_HEADER
from penstock_predictor.tensors.binary_tensors import BinaryForms, BinaryTail, json_length, split_body
from penstock_predictor.tensors.quick_json import QuickJson


class InferCall(HttpCall):
    """A call that is answered by JSON alone."""

    __slots__ = ("answers", "request_id")

    def __init__(
        self,
        exchange: Exchange,
        offload: Offload,
        *,
        feeds: Feeds,
        outputs: tuple[str, ...],
        answers: InferAnswers,
        request_id: str | None,
    ) -> None:
        super().__init__(exchange, offload, feeds=feeds, outputs=outputs)
        self.answers = answers
        self.request_id = request_id

    def encode(self, part: CallOutputs) -> Reply:
        """The protocol's JSON."""
        shared = part.shared_table()
        if shared is not None:
            return Reply(self.answers.of_table(self.request_id, self.outputs, *shared))
        return Reply(self.answers.json(self.request_id, self.outputs, part.arrays))


class BinaryCall(HttpCall):
    """A call of which some outputs are wanted as bytes."""

    __slots__ = ("answers", "as_bytes", "request_id")

    def __init__(
        self,
        exchange: Exchange,
        offload: Offload,
        *,
        feeds: Feeds,
        outputs: tuple[str, ...],
        answers: InferAnswers,
        request_id: str | None,
        as_bytes: Sequence[bool],
    ) -> None:
        super().__init__(exchange, offload, feeds=feeds, outputs=outputs)
        self.answers = answers
        self.request_id = request_id
        self.as_bytes = as_bytes

    def encode(self, part: CallOutputs) -> Reply:
        """JSON with the tensors' bytes behind it, and how long the JSON is."""
        body, length = self.answers.binary(self.request_id, self.outputs, part.arrays, self.as_bytes)
        return Reply(body, content_type=BINARY, extra=((BINARY_HEADER, str(length).encode()),))


class InferRoute(Route):
    """Reads V2 requests for one model."""

    def __init__(self, model: ServedModel, offload: Offload, label: str) -> None:
        super().__init__(label)
        self._model = model
        self._offload = offload
        self._quick = QuickJson(model.inputs)
        self._forms = BinaryForms()
        self._takes_texts = any(spec.datatype == "BYTES" for spec in model.inputs)
        self._answers = InferAnswers(model.identity)

    def takes_long(self, exchange: Exchange) -> bool:
        """Whether there is much text to read; numbers as bytes are not even copied."""
        if len(exchange.body) <= MAX_INLINE_TEXT:
            return False
        length = exchange.headers.get(BINARY_HEADER)
        return length is None or self._takes_texts or json_length(length) > MAX_INLINE_TEXT

    def read(self, exchange: Exchange) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""
        check_content_type(exchange.headers.get(b"content-type"))
        length = exchange.headers.get(BINARY_HEADER)
        if length is not None:
            return self._read_binary(exchange, *split_body(exchange.body, length))
        quick = self._quick.read(exchange.body)
        if quick is not None:
            request_id, feeds = quick
            return self._call(exchange, feeds, self._model.output_names, request_id)
        return self._read_exactly(exchange, exchange.body, None)

    def _read_binary(self, exchange: Exchange, text: bytes, tail: BinaryTail) -> HttpCall:
        form = self._forms.find(text)
        if form is None:
            return self._read_exactly(exchange, text, tail)
        return self._call(exchange, form.feeds(tail), form.outputs, None, form.as_bytes)

    def _read_exactly(self, exchange: Exchange, text: bytes | memoryview, tail: BinaryTail | None) -> HttpCall:
        request = codec.parse(text)
        check_types(self._model.inputs, {tensor.name: tensor.datatype for tensor in request.inputs})
        query = codec.decode(request, tail)
        names = self._model.check(query.feeds, query.outputs)
        as_bytes = tuple(query.wants_bytes(name) for name in names)
        if tail is not None:
            self._forms.keep(bytes(text), request, names, as_bytes)
        return self._call(exchange, query.feeds, names, query.request_id, as_bytes)

    def _call(
        self,
        exchange: Exchange,
        feeds: Feeds,
        outputs: tuple[str, ...],
        request_id: str | None,
        as_bytes: Sequence[bool] = (),
    ) -> HttpCall:
        answers = self._answers
        if any(as_bytes):
            return BinaryCall(
                exchange,
                self._offload,
                feeds=feeds,
                outputs=outputs,
                answers=answers,
                request_id=request_id,
                as_bytes=as_bytes,
            )
        return InferCall(exchange, self._offload, feeds=feeds, outputs=outputs, answers=answers, request_id=request_id)
