"""From a folder to a model that has proved itself: verify, load, warm up, answer the golden request right."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import ModelCard
from penstock_predictor import heap
from penstock_predictor.errors import CardInvalid, RequestError, WarmUpFailed
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model import golden
from penstock_predictor.model.batching import Batching, control_flow, judge_batching, rows_that_pay
from penstock_predictor.model.columns import plan_columns
from penstock_predictor.model.example import example_of
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.model_files import CARD_FILE, EXAMPLE_FILE, check_digest, measure, read_card, verify
from penstock_predictor.model.rows.onnx_file import UnreadableGraph, external_files
from penstock_predictor.model.run_time_model import RunTimeModel
from penstock_predictor.model.session import Device, OnnxSession
from penstock_predictor.settings import DEFAULT_MODEL_FILE, PredictorSettings
from penstock_predictor.tensors.arrays import Array

WARM_UP_RUNS = 3
"""onnxruntime allocates its arena and plans memory in the first runs; users do not wait for that."""

_GUESSING_SECONDS = 20.0
"""After which a model without a card is served without a warm-up."""

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
    device: Device
    max_output_bytes: int
    max_batch_size: int
    model_file: str
    """Empty: what the folder's card names, or else DEFAULT_MODEL_FILE."""

    @classmethod
    def of(cls, settings: PredictorSettings) -> "ModelSource":
        """As this process was told."""
        return cls(
            folder=settings.model_dir,
            model_file=settings.model_file,
            name=settings.model_name,
            version=settings.model_version,
            digest=settings.model_digest,
            threads=settings.threads,
            device=settings.device,
            max_output_bytes=settings.max_output_bytes,
            max_batch_size=settings.max_batch_size,
        )


@dataclass(frozen=True)
class Loaded:
    """A model that has proved itself, and what was learned about it meanwhile."""

    model: ServedModel
    card: ModelCard | None
    example: bytes
    """The answer of `GET /example`."""
    batching: Batching
    rows_a_run: int
    """So many rows of several requests may share a run, and save time by it."""
    run_times: RunTimeModel


@dataclass(frozen=True)
class _Verified:
    digest: str
    model_path: str
    card: ModelCard | None


def load_model(
    source: ModelSource,
    *,
    report: Callable[[str], object],
) -> Loaded:
    """Return a model that is ready for users. `report` is told of each step, for whoever asks why it takes so long.

    Raises a StartError: CardInvalid, FileInvalid, DigestMismatch, ModelUnloadable, WarmUpFailed, GoldenMismatch.
    """
    started = time.monotonic()
    report("verifying the model's files")
    verified = _verify(source)
    report(f"loading {verified.model_path}")
    session = OnnxSession(source.folder / verified.model_path, threads=source.threads, device=source.device)
    columns = plan_columns(verified.card.columns if verified.card else None, session.inputs)
    identity = ModelIdentity(name=source.name, version=source.version, digest=verified.digest)
    model = ServedModel(identity, session, columns, max_output_bytes=source.max_output_bytes)
    report("warming up and answering the golden request")
    loaded = _prove(model, verified.card, source, verified.model_path)
    heap.give_back()
    facts: dict[str, object] = {"digest": verified.digest, "folder": str(source.folder), "provider": session.provider}
    facts |= {"rows_a_run": loaded.rows_a_run, "why_not_batched": loaded.batching.reason}
    _log.info("model loaded", extra=facts | {"seconds": round(time.monotonic() - started, 3)})
    return loaded


def _verify(source: ModelSource) -> _Verified:
    card = read_card(source.folder)
    another = card is not None and source.model_file not in ("", card.model_path)
    if card is None or (another and not source.digest):
        return _verify_without_card(source)
    check_digest(card.digest, source.digest, source=str(source.folder / CARD_FILE))
    verify(source.folder, card)
    return _Verified(card.digest, card.model_path, card)


def _verify_without_card(source: ModelSource) -> _Verified:
    """On a laptop there may be a bare model.onnx. Where a digest is asked for, there must be a golden answer too."""
    file = source.model_file or DEFAULT_MODEL_FILE
    if source.digest:
        raise CardInvalid(
            f"{source.folder / CARD_FILE} is missing, so {source.digest} is not proved: run `fetch` first"
        )
    return _Verified(
        digest_of([measure(source.folder, path) for path in (file, *_beside(source.folder, file))]), file, None
    )


def _beside(folder: Path, file: str) -> tuple[str, ...]:
    """The files with the model's weights, where it has them beside itself: other weights answer otherwise."""
    try:
        return external_files(folder / file)
    except (UnreadableGraph, OSError):  # onnxruntime says what is wrong with it, or loads a format of its own
        return ()


def _prove(model: ServedModel, card: ModelCard | None, source: ModelSource, file: str) -> Loaded:
    run_times = RunTimeModel()
    branches = control_flow(source.folder / file)
    feeds = (
        _prove_by_golden_request(card, source.folder, model, run_times)
        if card
        else _find_answered_feeds(model, source.folder, run_times)
    )
    if feeds is None:
        feeds = next(golden.guesses(model.inputs))
        batching = Batching(possible=False, reason="no request is known that it answers: it cannot be tried")
    elif branches:
        batching = Batching(possible=False, reason=f"it has the operator {branches}: its values say what a run takes")
    else:
        batching = judge_batching(model, feeds, source.folder / file)
    rows = rows_that_pay(model, feeds, run_times, source.max_batch_size) if batching.possible else 1
    return Loaded(model, card, example_of(model, card, feeds).model_dump_json().encode(), batching, rows, run_times)


def _prove_by_golden_request(card: ModelCard, folder: Path, model: ServedModel, run_times: RunTimeModel) -> Feeds:
    """The golden request, answered right."""
    try:
        feeds = golden.golden_feeds(card.golden, folder)
        answer = _warm_up(model, feeds, run_times)
    except RequestError as error:
        raise WarmUpFailed(f"golden request: {error}") from error
    golden.compare(card.golden.response, answer, card.golden.stride)
    return feeds


def _find_answered_feeds(model: ServedModel, folder: Path, run_times: RunTimeModel) -> Feeds | None:
    """Without a card: the example that lies beside the model, or the first guess that it answers; None: it answers
    none, and is served all the same, since nobody said what it must be.
    """
    example = folder / EXAMPLE_FILE
    if example.exists():
        try:
            feeds = golden.read_request(example)
            _warm_up(model, feeds, run_times)
        except RequestError as error:
            raise WarmUpFailed(f"{example}: {error}: write a V2 request that the model answers") from error
        return feeds
    refusal, end = "", time.monotonic() + _GUESSING_SECONDS
    for guess in golden.guesses(model.inputs):
        try:
            _warm_up(model, guess, run_times)
        except RequestError as error:
            refusal = refusal or str(error)
        else:
            return guess
        if time.monotonic() > end:
            break
    _log.warning(
        "serving without a warm-up: no guessed request is answered; put a V2 request that is into %s",
        example,
        extra={"detail": refusal},
    )
    return None


def _warm_up(model: ServedModel, feeds: Feeds, run_times: RunTimeModel) -> dict[str, Array]:
    """The answer of the last run; what is learned of run times is the quickest."""
    seconds = []
    for _ in range(WARM_UP_RUNS):
        started = time.perf_counter()
        answer = model.infer(feeds)
        seconds.append(time.perf_counter() - started)
    run_times.learn(1, min(seconds))
    model.trust(feeds, answer)
    return answer
