"""The verdict on real models in onnxruntime: may rows of several requests share a run?"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.batching import Batching, control_flow, judge_batching, rows_that_pay, try_rows
from penstock_predictor.model.columns import NoColumns
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.model.run_time_model import RunTimeModel
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.settings import PredictorSettings
from penstock_testing import tiny_models
from penstock_testing.faulty_models import failing, hanging
from penstock_testing.model_folder import card_of

IDENTITY = ModelIdentity(name="m", version="1", digest="sha256:" + "0" * 64)
Build = Callable[[Path], Path]


def numbers(*rows: Any) -> Feeds:
    return {"x": np.array(rows, dtype=np.float32)}


def words(*rows: str) -> Feeds:
    return {"x": np.array(rows, dtype=object)}


def load(file: Path) -> ServedModel:
    return ServedModel(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)


def judged(build: Build, example: Feeds, folder: Path) -> Batching:
    file = build(folder / "model.onnx")
    return judge_batching(load(file), example, file)


BOTH: Feeds = {"a": np.array([[1, 2]], np.float32), "b": np.array([[3]], np.int64)}
MIXED: Feeds = {"amount": np.array([[4], [5]], np.float32), "country": np.array([["CH"], ["F"]], object)}


@pytest.mark.parametrize(
    ("build", "example"),
    [
        (functools.partial(tiny_models.scaled, factor=3), numbers([1, 2])),
        (functools.partial(tiny_models.scaled, factor=3), numbers([1, 2], [3, 4], [5, 6], [7, 8])),
        (functools.partial(tiny_models.scaled, factor=3), numbers([np.nan, 2])),
        (functools.partial(tiny_models.scaled, factor=3), numbers([0, 0])),
        (tiny_models.lookup, {"x": np.array([2], np.int64)}),
        (tiny_models.matrix, numbers([1, 2, 3])),
        (tiny_models.two_inputs, BOTH),
        (tiny_models.mixed_columns, MIXED),
        (functools.partial(tiny_models.echo, datatype="BYTES"), words("a", "b")),
        (functools.partial(tiny_models.echo, datatype="BOOL"), {"x": np.array([False])}),
        (functools.partial(tiny_models.echo, datatype="FP16"), {"x": np.array([1.5], np.float16)}),
    ],
)
def test_rows_that_are_independent_may_share_a_run(build: Build, example: Feeds, tmp_path: Path) -> None:
    assert judged(build, example, tmp_path) == Batching(possible=True)


@pytest.mark.parametrize(
    ("build", "example", "reason"),
    [
        (tiny_models.centred, numbers([1, 2]), "output 'y' of a row depends on the other rows of its run"),
        (tiny_models.centred, numbers([1, 2], [3, 4]), "output 'y' of a row depends on the other rows of its run"),
        (tiny_models.running_total, numbers([1]), "output 'y' of a row depends on the other rows of its run"),
        (tiny_models.summed, numbers(1, 2), "'y' of shape [] has no open first dimension"),
        (tiny_models.one_row, numbers([1, 2]), "'x' of shape [1, 2] has no open first dimension"),
        (tiny_models.only_alone, numbers([1, 2]), "rows in one run fail"),
        (tiny_models.picky, numbers(1, 2, 3), "no two different rows were found that it answers"),
        (tiny_models.slow, {"rounds": np.array([1], np.int64)}, "'rounds' of shape [1] has no open first dimension"),
        (functools.partial(tiny_models.echo, datatype="BYTES"), words("a"), "no two different rows were found"),
        (functools.partial(tiny_models.echo, datatype="BYTES"), words("a", "a"), "no two different rows were found"),
        (functools.partial(tiny_models.scaled, factor=3), {"x": np.zeros((0, 2), np.float32)}, "no two different rows"),
    ],
)
def test_rows_that_are_not_or_may_not_be_do_not_share_a_run_and_why(
    build: Build, example: Feeds, reason: str, *, tmp_path: Path
) -> None:
    verdict = judged(build, example, tmp_path)
    assert not verdict.possible
    # Of most, the graph alone says so; the trial has to find it too.
    told = verdict.reason if "first dimension" in reason else try_rows(load(tmp_path / "model.onnx"), example).reason
    assert reason in told


def test_a_model_that_fails_by_the_first_row_of_its_run_is_not_batched(tmp_path: Path) -> None:
    """Its failing question, second in a run, would be answered: alone it is not."""
    failing(2.0, share=0.3)(tmp_path)
    verdict = try_rows(load(tmp_path / "model.onnx"), numbers([0.5, 0], [0.9, 1]))
    assert verdict == Batching(possible=False, reason="a row that it fails on alone is answered among others")


def test_a_quick_model_is_timed_up_to_as_many_rows_as_a_run_may_have(tmp_path: Path) -> None:
    model, run_times = load(tiny_models.scaled(tmp_path / "model.onnx", 3)), RunTimeModel()
    assert 1 < rows_that_pay(model, numbers([1, 2]), run_times, 50) <= 50
    assert run_times.expect(50) > 0


def test_of_a_slow_model_larger_runs_are_not_timed_and_not_ruled_out(tmp_path: Path) -> None:
    model, run_times = load(tiny_models.scaled(tmp_path / "model.onnx", 3)), RunTimeModel()
    run_times.learn(2, 1.0)
    assert rows_that_pay(model, numbers([1, 2]), run_times, 64) == 64
    assert run_times.expect(64) == 32.0


def test_a_model_that_fails_with_many_rows_is_not_timed(tmp_path: Path) -> None:
    model, run_times = load(tiny_models.only_alone(tmp_path / "model.onnx")), RunTimeModel()
    rows_that_pay(model, numbers([1, 2]), run_times, 64)
    assert run_times.expect(64) == 64 * run_times.expect(1)


def test_a_model_with_a_loop_is_known_by_its_file(tmp_path: Path) -> None:
    assert control_flow(tiny_models.slow(tmp_path / "slow.onnx")) == "Loop"
    assert control_flow(tiny_models.scaled(tmp_path / "scaled.onnx", 3)) is None


def test_a_model_that_could_run_for_ever_is_loaded_by_its_example_alone(tmp_path: Path) -> None:
    """Zeros, and any other made-up row that begins below its share, would keep it busy past all patience."""
    hanging(0.5)(tmp_path)
    request = InferRequest(inputs=(RequestInput(name="x", shape=(2, 2), datatype="FP32", data=[1, 2, 3, 4]),))
    output = ResponseOutput(name="y", shape=(2, 2), datatype="FP32", data=[2.5, 4.5, 6.5, 8.5])
    card = card_of(tmp_path, request=request, response=InferResponse(model_name="m", outputs=(output,)))
    (tmp_path / "card.json").write_text(card.model_dump_json())
    loaded = load_model(ModelSource.of(PredictorSettings(model_dir=tmp_path)), report=lambda _: None)
    assert loaded.batching.reason.startswith("it has the operator Loop")
    assert loaded.rows_a_run == 1
