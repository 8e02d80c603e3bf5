"""What may come as live data or as a sample, each with its defined answer, all in one running monitor."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np
import pytest

from penstock_contracts.digest import digest_of
from penstock_contracts.drift import DriftReason, DriftReport, DriftVerdict, DriftWish, ServedVersion
from penstock_contracts.model_card import Column, ModelFile
from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun

from .conftest import FileStore, Monitor, eventually, file_store, monitors
from .traffic import card, packed

ROWS = 2000
NUMPY = {"FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT64": "<i8", "BOOL": "<u1"}
OK, TOO_LARGE, BAD = httpx.codes.NO_CONTENT, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.BAD_REQUEST
DRIFT, NO_DRIFT, INCONCLUSIVE, ERROR = (
    DriftVerdict.DRIFT,
    DriftVerdict.NO_DRIFT,
    DriftVerdict.INCONCLUSIVE,
    DriftVerdict.ERROR,
)

Cells = Sequence[object]


def normal(seed: int, rows: int = ROWS) -> Cells:
    return list(np.random.default_rng(seed).normal(size=rows))


def shops(seed: int, rows: int = ROWS, kinds: int = 3) -> Cells:
    return [f"shop-{each}" for each in np.random.default_rng(seed).integers(0, kinds, rows)]


def long_tail(seed: int, rows: int = ROWS) -> Cells:
    return [f"shop-{min(each, 10_000)}" for each in np.random.default_rng(seed).zipf(1.3, rows)]


def with_some(cells: Cells, value: object, every: int) -> Cells:
    return [value if number % every == 0 else cell for number, cell in enumerate(cells)]


@dataclass(frozen=True, kw_only=True)
class Live:
    """A column of the records."""

    name: str
    cells: Cells
    datatype: str = "FP64"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Records of one pod."""

    columns: tuple[Live, ...]
    rows: int = ROWS
    batches: int = 20
    """How many the rows are sent in: a bet is on what came in batches before."""
    answers: int = OK
    shadow: bool = False
    at: float = 4_000_000_000.0  # later than any clock: such records count as of their arrival
    number: int = 1
    ids: bool = True
    sender: str = "pod"
    scores: float | None = None
    """Of every row; None: drawn as the sample's were."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sample, what came, and what is answered to it."""

    sample: dict[str, Cells] | bytes | None
    sent: tuple[Sent, ...]
    verdict: DriftVerdict
    reason: DriftReason
    drifted: tuple[str, ...] = ()
    says: str = ""
    rows: int | None = None
    """Judged."""
    types: dict[str, str] = field(default_factory=dict)
    path: str = "reference.csv"


def sample(**columns: Cells) -> dict[str, Cells]:
    """Columns of a sample beside three ordinary ones and a prediction."""
    rows = len(next(iter(columns.values()))) if columns else ROWS
    ordinary = {"a": normal(1, rows), "s": shops(2, rows), "u": uniform(4, rows)}
    return {**ordinary, **columns, "prediction": uniform(3, rows)}


def uniform(seed: int, rows: int = ROWS) -> Cells:
    return list(np.random.default_rng(seed).random(rows))


def live(*more: Live, a: Cells | None = None, s: Cells | None = None, rows: int = ROWS) -> tuple[Live, ...]:
    """Columns like the sample's, and others: one of the same name goes before."""
    found = {
        "a": Live(name="a", cells=normal(11, rows) if a is None else a),
        "s": Live(name="s", cells=shops(12, rows) if s is None else s, datatype="BYTES"),
        "u": Live(name="u", cells=uniform(14, rows)),
    }
    return tuple((found | {each.name: each for each in more}).values())


def calm(*sent: Sent, taken: dict[str, Cells] | None = None, **more: object) -> Case:
    """No drift is the answer."""
    return Case(sample=taken or sample(), sent=sent, verdict=NO_DRIFT, reason=DriftReason.NO_DRIFT, **more)  # type: ignore[arg-type]


def moved(*columns: str, sent: Sent, taken: dict[str, Cells] | None = None, **more: object) -> Case:
    """These columns have drifted, too few for the data set."""
    return Case(
        sample=taken or sample(),
        sent=(sent,),
        verdict=DRIFT,
        reason=DriftReason.COLUMN_DRIFT,
        drifted=columns,
        **more,  # type: ignore[arg-type]
    )


def broken(*columns: str, sent: Sent, taken: dict[str, Cells] | None = None, says: str = "") -> Case:
    """These columns have values that are missing, not finite or were never seen."""
    return Case(
        sample=taken or sample(),
        sent=(sent,),
        verdict=DRIFT,
        reason=DriftReason.DATA_QUALITY,
        drifted=columns,
        says=says,
    )


