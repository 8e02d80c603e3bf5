"""From a run of the model to a batch: which calls are in it, and with which values."""

import functools
from typing import Any

import msgspec
import numpy as np
import pytest

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedTensor, RequestForm
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.records.batches import Encoding, Gathering, RecordSource
from penstock_predictor.records.columns import Columns
from penstock_predictor.records.recorder import RunRecorder, Sampling
from penstock_predictor.records.run_queue import RunQueue
from penstock_predictor.serving.run import compute
from penstock_testing import tiny_models

from .conftest import IDENTITY, LoadModel, NamedCall

triple = functools.partial(tiny_models.scaled, factor=3)


class Desk:
    """Runs calls, records them, and reads the batches."""

    def __init__(
        self,
        model: ServedModel,
        *,
        sampling: Sampling | None = None,
        max_rows: int = 1000,
        columns: Columns | None = None,
    ) -> None:
        self.model = model
        self.lost: list[int] = []
        self.queue = RunQueue(max_rows=max_rows, max_bytes=2**20)
        self._recorder = RunRecorder(self.queue, sampling, self.lost.append)
        source = RecordSource(namespace="n", name="m", revision="r", identity=IDENTITY, sender="s")
        self.gathering = Gathering(source, Encoding(columns or Columns(model)))

    def call(
        self, name: str | None, values: Any, *, rows: int | None = None, shadow: bool = False, kind: type = np.float32
    ) -> NamedCall:
        feeds: Feeds = {"x": np.array(values, dtype=kind)}
        origin = (None if name is None else name.encode(), shadow)
        return NamedCall(feeds, self.model.output_names, rows=len(values) if rows is None else rows, origin=origin)

    def run(self, *calls: NamedCall) -> None:
        self._recorder.record_run(calls, compute(self.model, calls))

    def batches(self, dropped: int = 0) -> list[RecordBatch]:
        while several := self.queue.take():
            self.gathering.add(several)
        found = []
        while (batch := self.gathering.pop(dropped)) is not None:
            read = msgspec.msgpack.decode(batch.body, type=RecordBatch)
            assert batch.rows == sum(one.rows for run in read.runs for one in run.requests)
            assert batch.number == read.number
            found.append(read)
        assert (self.gathering.rows, self.gathering.size) == (0, 0)
        return found


def asked(batch: RecordBatch) -> list[list[tuple[str, int, bool]]]:
    return [[(one.id, one.rows, one.shadow) for one in run.requests] for run in batch.runs]


def floats(content: object) -> list[float]:
    assert isinstance(content, bytes)
    return list(np.frombuffer(content, dtype="<f4").tolist())


