"""From a folder to a model that has proved itself: verify, load, warm up, answer the golden request right."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_json

from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest
from penstock_contracts.model_card import ModelCard
from penstock_predictor import golden
from penstock_predictor.codec import decode
from penstock_predictor.columns import plan_columns
from penstock_predictor.errors import CardInvalid, PredictorError, RequestError, WarmUpFailed
from penstock_predictor.example import example_of
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.inference import Model
from penstock_predictor.model_files import CARD_FILE, DEFAULT_MODEL_FILE, check_digest, measure, read_card, verify
from penstock_predictor.session import OnnxSession

WARM_UP_RUNS = 3
"""onnxruntime allocates its arena and plans memory in the first runs; users do not wait for that."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """What to load, and what it must be."""

    folder: Path
    name: str
    version: str
    digest: str
    """Empty: whatever the folder holds."""
    threads: int


@dataclass(frozen=True)
class _Verified:
    digest: str
    model_path: str
    card: ModelCard | None


def load_model(
    source: ModelSource,
    *,
    report: Callable[[str], object],
    observe_seconds: Callable[[float], object],
) -> Model:
    """Return a model that is ready for users. `report` is told of each step, for whoever asks why it takes so long.

    Raises a StartError: CardInvalid, FileInvalid, DigestMismatch, ModelUnloadable, WarmUpFailed, GoldenMismatch.
    """
    started = time.monotonic()
    report("verifying the model's files")
    verified = _verify(source)
    report(f"loading {verified.model_path}")
    session = OnnxSession(source.folder / verified.model_path, threads=source.threads)
    columns = plan_columns(verified.card.columns if verified.card else None, session.inputs)
    identity = ModelIdentity(name=source.name, version=source.version, digest=verified.digest)
    model = Model(identity, session, columns, observe_seconds)
    report("warming up and answering the golden request")
    _prove(model, verified.card)
    model.example = to_json(example_of(model, verified.card))
    seconds = round(time.monotonic() - started, 3)
    _log.info("model loaded", extra={"digest": verified.digest, "folder": str(source.folder), "seconds": seconds})
    return model


def _verify(source: ModelSource) -> _Verified:
    card = read_card(source.folder)
    if card is None:
        return _verify_without_card(source)
    check_digest(card.digest, source.digest, source=str(source.folder / CARD_FILE))
    verify(source.folder, card)
    return _Verified(card.digest, card.model_path, card)


def _verify_without_card(source: ModelSource) -> _Verified:
    """On a laptop there may be a bare model.onnx. Where a digest is asked for, there must be a golden answer too."""
    if source.digest:
        raise CardInvalid(
            f"{source.folder / CARD_FILE} is missing, so {source.digest} is not proved: run `fetch` first"
        )
    digest = digest_of([measure(source.folder, DEFAULT_MODEL_FILE)])
    return _Verified(digest, DEFAULT_MODEL_FILE, None)


def _prove(model: Model, card: ModelCard | None) -> None:
    request = card.golden.request if card else golden.generated_request(model.inputs)
    try:
        call = decode(request)
        for _ in range(WARM_UP_RUNS):
            answer = model.infer(call.feeds, call.outputs)
    except RequestError as error:
        raise WarmUpFailed(_warm_up_message(error, request, generated=card is None)) from error
    if card:
        golden.compare(card.golden.response, answer)


def _warm_up_message(error: PredictorError, request: InferRequest, *, generated: bool) -> str:
    if not generated:
        return f"golden request: {error}"
    shapes = {tensor.name: list(tensor.shape) for tensor in request.inputs}
    return f"warm-up with generated inputs {shapes}: {error}: put a {CARD_FILE} with a golden request beside the model"
