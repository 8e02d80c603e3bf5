"""Records and reference samples of a small model: two numbers, a text, and the probability of the second class."""

import msgspec
import numpy as np

from penstock_contracts.digest import digest_of
from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Column, Golden, GoldenSource, ModelCard, ModelFile
from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun

MODEL = ModelFile(path="model.onnx", size=1, sha256="0" * 64)
DIGEST = digest_of([MODEL])
STABLE = ServedVersion(version="1", digest=DIGEST, revision="fraud-1")
WISH = DriftWish(stable=STABLE, period_seconds=0)
COLUMNS = (Column(name="amount", type="double"), Column(name="age", type="double"), Column(name="shop", type="string"))


def card(
    reference: str | None = "reference.csv", *, model: ModelFile = MODEL, columns: tuple[Column, ...] = COLUMNS
) -> bytes:
    golden = Golden(
        source=GoldenSource.SIGNATURE,
        request=InferRequest(inputs=()),
        response=InferResponse(model_name="m", outputs=()),
    )
    return (
        ModelCard(
            digest=digest_of([model]),
            files=(model,),
            model_path="model.onnx",
            inputs=(),
            outputs=(),
            columns=columns,
            golden=golden,
            reference_path=reference,
        )
        .model_dump_json()
        .encode()
    )


def packed(
    run: RecordedRun,
    number: int,
    *,
    inputs: tuple[RecordBlock, ...],
    outputs: tuple[RecordBlock, ...] = (RecordBlock(("probabilities[0]", "probabilities[1]"), "FP32"),),
    name: str = "fraud",
    served: ServedVersion = STABLE,
    sender: str = "pod-1",
) -> bytes:
    """A batch of one run, as a predictor sends it."""
    return msgspec.msgpack.encode(
        RecordBatch(
            namespace="shop",
            name=name,
            digest=served.digest,
            version=served.version,
            revision=served.revision,
            sender=sender,
            number=number,
            inputs=inputs,
            outputs=outputs,
            runs=(run,),
        )
    )


def files(rows: int = 2000, seed: int = 1) -> dict[str, bytes]:
    """What the model store serves of the digest."""
    base = f"/v1/digests/{DIGEST}"
    return {base: card(), f"{base}/files/reference.csv": reference(rows, seed)}


def reference(rows: int, seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    lines = ["amount,age,shop,prediction,label"]
    lines += [
        f"{amount:.6f},{age:.6f},{'abc'[shop]},{score:.6f},0"
        for amount, age, shop, score in zip(
            draw.normal(size=rows), draw.normal(size=rows), draw.integers(0, 3, rows), draw.random(rows), strict=True
        )
    ]
    return "\n".join(lines).encode() + b"\n"


def batch(
    number: int,
    *,
    rows: int = 100,
    shift: float = 0.0,
    sender: str = "pod-1",
    at: float = 4_000_000_000.0,  # later than any clock: records count as of their arrival
    shadow: bool = False,
    served: ServedVersion = STABLE,
    ids: bool = True,
    requests: str = "",
    name: str = "fraud",
    seed: int | None = None,
) -> bytes:
    """Rows of a sender. `requests`: how their ids begin, where another sender has answered the same."""
    begin = requests or f"{sender}-{number}"
    draw = np.random.default_rng((number if seed is None else seed) + 1000)
    numbers = draw.normal(size=(rows, 2))
    numbers[:, 0] += shift
    score = draw.random(rows)
    run = RecordedRun(
        at=at + number,
        requests=tuple(
            RecordedRequest(id=f"{begin}-{row}" if ids else "", rows=1, shadow=shadow) for row in range(rows)
        ),
        inputs=(numbers.astype("<f4").tobytes(), ["abc"[each] for each in draw.integers(0, 3, rows)]),
        outputs=(np.stack([1 - score, score], axis=1).astype("<f4").tobytes(),),
    )
    blocks = (RecordBlock(("amount", "age"), "FP32"), RecordBlock(("shop",), "BYTES"))
    return packed(run, number, inputs=blocks, name=name, served=served, sender=sender)