def test_a_shared_run_is_one_record_with_its_requests_rows_one_after_another(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    desk.run(desk.call("a", [[1, 2]]), desk.call("b", [[3, 4], [5, 6]], shadow=True), desk.call(None, [[7, 8]]))
    (batch,) = desk.batches(dropped=4)
    assert asked(batch) == [[("a", 1, False), ("b", 2, True), ("", 1, False)]]
    (run,) = batch.runs
    assert floats(run.inputs[0]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert floats(run.outputs[0]) == [3, 6, 9, 12, 15, 18, 21, 24]
    assert (batch.inputs, batch.outputs) == (
        (RecordBlock(("x[0]", "x[1]"), "FP32"),),
        (RecordBlock(("y[0]", "y[1]"), "FP32"),),
    )
    assert (batch.namespace, batch.name, batch.revision, batch.sender) == ("n", "m", "r", "s")
    assert (batch.version, batch.digest, batch.dropped) == ("7", IDENTITY.digest, 4)


def test_of_a_sampled_run_only_the_rows_of_those_that_were_taken_are_there(load_model: LoadModel) -> None:
    sampling = Sampling(0.5)
    names = [f"request-{number}" for number in range(40)]
    taken = [name for name in names if Sampling(0.5).takes(name.encode())]
    desk = Desk(load_model(triple), sampling=sampling)
    desk.run(*[desk.call(name, [[place, 0]]) for place, name in enumerate(names)])
    (batch,) = desk.batches()
    assert [name for name, *_ in asked(batch)[0]] == taken
    assert floats(batch.runs[0].inputs[0])[::2] == [names.index(name) for name in taken]
    assert floats(batch.runs[0].outputs[0])[::2] == [3 * names.index(name) for name in taken]


def test_where_no_call_of_a_run_is_taken_nothing_is_queued(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple), sampling=Sampling(0))
    desk.run(desk.call("a", [[1, 2]]))
    assert desk.queue.rows == 0
    assert desk.batches() == []


def test_a_call_that_fails_alone_is_left_out_and_those_beside_it_are_recorded(load_model: LoadModel) -> None:
    desk = Desk(load_model(tiny_models.lookup))
    calls = [desk.call(name, [value], kind=np.int64) for name, value in (("a", 1), ("bad", 99), ("c", 2))]
    desk.run(*calls)
    (batch,) = desk.batches()
    assert asked(batch) == [[("a", 1, False), ("c", 1, False)]]
    assert np.frombuffer(batch.runs[0].outputs[0], dtype="<i8").tolist() == [10, 20]  # type: ignore[arg-type]  # bytes


def test_runs_that_ended_soon_after_each_other_are_one_record_and_a_later_one_is_another(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    desk.run(desk.call("a", [[1, 2]]))
    desk.run(desk.call("b", [[3, 4]]), desk.call("c", [[5, 6], [7, 8]]))
    desk.run(desk.call("late", [[9, 10]]))
    several = desk.queue.take()
    for ran, at in zip(several, (100.0, 100.004, 100.02), strict=True):
        ran.at = at
    desk.gathering.add(several)
    (batch,) = desk.batches()
    assert asked(batch) == [[("a", 1, False), ("b", 1, False), ("c", 2, False)], [("late", 1, False)]]
    assert [run.at for run in batch.runs] == [100.004, 100.02]
    assert [floats(run.inputs[0]) for run in batch.runs] == [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10]]
    assert [floats(run.outputs[0]) for run in batch.runs] == [[3, 6, 9, 12, 15, 18, 21, 24], [27, 30]]


def test_a_call_whose_time_was_over_before_its_run_ended_is_left_out(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    late = desk.call("late", [[3, 4]])
    late.finished = True
    desk.run(desk.call("a", [[1, 2]]), late)
    (batch,) = desk.batches()
    assert asked(batch) == [[("a", 1, False)]]
    assert floats(batch.runs[0].outputs[0]) == [3, 6]


def test_a_run_without_room_is_dropped_whole_and_its_rows_are_counted(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple), max_rows=4)
    desk.run(desk.call("a", [[1, 2]] * 3))
    desk.run(desk.call("b", [[1, 2]]), desk.call("c", [[3, 4]]))
    desk.run(desk.call("d", [[1, 2]]))
    assert desk.lost == [2]
    assert [name for run in asked(desk.batches()[0]) for name, *_ in run] == ["a", "d"]


def test_runs_of_other_widths_or_outputs_go_in_batches_of_their_own(load_model: LoadModel) -> None:
    desk = Desk(load_model(tiny_models.matrix))
    desk.run(desk.call("narrow", [[1, 2]], rows=0))
    desk.run(desk.call("wide", [[1, 2, 3]], rows=0))
    desk.run(desk.call("narrow-again", [[3, 4]], rows=0))
    part = NamedCall({"x": np.array([[5, 6]], dtype=np.float32)}, ("z",), rows=0, origin=(b"z", False))
    desk.run(part)
    batches = desk.batches()
    assert sorted(batch.number for batch in batches) == [1, 2, 3]
    found = {tuple(name for run in asked(batch) for name, *_ in run): batch for batch in batches}
    assert set(found) == {("narrow", "narrow-again"), ("wide",), ("z",)}
    assert found["wide",].inputs == (RecordBlock(("x[0]", "x[1]", "x[2]"), "FP32"),)
    assert found["z",].outputs == (RecordBlock(("z[0]", "z[1]"), "FP32"),)


def test_a_batch_says_what_it_takes_to_ask_again(load_model: LoadModel) -> None:
    desk = Desk(load_model(tiny_models.matrix))
    desk.run(NamedCall({"x": np.array([[5, 6]], dtype=np.float32)}, ("z",), rows=0, origin=(b"z", False)))
    (batch,) = desk.batches()
    assert batch.form == RequestForm((RecordedTensor("x", "FP32", (2,)),), ("z",))


@pytest.mark.parametrize("told", [{"exclude": ["x[1]"]}, {"hashed": ["x[0]"]}, {"exclude": ["x[0]", "x[1]"]}])
def test_where_a_column_of_the_inputs_is_left_out_or_hashed_nobody_can_ask_again(
    told: dict[str, list[str]], load_model: LoadModel
) -> None:
    model = load_model(triple)
    desk = Desk(model, columns=Columns(model, **told))
    desk.run(desk.call("a", [[1, 2]]))
    assert [batch.form for batch in desk.batches()] == [None]


def test_an_output_that_is_left_out_or_hashed_does_not_matter_for_that(load_model: LoadModel) -> None:
    model = load_model(triple)
    desk = Desk(model, columns=Columns(model, exclude=["y[0]"], hashed=["y[1]"]))
    desk.run(desk.call("a", [[1, 2]]))
    (batch,) = desk.batches()
    assert batch.form == RequestForm((RecordedTensor("x", "FP32", (2,)),), ("y",))


def test_a_short_float_is_recorded_wider_and_asked_for_as_it_was(load_model: LoadModel) -> None:
    desk = Desk(load_model(tiny_models.doubled))
    desk.run(desk.call("a", [[1, 2]], kind=np.float16))
    (batch,) = desk.batches()
    assert [block.datatype for block in batch.inputs] == ["FP32"]
    assert batch.form == RequestForm((RecordedTensor("x", "FP16", (2,)),), ("y",))


def test_an_input_that_is_no_table_is_not_recorded_so_nobody_can_ask_again(load_model: LoadModel) -> None:
    desk = Desk(load_model(tiny_models.matrix))
    desk.run(desk.call("a", np.zeros((1, 513)), rows=0))
    assert [batch.form for batch in desk.batches()] == [None]


def test_a_request_without_rows_is_not_recorded(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    desk.run(desk.call("empty", np.zeros((0, 2)), rows=0))
    assert desk.batches() == []


def test_a_call_with_a_run_of_its_own_has_the_rows_of_its_inputs(load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    desk.run(desk.call("a", [[1, 2], [3, 4]], rows=0))
    assert asked(desk.batches()[0]) == [[("a", 2, False)]]


@pytest.mark.parametrize("odd", ["née", "x" * 129, "two words", "tab\t", ""])
def test_an_id_that_answers_would_not_echo_is_no_id(odd: str, load_model: LoadModel) -> None:
    desk = Desk(load_model(triple))
    desk.run(desk.call(odd, [[1, 2]]), desk.call("~" * 128, [[1, 2]]))
    assert asked(desk.batches()[0]) == [[("", 1, False), ("~" * 128, 1, False)]]
