"""What the pages tell a reader to write is accepted: by the API server, by helm, by make and by the plugin."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import pytest
from kubernetes.aio.client import ApiClient, CoreV1Api, CustomObjectsApi
from kubernetes.aio.client.exceptions import ApiException

from penstock_cli.program import program
from penstock_contracts.names import GROUP, KIND, PLURAL, VERSION
from penstock_testing.chart import Chart, find_helm
from penstock_testing.code_blocks import CodeBlock, code_blocks, commands
from penstock_testing.documents import read, read_all
from penstock_testing.platform import ROOT

SMALLEST = {"registry": {"model": "fraud-detector", "alias": "champion"}}
STRICT = {"dry_run": "All", "field_validation": "Strict"}


def documents(block: CodeBlock) -> list[dict[str, Any]]:
    return read_all(block.text)


def model_deployments() -> list[Any]:
    """Whole ones, and parts that begin with `spec`."""
    return [
        pytest.param(document, id=str(block))
        for block in code_blocks("yaml")
        for document in documents(block)
        if document.get("kind", KIND) == KIND and "spec" in document
    ]


def spec_fields() -> list[Any]:
    """The fields that tables tell to write, as `predictor: {minReplicas: 4}`."""
    found = []
    for page in sorted((ROOT / "docs" / "user").rglob("*.md")):
        for line in page.read_text().splitlines():
            cell = re.match(r"^\| [^|`]+ \| `(\w+: [^`]*)`", line)
            if cell and "..." not in cell.group(1):
                found.append(pytest.param(cell.group(1), id=f"{page.name}: {cell.group(1)[:40]}"))
    return found


@pytest.fixture
async def namespace(api: ApiClient) -> AsyncIterator[str]:
    name = f"pages-{uuid4().hex[:8]}"
    await CoreV1Api(api).create_namespace({"metadata": {"name": name}})
    yield name
    await CoreV1Api(api).delete_namespace(name)


async def refusal(api: ApiClient, namespace: str, spec: dict[str, Any]) -> str:
    """What the API server says against a spec, strictly validated; empty: nothing."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": "of-a-page", "namespace": namespace},
        "spec": SMALLEST | spec,
    }
    try:
        await CustomObjectsApi(api).create_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, body, **STRICT)
    except ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


@pytest.mark.parametrize("document", model_deployments())
async def test_each_model_deployment_on_a_page_is_accepted_strictly(
    api: ApiClient, namespace: str, document: dict[str, Any]
) -> None:
    assert await refusal(api, namespace, document["spec"]) == ""


@pytest.mark.parametrize("text", spec_fields())
async def test_each_field_that_a_table_tells_to_write_is_accepted_strictly(
    api: ApiClient, namespace: str, text: str
) -> None:
    assert await refusal(api, namespace, read(text)) == ""


async def test_a_misspelt_field_would_be_found(api: ApiClient, namespace: str) -> None:
    assert "minReplica" in await refusal(api, namespace, {"predictor": {"minReplica": 2}})


def test_helm_takes_each_values_file_on_a_page(tmp_path: Path) -> None:
    chart = Chart(helm=find_helm())
    files = [block for block in code_blocks("yaml") if "registries:" in block.text.splitlines()[0:3]]
    files += [
        block
        for block in code_blocks("yaml")
        if block not in files and any(not {"kind", "spec", "status"} & document.keys() for document in documents(block))
    ]
    assert files
    for block in files:
        values = tmp_path / "values.yaml"
        # References by digest are written with three dots on the page.
        values.write_text(block.text.replace("sha256:...", f"sha256:{'0' * 64}"))
        assert chart.render_with(values).of("Deployment"), block


def test_each_json_on_a_page_can_be_read() -> None:
    """Some show several answers one after the other."""
    decoder = json.JSONDecoder()
    for block in code_blocks("json"):
        left = block.text.strip()
        while left:
            _, end = decoder.raw_decode(left)
            left = left[end:].lstrip()


def test_each_make_target_on_a_page_exists() -> None:
    makefiles = [ROOT / "Makefile", *ROOT.glob("examples/*/Makefile")]
    targets = {
        name for file in makefiles for name in re.findall(r"^([a-z][a-z0-9-]*):", file.read_text(), re.MULTILINE)
    }
    named = {
        (str(block), word)
        for block, command in commands()
        for word in re.findall(r"\bmake ((?:[a-z][a-z0-9-]* ?)+)", command)
        for word in word.split()
    }
    assert named
    assert {(where, word) for where, word in named if word not in targets} == set()


def test_the_plugin_knows_each_of_its_commands_on_a_page() -> None:
    said = [
        (str(block), shlex.split(command.partition("kubectl penstock")[2].split(" | ")[0]))
        for block, command in commands()
        if command.startswith("kubectl penstock")
    ]
    assert said
    for where, words in said:
        # What only shows the help or the version does not come back from the parser.
        if words and not words[0].startswith("-"):
            found = program.get_command(click.Context(program), words[0])
            assert found is not None, (where, words)
            options = {option for each in (*found.params, *program.params) for option in each.opts}
            unknown = [word for word in words[1:] if word.startswith("-") and word.split("=")[0] not in options]
            assert unknown == [], (where, words)