def silent(*sent: Sent, says: str, rows: int = 0) -> Case:
    """Nothing can be said."""
    return Case(
        sample=sample(), sent=sent, verdict=INCONCLUSIVE, reason=DriftReason.INSUFFICIENT_DATA, says=says, rows=rows
    )


def unusable(taken: dict[str, Cells] | bytes, says: str, **more: object) -> Case:
    """The sample is of no use."""
    return Case(
        sample=taken,
        sent=(Sent(columns=live()),),
        verdict=ERROR,
        reason=DriftReason.BAD_REFERENCE,
        says=says,
        **more,  # type: ignore[arg-type]
    )


NAN, INF = float("nan"), float("inf")
HOSTILE = "</script><script>alert(1)</script>"
CASES: dict[str, Case] = {
    "like the sample": calm(Sent(columns=live()), rows=ROWS),
    "no batch at all": silent(says="no records came yet"),
    "a batch without rows": silent(Sent(columns=live(rows=0), rows=0, batches=1), says="no records came yet"),
    "one row": silent(Sent(columns=live(rows=1), rows=1, batches=1), says="fewer than 50 rows so far"),
    "more rows than a batch may have": silent(
        Sent(
            columns=(Live(name="a", cells=[0] * 1_000_000, datatype="BOOL"),),
            rows=1_000_000,
            batches=1,
            answers=TOO_LARGE,
        ),
        says="no records came yet",
    ),
    "every number is NaN": broken("a", sent=Sent(columns=live(a=[NAN] * ROWS)), says="a"),
    "a tenth of the numbers is NaN": broken("a", sent=Sent(columns=live(a=with_some(normal(11), NAN, 10)))),
    "as many NaN as in the sample": calm(
        Sent(columns=live(Live(name="b", cells=with_some(normal(21), NAN, 10)))),
        taken=sample(b=with_some(normal(20), "", 10)),
    ),
    "infinite numbers": broken("a", sent=Sent(columns=live(a=with_some(normal(11), INF, 20)))),
    "negatively infinite numbers": broken("a", sent=Sent(columns=live(a=with_some(normal(11), -INF, 20)))),
    "one value of 1e9": calm(Sent(columns=live(a=[1e9, *normal(11)[1:]]))),
    "one value near the largest there is": calm(Sent(columns=live(a=[1.7e308, *normal(11)[1:]]))),
    "a column that no longer changes": moved("a", sent=Sent(columns=live(a=[0.5] * ROWS))),
    "a column that never changed": calm(
        Sent(columns=live(Live(name="c", cells=[7.0] * ROWS))), taken=sample(c=[7] * ROWS)
    ),
    "a column that never changed has another value": broken(
        "c", sent=Sent(columns=live(Live(name="c", cells=[8.0] * ROWS))), taken=sample(c=[7] * ROWS)
    ),
    "denormal numbers and negative zeros": calm(
        Sent(columns=live(Live(name="z", cells=[-0.0, 5e-324] * (ROWS // 2)))), taken=sample(z=[0.0] * ROWS)
    ),
    "a column is not recorded": calm(
        Sent(columns=live()[:2]), says="not judged, for they are not recorded, or as hashes"
    ),
    "all columns have other names": Case(
        sample=sample(),
        sent=(Sent(columns=(Live(name="x", cells=normal(11)), Live(name="y", cells=normal(12)))),),
        verdict=ERROR,
        reason=DriftReason.BAD_REFERENCE,
        says="no column of the reference sample (a, s, u) is among the columns that are recorded (x, y)",
    ),
    "numbers that come as text": calm(
        Sent(columns=live(Live(name="a", cells=[str(each) for each in normal(11)], datatype="BYTES")))
    ),
    "text where the sample has numbers": calm(
        Sent(columns=live(Live(name="a", cells=shops(11), datatype="BYTES"))), says="not judged"
    ),
    "numbers where the sample has text": calm(
        Sent(columns=live(Live(name="t", cells=[each % 3 for each in range(ROWS)], datatype="INT64"))),
        taken=sample(t=[str(each % 3) for each in range(ROWS)]),
        types={"t": "string"},
    ),
    "10,000 categories with a long tail": calm(
        Sent(columns=live(Live(name="k", cells=long_tail(31), datatype="BYTES"))), taken=sample(k=long_tail(30))
    ),
    "10,000 categories that were never seen": broken(
        "s", sent=Sent(columns=live(s=[f"new-{number}" for number in range(ROWS)]))
    ),
    "other shares of the categories": moved("s", sent=Sent(columns=live(s=with_some(shops(12), "shop-0", 2)))),
    "truth values": calm(
        Sent(columns=live(Live(name="f", cells=[each % 2 for each in range(ROWS)], datatype="BOOL"))),
        taken=sample(f=["true", "false"] * (ROWS // 2)),
    ),
    "truth values that are nearly always true": moved(
        "f",
        sent=Sent(columns=live(Live(name="f", cells=[each % 10 != 0 for each in range(ROWS)], datatype="BOOL"))),
        taken=sample(f=["true", "false"] * (ROWS // 2)),
    ),
    "times, as seconds": calm(
        Sent(
            columns=live(
                Live(name="w", cells=[1_700_000_000 + each * 60 for each in np.random.default_rng(6).permutation(ROWS)])
            )
        ),
        taken=sample(w=[np.datetime_as_string(np.datetime64(1_700_000_000 + each * 60, "s")) for each in range(ROWS)]),
    ),
    "whole numbers at their limits": calm(
        Sent(columns=live(Live(name="i", cells=[2**63 - 1, -(2**63)] * (ROWS // 2), datatype="INT64"))),
        taken=sample(i=[2**63 - 1, -(2**63)] * (ROWS // 2)),
    ),
    "numbers of half precision": calm(Sent(columns=live(Live(name="a", cells=normal(11), datatype="FP16")))),
    "an image: tensors without columns": calm(Sent(columns=()), rows=0, says="inputs are not judged"),
    "an image whose predictions move": Case(
        sample=sample(),
        sent=(Sent(columns=(), scores=0.99),),
        verdict=DRIFT,
        reason=DriftReason.DATASET_DRIFT,
        drifted=("prediction (version 1)",),
    ),
    "predictions that move": Case(
        sample=sample(),
        sent=(Sent(columns=live(), scores=0.99),),
        verdict=DRIFT,
        reason=DriftReason.DATASET_DRIFT,
        drifted=("prediction (version 1)",),
    ),
    "every column moves": Case(
        sample=sample(),
        sent=(Sent(columns=live(a=[each + 2 for each in np.array(normal(11))], s=["shop-0"] * ROWS)),),
        verdict=DRIFT,
        reason=DriftReason.DATASET_DRIFT,
        drifted=("a", "s"),
    ),
    "a hostile name": moved(
        HOSTILE,
        sent=Sent(columns=live(Live(name=HOSTILE, cells=[each + 2 for each in np.array(normal(41))]))),
        taken=sample(**{HOSTILE: normal(40)}),
        says=HOSTILE,
    ),
    "hostile values": broken("s", sent=Sent(columns=live(s=with_some(shops(12), HOSTILE, 4)))),
    "NUL and half a character in texts": broken("s", sent=Sent(columns=live(s=with_some(shops(12), "\x00\ufffd", 4)))),
    "a text of 100,000 characters": calm(Sent(columns=live(s=["x" * 100_000, *shops(12)[1:]]))),
    "empty texts": broken("s", sent=Sent(columns=live(s=with_some(shops(12), "", 4)))),
    "copies only": silent(Sent(columns=live(), shadow=True), says=""),
    "records of a pod whose clock is a day slow": calm(Sent(columns=live(), at=1_700_000_000.0), rows=ROWS),
    "two pods whose clocks differ by an hour": calm(
        Sent(columns=live(rows=1000), rows=1000, at=1_700_000_000.0, sender="one"),
        Sent(columns=live(rows=1000), rows=1000, at=1_700_003_600.0, sender="two"),
        rows=2000,
    ),
    "a time that is none": silent(Sent(columns=live(), at=NAN, batches=1, answers=BAD), says="no records came yet"),
    "the same batch twice": calm(Sent(columns=live()), Sent(columns=live()), rows=ROWS),
    "batches with numbers of before: a pod sends them in order, so they are repeats": calm(
        Sent(columns=live(rows=1000), rows=1000, number=100), Sent(columns=live(rows=1000), rows=1000), rows=1000
    ),
    "requests without an id": calm(Sent(columns=live(), ids=False), rows=ROWS),
    "a sample of 500 rows": calm(Sent(columns=live()), taken=sample(b=normal(50, 500))),
    "a sample without a prediction": calm(
        Sent(columns=live()), taken={"a": normal(1), "s": shops(2), "u": uniform(4)}, rows=ROWS
    ),
    "a sample of one row": Case(
        sample=sample(b=[1.0]),
        sent=(Sent(columns=live()),),
        verdict=ERROR,
        reason=DriftReason.BAD_REFERENCE,
        says="has 1 rows",
    ),
    "no sample": Case(
        sample=None,
        sent=(Sent(columns=live()),),
        verdict=ERROR,
        reason=DriftReason.NO_REFERENCE,
        says="log reference.parquet or reference.csv",
    ),
    "a sample without rows": unusable(b"a,s,prediction\n", "no rows"),
    "a sample that names a column twice": unusable(b"a,a\n1,2\n", "twice"),
    "a sample that is no CSV": unusable(b'a,s\n"1,2\n3', "cannot be read"),
    "a sample that is no Parquet": unusable(b"PAR1", "cannot be read", path="reference.parquet"),
    "a sample of the truth alone": unusable(b"label\n" + b"1\n" * 200, "no column beside"),
}


def as_csv(columns: dict[str, Cells]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def stored(number: int, case: Case) -> tuple[str, dict[str, bytes]]:
    """A digest of the case's own, and what the model store serves of it."""
    file = ModelFile(path="model.onnx", size=1 + number, sha256="0" * 64)
    digest = digest_of([file])
    names = dict.fromkeys(("a", "s", *(column.name for sent in case.sent for column in sent.columns)))
    words = {"s": "string", "k": "string"} | case.types
    columns = tuple(Column(name=name, type=words.get(name, "double")) for name in names)
    base = f"/v1/digests/{digest}"
    files = {base: card(None if case.sample is None else case.path, model=file, columns=columns)}
    if case.sample is not None:
        files[f"{base}/files/{case.path}"] = case.sample if isinstance(case.sample, bytes) else as_csv(case.sample)
    return digest, files


def encoded(name: str, served: ServedVersion, sent: Sent) -> Iterator[bytes]:
    """The rows in so many batches, one after another."""
    scores = np.random.default_rng(13).random(sent.rows) if sent.scores is None else np.full(sent.rows, sent.scores)
    size = -(-sent.rows // sent.batches)
    for index in range(sent.batches):
        these = slice(index * size, (index + 1) * size)
        some = scores[these]
        run = RecordedRun(
            at=sent.at,
            requests=_requests(sent, index, len(some)),
            inputs=tuple(_cells(column, these) for column in sent.columns),
            outputs=(np.stack([1 - some, some], axis=1).astype("<f4").tobytes(),),
        )
        blocks = tuple(RecordBlock((column.name,), column.datatype) for column in sent.columns)
        yield packed(run, sent.number + index, inputs=blocks, name=name, served=served, sender=sent.sender)


def _requests(sent: Sent, batch: int, rows: int) -> tuple[RecordedRequest, ...]:
    if rows > ROWS:
        return (RecordedRequest(id="", rows=rows, shadow=sent.shadow),)
    ids = (f"{sent.sender}-{batch}-{row}" if sent.ids else "" for row in range(rows))
    return tuple(RecordedRequest(id=each, rows=1, shadow=sent.shadow) for each in ids)


def _cells(column: Live, these: slice) -> bytes | list[str]:
    cells = column.cells[these]
    if column.datatype == "BYTES":
        return [str(cell) for cell in cells]
    return np.asarray(cells).astype(NUMPY[column.datatype]).tobytes()


@pytest.fixture(scope="module")
def store() -> Iterator[FileStore]:
    with file_store() as files:
        yield files


@pytest.fixture(scope="module")
def monitor(store: FileStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    with monitors(tmp_path_factory.mktemp("rows"), store) as start:
        yield start()


def answered(report: DriftReport) -> bool:
    return "it is being loaded" not in report.message


@pytest.mark.parametrize("what", CASES)
def test_each_row_has_its_defined_answer(what: str, monitor: Monitor, store: FileStore) -> None:
    case, number = CASES[what], list(CASES).index(what)
    name = f"case-{number}"
    digest, files = stored(number, case)
    store.files |= files
    served = ServedVersion(version="1", digest=digest, revision=name)
    monitor.watch(DriftWish(stable=served, period_seconds=0), name)
    eventually(lambda: answered(monitor.drift(name)), "the sample is here, or known to be of no use")
    for sent in case.sent:
        for body in encoded(name, served, sent):
            answer = monitor.post(body)
            assert answer.status_code == sent.answers, answer.text
            assert sent.answers == OK or answer.json()["error"]
    report = monitor.drift(name)
    assert (report.verdict, report.reason) == (case.verdict, case.reason), report
    assert {each.name for each in report.columns if each.verdict is DRIFT} == set(case.drifted), report
    assert case.says in report.message
    if case.rows is not None:
        assert report.rows == case.rows
    for address in (f"/models/shop/{name}", "/"):
        page = monitor.client.get(address)
        assert page.status_code == httpx.codes.OK
        assert HOSTILE not in page.text
    assert monitor.process.poll() is None
