"""What the model store answers about a version."""

from enum import StrEnum

from pydantic import Field

from penstock_contracts.base import Contract
from penstock_contracts.features import FeatureLookup
from penstock_contracts.inference import InferRequest, InferResponse

Digest = str
"""`sha256:` and 64 lower-case hexadecimal digits."""


class ModelFile(Contract):
    """A file of what runs."""

    path: str
    """Relative to the model's folder, with forward slashes; never absolute, never with `..`."""
    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


class TensorSpec(Contract):
    """An input or output of the ONNX graph."""

    name: str
    datatype: str
    """As in the Open Inference Protocol V2: BOOL, INT8 ... INT64, UINT8 ... UINT64, FP16, FP32, FP64, BYTES."""
    shape: tuple[int, ...]
    """-1 where the graph leaves a dimension open. Empty: one value without dimensions, or the graph states no rank."""


class Column(Contract):
    """A named feature of the MLflow signature."""

    name: str
    type: str
    """MLflow's word: boolean, integer, long, float, double, string."""
    required: bool = True
    input: str | None = None
    """The graph's input that it goes to, where the converter gave that another name; None: the one of its own name."""


class GoldenSource(StrEnum):
    """Where the golden request came from."""

    INPUT_EXAMPLE = "InputExample"
    SIGNATURE = "Signature"
    """Generated from the graph's inputs, because the version has no usable input example."""


class Fill(StrEnum):
    """What a generated request holds: a number for each element, by its place `i` in row-major order.

    Floats take a quarter of it (of Noise: `h / 2**32`), integers the number itself, BOOL whether it is not 0, and BYTES
    so many letters of `abc`. Store and predictor compute it alike, so that a request of any size needs no room.
    """

    RAMP = "Ramp"
    """`i % 3 + 1`"""
    ONES = "Ones"
    ZEROS = "Zeros"
    NOISE = "Noise"
    """With `h = (i * 2654435761 + 12345) % 2**32`: `h // 2**30`"""


class Golden(Contract):
    """A request with the answer that onnxruntime gave at ingest. A pod is not ready until it gives the same answer.

    What is large does not lie in the card: then the request's tensors have no data, and `fill` or `request_path` says
    where it comes from; of the answer every `stride`-th value is kept.
    """

    source: GoldenSource
    request: InferRequest
    response: InferResponse
    fill: Fill | None = None
    """What every input holds, where the request's tensors have no data."""
    request_path: str | None = None
    """Which of the card's files has the whole request, where its tensors have no data."""
    stride: int = Field(default=1, ge=1)
    """The answer's data are the elements 0, stride, 2 * stride, ... of each output in row-major order."""


class ModelCost(Contract):
    """What opening a model took when it was checked: on the store's machine, with one thread."""

    load_seconds: float
    """Time until it could answer."""
    golden_seconds: float
    """Time for the golden request: the shortest of several runs, since other work only makes it longer."""
    memory_bytes: int | None = None
    """What loading it and answering the golden request added to the process at its highest. None: not to be had."""


class ModelCard(Contract):
    """Everything that the other parts may know about a digest. Equal digests have equal cards, but for `cost`."""

    digest: Digest
    files: tuple[ModelFile, ...]
    """Sorted by path. The digest is the sha256 over their (path, size, sha256)."""
    model_path: str
    """The `.onnx` file to load."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    columns: tuple[Column, ...] | None = None
    """The signature's named inputs in their order; None: no column signature, `/predict` is refused."""
    features: FeatureLookup | None = None
    """Columns that are looked up where a row lacks them; None: the version came without `features.json`."""
    golden: Golden
    opsets: dict[str, int] = Field(default_factory=dict)
    """Operator set domain to version."""
    cost: ModelCost | None = None
    """None: a store that did not measure it made the card."""
    reference_path: str | None = None
    """Path of the reference sample in the store's folder of this digest; None: the version has none."""


class IngestPhase(StrEnum):
    """How far the store is with a version."""

    PENDING = "Pending"
    READY = "Ready"
    REFUSED = "Refused"
    """The artifact is bad: the same bytes will be refused again."""
    FAILED = "Failed"
    """Something outside failed (the registry is away, the disk is full): the store tries again on its own."""


class IngestStatus(Contract):
    """Answer of `PUT` and `GET /v1/registries/{registry}/models/{model}/versions/{version}`."""

    phase: IngestPhase
    reason: str = ""
    """One CamelCase word, for conditions: PickleOnly, TruncatedModel, LinkRefused, ..."""
    message: str = ""
    """What failed, on which file, and what to do."""
    card: ModelCard | None = None
    """Present exactly when the phase is Ready."""


class IngestRequest(Contract):
    """Body of `PUT /v1/registries/{registry}/models/{model}/versions/{version}`."""

    created_at_ms: int
    """The version's creation time in the registry: a version made again under an old number is another one."""


class Kept(Contract):
    """Body of `PUT /v1/kept`: all that one keeper needs. What no keeper needs the store removes after a grace time."""

    keeper: str = Field(min_length=1, max_length=512)
    """Who speaks, of all that may use the store: another's word does not replace this one's."""
    digests: tuple[Digest, ...] = Field(max_length=100_000)
    """Every digest that a resource names or may be given. In place of what this keeper said before."""


class KeptAnswer(Contract):
    """Answer of `PUT /v1/kept`."""

    missing: tuple[Digest, ...]
    """Those of the digests that the store does not hold: their versions must be asked for again."""
