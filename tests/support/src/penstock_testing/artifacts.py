"""Model artifacts, good and bad: what each is, and the reason word it must be refused with."""

import json
import os
import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import yaml
from onnx import TensorProto, helper

from penstock_testing.onnx_models import affine_model, columns_model, external_tensor, model_of, save_with_external_data

MAX_ARTIFACT_BYTES = 8 * 2**20
MAX_REFERENCE_BYTES = 2**20
MAX_FILES = 40
OPEN_SECONDS = 4
OPEN_MEMORY_BYTES = 2 * 2**30
"""The store's limits that the table counts on: PENSTOCK_STORE_MAX_ARTIFACT_BYTES and so on. Memory is the default."""

MATRIX_SIGNATURE = [{"type": "float", "name": "a", "required": True}, {"type": "float", "name": "b", "required": True}]
COLUMNS_SIGNATURE = [
    {"type": "double", "name": "amount", "required": True},
    {"type": "string", "name": "country", "required": True},
]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An artifact's folder, as a registry would hold it."""

    name: str
    build: Callable[[Path], None]
    """Fills an empty folder."""
    travels: bool = True
    """Whether it is what it is after an upload: links and pipes do not survive one, and need a `file:` source."""


@dataclass(frozen=True, kw_only=True)
class BadArtifact(Artifact):
    """One that must be refused."""

    reason: str
    names: str
    """What the message must name: the file, tensor, node or column."""


def write_metadata(
    folder: Path,
    *,
    model: str | None = "model.onnx",
    signature: list[dict[str, Any]] | None = None,
    example: dict[str, Any] | None = None,
    flavors: dict[str, Any] | None = None,
) -> None:
    """Write MLflow's MLmodel file, and the serving form of an input example."""
    document: dict[str, Any] = {"flavors": flavors or {"onnx": {"data": model}}}
    if signature is not None:
        document["signature"] = {"inputs": json.dumps(signature), "outputs": None, "params": None}
    if example is not None:
        (folder / "serving_input_example.json").write_text(json.dumps(example))
        document["saved_input_example_info"] = {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
        }
    (folder / "MLmodel").write_text(yaml.safe_dump(document))


def affine(slope: float, intercept: float, *, reference: bool = False) -> Callable[[Path], None]:
    """A whole MLflow folder: `y = x * slope + intercept` over columns a and b, with signature and example."""

    def build(folder: Path) -> None:
        _save(affine_model(slope, intercept), folder)
        example = {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}}
        write_metadata(folder, signature=MATRIX_SIGNATURE, example=example)
        if reference:
            (folder / "reference.csv").write_text("a,b\n1,2\n3,4\n")

    return build


def with_reference(
    build: Callable[[Path], object], header: str, rows: Iterable[Sequence[float]]
) -> Callable[[Path], None]:
    """A folder with a reference sample beside the model. `header`: its columns, with commas between."""

    def build_both(folder: Path) -> None:
        build(folder)
        lines = (",".join(f"{value:.7g}" for value in row) for row in rows)
        (folder / "reference.csv").write_text("\n".join([header, *lines, ""]))

    return build_both


def named_columns(intercept: float) -> Callable[[Path], None]:
    """A whole MLflow folder: inputs `amount` and `country`, with signature and example."""

    def build(folder: Path) -> None:
        _save(columns_model(intercept), folder)
        example = {"dataframe_split": {"columns": ["amount", "country"], "data": [[10.0, "CH"], [20.0, "??"]]}}
        write_metadata(folder, signature=COLUMNS_SIGNATURE, example=example)

    return build


def _bare(folder: Path) -> None:
    _save(affine_model(2.0, 1.0), folder)


def _with_data_file(folder: Path) -> None:
    save_with_external_data(affine_model(2.0, 1.0), folder / "model.onnx", "weights.bin")


def _pickle_beside(folder: Path) -> None:
    _bare(folder)
    (folder / "python_model.pkl").write_bytes(_TRAP)


