"""Models of many kinds: a caller among eleven others gets what a lone caller gets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model import golden
from penstock_predictor.model.batching import judge_batching
from penstock_predictor.model.columns import NoColumns
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.serving.call import AwaitedCall, Deadline
from penstock_predictor.serving.run import compute
from penstock_predictor.tensors.arrays import Array
from penstock_testing.batching_models import Sample, samples
from penstock_testing.locales import link_locales
from penstock_testing.platform import ROOT

IDENTITY = ModelIdentity(name="m", version="1", digest="sha256:" + "0" * 64)
CALLERS = 12
SEEN_TO_MIX = ("linear_q", "mask_min1", "sequence_mask")
"""One scale for all rows; a length that the largest row sets, twice."""


async def ask_together(model: ServedModel, rows: Sequence[Feeds]) -> list[list[Array]]:
    calls = [AwaitedCall(row, model.output_names, Deadline.within(60, None, now=0), 1) for row in rows]
    for call in calls:
        call.rows = 1
    for call, outcome in zip(calls, compute(model, calls).outcomes, strict=True):
        call.finish(outcome)
    return [list(await call.outcome()) for call in calls]


async def differences(sample: Sample, file: Path) -> list[str]:
    """Where an answer of a model that is batched differs from the lone row's, or the verdict is another than known."""
    file.write_bytes(sample.model)  # noqa: ASYNC240 - nothing else runs meanwhile
    model = ServedModel(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
    random = np.random.default_rng(11)
    verdict = judge_batching(model, sample.rows(random, 3), file)
    if verdict.possible != sample.batched:
        return [f"{sample.kind} {sample.name}: batched {verdict.possible}: {verdict.reason}"]
    if not verdict.possible:
        return []
    rows = [sample.rows(random, 1) for _ in range(CALLERS)]
    alone = [model.run(row, model.output_names) for row in rows]
    together = await ask_together(model, rows)
    return [
        f"{sample.kind} {sample.name}: caller {caller}, output {name}"
        for caller, (mine, shared) in enumerate(zip(alone, together, strict=True))
        for name, one, other in zip(model.output_names, mine, shared, strict=True)
        if not same(one, other)
    ]


def same(one: Array, other: Array) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype or one.dtype.kind != "f":
        return one.shape == other.shape and bool((one == other).all())
    return bool(np.isclose(other, one, rtol=1e-4, atol=1e-5, equal_nan=True).all())


async def test_each_of_twelve_callers_gets_the_answer_of_its_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Text models ask for a language's locale, which our images make in this way.
    monkeypatch.setenv("LOCPATH", str(link_locales(tmp_path / "locales")))
    every = list(samples())
    print(f"{len(every)} models, {sum(sample.batched for sample in every)} of them batched")
    assert {sample.kind for sample in every} >= {"quantised", "attention", "recurrent", "masks", "ranking", "text"}
    assert [line for sample in every for line in await differences(sample, tmp_path / "model.onnx")] == []


@pytest.mark.parametrize("name", SEEN_TO_MIX)
def test_a_model_that_was_seen_to_mix_callers_is_not_batched(name: str) -> None:
    file = ROOT / "tests" / "data" / "serving" / f"{name}.onnx"
    model = ServedModel(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
    assert not judge_batching(model, next(golden.guesses(model.inputs)), file).possible
