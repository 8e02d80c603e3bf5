import pytest
import yaml

from penstock_model_store.errors import (
    BadMetadata,
    NoModelFile,
    PathRefused,
    PickleOnly,
    PythonModel,
    SeveralModelFiles,
)
from penstock_model_store.layout import ArtifactLayout, Listed
from penstock_model_store.layout import chosen_layout as chosen_layout_of


def listed(*paths: str) -> list[Listed]:
    return [Listed(path=path, size=1) for path in paths]


def chosen_layout(files: list[Listed], metadata: str | None) -> ArtifactLayout:
    return chosen_layout_of(files, metadata, "fraud-detector/3")


def metadata(**document: object) -> str:
    return yaml.safe_dump({"flavors": {"onnx": {"data": "model.onnx"}}, **document})


def test_what_mlflow_logged_is_found_by_its_metadata() -> None:
    files = listed("MLmodel", "model.onnx", "other.onnx", "serving_input_example.json", "input_example.json", "x.pkl")
    signature = '[{"type": "double", "name": "a"}]'

    assert chosen_layout(files, metadata(signature={"inputs": signature})) == ArtifactLayout(
        model="model.onnx",
        example="serving_input_example.json",
        reference=None,
        features=None,
        signature_inputs=signature,
    )


def test_a_folder_with_just_an_onnx_file_is_a_model() -> None:
    assert chosen_layout(listed("net.onnx", "readme.txt"), None).model == "net.onnx"


def test_metadata_of_another_flavor_with_one_onnx_file_beside_is_served() -> None:
    text = yaml.safe_dump({"flavors": {"python_function": {}}})

    assert (
        chosen_layout(listed("MLmodel", "artifacts/net.onnx", "python_model.pkl"), text).model == "artifacts/net.onnx"
    )


def test_the_example_is_where_the_metadata_says() -> None:
    text = metadata(saved_input_example_info={"artifact_path": "example-7.json", "type": "dataframe"})

    assert chosen_layout(listed("MLmodel", "model.onnx", "example-7.json"), text).example == "example-7.json"


def test_an_example_that_the_metadata_names_but_is_absent_is_none() -> None:
    text = metadata(saved_input_example_info={"artifact_path": "gone.json"})

    assert chosen_layout(listed("MLmodel", "model.onnx"), text).example is None


@pytest.mark.parametrize("path", ["reference.csv", "reference.parquet", "extra_files/reference.csv"])
def test_the_reference_sample_is_found_by_its_name(path: str) -> None:
    assert chosen_layout(listed("model.onnx", path), None).reference == path


@pytest.mark.parametrize(
    ("paths", "text", "refusal", "said"),
    [
        (["model.pkl"], None, PickleOnly, "model.pkl is a pickle"),
        (["sub/model.JOBLIB"], None, PickleOnly, "sub/model.JOBLIB"),
        (["model.pth"], None, PickleOnly, "penstock convert models:/fraud-detector/3"),
        (["weights.bin"], None, NoModelFile, "weights.bin"),
        (["a.onnx", "b.onnx"], None, SeveralModelFiles, "a.onnx, b.onnx"),
        (["MLmodel", "b.onnx"], metadata(), NoModelFile, "names 'model.onnx'"),
        (["MLmodel"], "flavors: {onnx: {data: /etc/passwd}}", PathRefused, "/etc/passwd"),
        (["MLmodel", "a.onnx"], "- just\n- a list", BadMetadata, "not a mapping"),
        (["MLmodel", "a.onnx"], "a: [", BadMetadata, "not YAML"),
        (["MLmodel", "a.onnx"], "!!python/object/apply:os.system [id]", BadMetadata, "not YAML"),
        (["MLmodel", "model.onnx"], metadata(signature={"inputs": 7}), BadMetadata, "signature.inputs"),
    ],
)
def test_a_bad_layout_is_refused_by_name(
    paths: list[str], text: str | None, refusal: type[Exception], said: str
) -> None:
    with pytest.raises(refusal, match=said):
        chosen_layout(listed(*paths), text)


@pytest.mark.parametrize("loader", ["mlflow.pyfunc.model", "my_company.loader"])
def test_python_code_around_a_net_is_refused_since_the_net_alone_answers_otherwise(loader: str) -> None:
    text = yaml.safe_dump({"flavors": {"python_function": {"loader_module": loader}}})

    with pytest.raises(PythonModel, match=r"artifacts/net\.onnx.*mlflow\.onnx\.log_model"):
        chosen_layout(listed("MLmodel", "artifacts/net.onnx", "python_model.pkl"), text)


def test_what_mlflow_itself_wraps_is_served() -> None:
    flavors = {"onnx": {"data": "model.onnx"}, "python_function": {"loader_module": "mlflow.onnx"}}

    assert chosen_layout(listed("MLmodel", "model.onnx"), yaml.safe_dump({"flavors": flavors})).model == "model.onnx"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("model.skops", "penstock convert models:/fraud-detector/3"),
        ("model.ubj", r"penstock.log_model\(model, name='fraud-detector', X=X\)"),
        ("model.keras", "tf2onnx"),
    ],
)
def test_a_model_of_another_kind_comes_with_the_line_that_converts_it(path: str, line: str) -> None:
    with pytest.raises(NoModelFile, match=line):
        chosen_layout(listed("MLmodel", path), None)