class _Trap:
    """Unpickling it leaves a trace: the table's proof that nothing was."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch /tmp/penstock-unpickled",)


_TRAP = pickle.dumps(_Trap())

GOOD_ARTIFACTS = (
    Artifact(name="affine-with-signature-and-example", build=affine(2.0, 1.0, reference=True)),
    Artifact(name="named-columns", build=named_columns(0.5)),
    Artifact(name="only-an-onnx-file", build=_bare),
    Artifact(name="data-file-beside", build=_with_data_file),
    Artifact(name="pickle-beside-an-onnx", build=_pickle_beside),
)


def _save(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> None:
    (folder / name).write_bytes(model.SerializeToString())


def _pickle_only(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(_TRAP)
    write_metadata(folder, flavors={"sklearn": {"pickled_model": "model.pkl"}})


def _joblib_only(folder: Path) -> None:
    (folder / "model.joblib").write_bytes(_TRAP)


def _no_model(folder: Path) -> None:
    (folder / "notes.txt").write_text("the model is in the other folder")


def _empty(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"")


def _truncated(folder: Path) -> None:
    whole = affine_model(2.0, 1.0).SerializeToString()
    (folder / "model.onnx").write_bytes(whole[: len(whole) * 2 // 3])


def _header_only(folder: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.ClearField("graph")
    _save(model, folder)


def _not_onnx(folder: Path) -> None:
    (folder / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")


def _declared_but_absent(folder: Path) -> None:
    write_metadata(folder, model="lost.onnx")


def _declared_outside(folder: Path) -> None:
    _bare(folder)
    write_metadata(folder, model="../../other/model.onnx")


def _metadata_not_yaml(folder: Path) -> None:
    _bare(folder)
    (folder / "MLmodel").write_text("flavors: [")


def _several(folder: Path) -> None:
    _save(affine_model(2.0, 1.0), folder, "first.onnx")
    _save(affine_model(3.0, 1.0), folder, "second.onnx")


def _future_opset(folder: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.opset_import[0].version = 99
    _save(model, folder)


def _foreign_operator(folder: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.node[0].domain = "com.example.custom"
    model.opset_import.add(domain="com.example.custom", version=1)
    _save(model, folder)


def _dangling_initializer(folder: Path) -> None:
    model = affine_model(2.0, 1.0)
    del model.graph.initializer[1]
    _save(model, folder)


def _output_never_made(folder: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.output[0].name = "nowhere"
    _save(model, folder)


def _external(location: str, size: int = 4) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        model = affine_model(2.0, 1.0)
        model.graph.initializer[0].CopyFrom(external_tensor("slope", location, size))
        _save(model, folder)

    return build


def _external_in_branch(folder: Path) -> None:
    """The tensor hides in a branch of an If, where a search of the graph's initializers does not see it."""
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=external_tensor("hidden", "../../hidden.bin"))],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])],
    )
    model = model_of(
        [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)],
        inputs=[helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    _save(model, folder)


def _data_too_short(folder: Path) -> None:
    _external("weights.bin")(folder)
    (folder / "weights.bin").write_bytes(b"\0\0")


def _data_with_taken_name(folder: Path) -> None:
    _external("signature.json")(folder)
    (folder / "signature.json").write_bytes(b"\0\0\0\0")


def _symlink(folder: Path) -> None:
    outside = folder.parent / f"{folder.name}-outside.onnx"
    outside.write_bytes(affine_model(2.0, 1.0).SerializeToString())
    (folder / "model.onnx").symlink_to(outside)


def _hard_link(folder: Path) -> None:
    _bare(folder)
    os.link(folder / "model.onnx", folder.parent / f"{folder.name}-second-name.onnx")


def _linked_folder(folder: Path) -> None:
    _bare(folder)
    (folder / "data").symlink_to("/etc", target_is_directory=True)


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "model.onnx")


def _too_large(folder: Path) -> None:
    with (folder / "model.onnx").open("wb") as file:
        file.truncate(MAX_ARTIFACT_BYTES + 1)


def _too_many_files(folder: Path) -> None:
    _bare(folder)
    for number in range(MAX_FILES):
        (folder / f"{number}.txt").write_text("x")


def _large_reference(folder: Path) -> None:
    _bare(folder)
    (folder / "reference.csv").write_text("a\n" + "1\n" * MAX_REFERENCE_BYTES)


def _gigabytes_at_load(folder: Path) -> None:
    """A file of some hundred bytes: [24000, 24000] floats are made of it, 2.3 GB."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [24000, 24000])
    model = model_of(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceMax", ["huge"], ["top"], keepdims=0),
            helper.make_node("Add", ["x", "top"], ["y"]),
        ],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        initializers=[shape],
    )
    _save(model, folder)


def _endless(folder: Path) -> None:
    """A loop of 2^62 rounds."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Neg", ["state"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [None, 2]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [None, 2]),
        ],
    )
    model = model_of(
        [helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body)],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        initializers=[helper.make_tensor("rounds", TensorProto.INT64, [], [2**62])],
    )
    _save(model, folder)


def _too_few_columns(folder: Path) -> None:
    _bare(folder)
    write_metadata(folder, signature=MATRIX_SIGNATURE[:1])


def _text_for_numbers(folder: Path) -> None:
    _bare(folder)
    write_metadata(folder, signature=[MATRIX_SIGNATURE[0], {"type": "string", "name": "b", "required": True}])


def _other_tensor_name(folder: Path) -> None:
    _bare(folder)
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}, "name": "images"}
    write_metadata(folder, signature=[tensor])


