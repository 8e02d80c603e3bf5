"""Answers that a real API server gives only when another release has written them."""

from typing import Any

import pytest

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.errors import UnreadableObject
from penstock_testing.scripted_api import ScriptedApi


def document(name: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "users", "name": name},
        "spec": {"registry": {"model": "model", "alias": "champion"}},
        "status": status,
    }


def test_a_resource_that_cannot_be_read_does_not_hide_the_others(
    scripted: ScriptedApi, scripted_client: ClusterClient
) -> None:
    items = [document("one", attempt="many"), document("two", attempt=2)]
    scripted.answers = [(200, [{"items": items, "metadata": {}}])]
    found = scripted_client.model_deployments("users")
    assert [each.metadata.name for each in found.items] == ["two"]
    (problem,) = found.problems
    assert problem.startswith("list ModelDeployments in users: users/one: this plugin cannot read status.attempt (")


def test_names_are_read_where_the_resources_cannot_be(scripted: ScriptedApi, scripted_client: ClusterClient) -> None:
    scripted.answers = [(200, [{"items": [document("one", attempt="many")], "metadata": {}}])]
    assert scripted_client.names("users") == ["one"]


def test_pages_are_put_together(scripted: ScriptedApi, scripted_client: ClusterClient) -> None:
    pages: list[dict[str, Any]] = [
        {"items": [document("one")], "metadata": {"continue": "c"}},
        {"items": [document("two")], "metadata": {}},
    ]
    scripted.answers = [(200, [page]) for page in pages]
    assert scripted_client.names("users") == ["one", "two"]
    assert ["continue=c" in path for path in scripted.paths] == [False, True]


def test_what_is_no_api_server_is_named(scripted: ScriptedApi, scripted_client: ClusterClient) -> None:
    scripted.answers = [(200, [])]
    with pytest.raises(UnreadableObject, match="the answer is no JSON"):
        scripted_client.namespaces()
