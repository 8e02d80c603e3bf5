"""The description is true: what schemathesis makes of it is answered as it says."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from penstock_predictor.settings import DEFAULT_MODEL_FILE
from penstock_testing import tiny_models

from .conftest import StartApp, StartProcess, tensor, write_huge

CHECKS: list[Any] = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
EXAMPLES = 40
ROW = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}
GOOD = {"/predict": {"instances": [[1, 2], [3, 4]]}}
INFERENCE = {"200", "400", "404", "408", "413", "415", "422", "429", "431", "500", "503", "504"}


def codes_of(operation: Any, wanted: list[Any]) -> Counter[int]:
    """Send what schemathesis draws for an operation, and what is good; check each answer; count their codes."""
    codes: Counter[int] = Counter()

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def hold(case: Any) -> None:
        for known in (False, True):
            if known:
                case.path_parameters.update({"name": "model", "version": "1"})
            response = case.call(timeout=30)
            case.validate_response(response, checks=wanted)
            codes[response.status_code] += 1

    hold()
    return codes


def operations(url: str) -> list[Any]:
    results = list(schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations())
    readable = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(readable) == len(results)
    return readable


def test_everything_is_answered_as_the_description_says(tmp_path: Path, start_process: StartProcess) -> None:
    tiny_models.scaled(tmp_path / DEFAULT_MODEL_FILE, 3)
    url = start_process("serve", model_dir=tmp_path).ready()
    seen = {
        f"{operation.method} {operation.path}": codes_of(operation, [not_a_server_error, *CHECKS])
        for operation in operations(url)
    }
    gets = {name: codes for name, codes in seen.items() if name.startswith("get")}
    assert all(codes[200] for codes in gets.values()), gets
    posts = {name: codes for name, codes in seen.items() if name.startswith("post")}
    assert len(posts) == 3
    assert all(codes[422] for codes in posts.values()), posts


@pytest.mark.parametrize("path", ["/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer", "/predict"])
def test_good_answers_are_as_the_description_says(path: str, tmp_path: Path, start_process: StartProcess) -> None:
    tiny_models.scaled(tmp_path / DEFAULT_MODEL_FILE, 3)
    url = start_process("serve", model_dir=tmp_path).ready()
    operation = next(each for each in operations(url) if each.path == path)
    binary = {"parameters": {"binary_data_output": True}}
    bodies = [GOOD["/predict"], {"features": [1, 2]}] if path == "/predict" else [ROW, ROW | {"id": "a"}, ROW | binary]
    for body in bodies:
        case = operation.Case(
            path_parameters={"name": "model", "version": "1"}, body=body, media_type="application/json"
        )
        response = case.call(headers={"x-request-id": "r"}, timeout=30)
        assert response.status_code == 200, response.text
        case.validate_response(response, checks=CHECKS)


def test_while_the_model_loads_refusals_are_as_the_description_says(
    tmp_path: Path, start_process: StartProcess
) -> None:
    write_huge(tmp_path)
    url = start_process("serve", model_dir=tmp_path).listening()
    seen = {operation.path: codes_of(operation, CHECKS) for operation in operations(url)}
    assert httpx.get(f"{url}/v2/health/ready", timeout=30).status_code == 503
    waiting = [path for path, codes in seen.items() if codes[503]]
    assert set(seen) - set(waiting) == {"/v2", "/v2/health/live", "/metrics", "/"}


async def test_each_operation_names_its_refusals_and_no_others(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled) as app:
        paths = (await app.client.get("/openapi.json")).json()["paths"]
    refused = {
        path: {code for operation in operations.values() for code in operation["responses"]}
        for path, operations in paths.items()
    }
    assert refused.pop("/predict") == INFERENCE - {"404"}
    for path, codes in refused.items():
        if path.endswith("/infer"):
            assert codes == INFERENCE
        elif path.startswith("/v2/models"):
            assert codes == {"200", "404", "503"}
        else:
            assert codes == {"200", "503"} if path in ("/health", "/v2/health/ready", "/example") else {"200"}, path


async def test_tensors_as_bytes_are_described_both_ways(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled) as app:
        operation = (await app.client.get("/openapi.json")).json()["paths"]["/v2/models/{name}/infer"]["post"]
    good = operation["responses"]["200"]
    forms = {"application/json", "application/octet-stream"}
    assert set(operation["requestBody"]["content"]) == set(good["content"]) == forms
    assert set(good["headers"]) == {"x-penstock-digest", "x-request-id", "inference-header-content-length"}
    assert "retry-after" in operation["responses"]["429"]["headers"]
    asked = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
    assert asked == {"x-request-timeout-ms", "x-request-id", "inference-header-content-length"}