def _example_of_another_model(folder: Path) -> None:
    _bare(folder)
    write_metadata(folder, example={"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1.0, 2.0, 3.0]]}})


def _zipmap(folder: Path) -> None:
    """What skl2onnx makes of a classifier unless it is told not to."""
    model = model_of(
        [helper.make_node("ZipMap", ["x"], ["probabilities"], domain="ai.onnx.ml", classlabels_strings=["no", "yes"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[
            helper.make_value_info(
                "probabilities",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
                ),
            )
        ],
    )
    _save(model, folder)


def _sequence_input(folder: Path) -> None:
    model = model_of(
        [helper.make_node("ConcatFromSequence", ["parts"], ["y"], axis=0)],
        inputs=[helper.make_tensor_sequence_value_info("parts", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
    )
    _save(model, folder)


def _unary(operator: str, **attributes: Any) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        model = model_of(
            [helper.make_node(operator, ["x"], ["y"], **attributes)],
            inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
            outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        )
        _save(model, folder)

    return build


def _not_a_number(folder: Path) -> None:
    """The logarithm of a negative number, which is the version's own example."""
    _unary("Log")(folder)
    write_metadata(folder, example={"inputs": [[-1.0, 1.0]]})


def _bad(name: str, reason: str, build: Callable[[Path], None], *, names: str, travels: bool = True) -> BadArtifact:
    return BadArtifact(name=name, reason=reason, build=build, names=names, travels=travels)


BAD_ARTIFACTS = (
    _bad("pickle-only", "PickleOnly", _pickle_only, names="model.pkl"),
    _bad("joblib-only-without-metadata", "PickleOnly", _joblib_only, names="model.joblib"),
    _bad("no-model-at-all", "NoModelFile", _no_model, names="notes.txt"),
    _bad("declared-model-absent", "NoModelFile", _declared_but_absent, names="lost.onnx"),
    _bad("declared-model-outside", "PathRefused", _declared_outside, names="../../other/model.onnx"),
    _bad("metadata-not-yaml", "BadMetadata", _metadata_not_yaml, names="MLmodel"),
    _bad("several-models", "SeveralModelFiles", _several, names="first.onnx, second.onnx"),
    _bad("zero-bytes", "EmptyModel", _empty, names="model.onnx"),
    _bad("truncated", "TruncatedModel", _truncated, names="model.onnx"),
    _bad("header-without-graph", "TruncatedModel", _header_only, names="model.onnx"),
    _bad("not-onnx", "NotOnnx", _not_onnx, names="model.onnx"),
    _bad("future-opset", "UnsupportedOpset", _future_opset, names="99"),
    _bad("foreign-operator", "UnsupportedOperator", _foreign_operator, names="com.example.custom"),
    _bad("dangling-initializer", "InvalidGraph", _dangling_initializer, names="intercept"),
    _bad("output-never-made", "InvalidGraph", _output_never_made, names="nowhere"),
    _bad("data-outside", "ExternalDataOutside", _external("../../secret.bin"), names="../../secret.bin"),
    _bad("data-absolute", "ExternalDataOutside", _external("/etc/passwd"), names="/etc/passwd"),
    _bad("data-outside-in-branch", "ExternalDataOutside", _external_in_branch, names="hidden.bin"),
    _bad("data-missing", "ExternalDataMissing", _external("weights.bin"), names="weights.bin"),
    _bad("data-too-short", "ExternalDataTruncated", _data_too_short, names="weights.bin"),
    _bad("data-with-taken-name", "ReservedName", _data_with_taken_name, names="signature.json"),
    _bad("symlink", "LinkRefused", _symlink, names="model.onnx", travels=False),
    _bad("hard-link", "LinkRefused", _hard_link, names="model.onnx", travels=False),
    _bad("linked-folder", "LinkRefused", _linked_folder, names="data", travels=False),
    _bad("pipe", "SpecialFileRefused", _pipe, names="model.onnx", travels=False),
    _bad("too-large", "ArtifactTooLarge", _too_large, names="model.onnx"),
    _bad("too-many-files", "TooManyFiles", _too_many_files, names=str(MAX_FILES)),
    _bad("reference-too-large", "ReferenceTooLarge", _large_reference, names="reference.csv"),
    _bad("gigabytes-at-load", "MemoryLimitExceeded", _gigabytes_at_load, names="model"),
    _bad("endless-loop", "OpenTimeLimitExceeded", _endless, names="model.onnx"),
    _bad("signature-with-too-few-columns", "SignatureMismatch", _too_few_columns, names="x"),
    _bad("signature-with-text-for-numbers", "SignatureMismatch", _text_for_numbers, names="column b"),
    _bad("signature-of-other-tensors", "SignatureMismatch", _other_tensor_name, names="images"),
    _bad("example-of-another-model", "InputExampleRefused", _example_of_another_model, names="example"),
    _bad("zipmap", "UnsupportedOutput", _zipmap, names="probabilities"),
    _bad("sequence-input", "UnsupportedInput", _sequence_input, names="parts"),
    _bad("not-a-number", "GoldenNotFinite", _not_a_number, names="y"),
    _bad("random-output", "NondeterministicOutput", _unary("RandomNormalLike"), names="y"),
)
