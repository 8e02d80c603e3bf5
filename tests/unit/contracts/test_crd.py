"""The CRD is structural, and says what the types say."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from contracts.crd import custom_resource_definition, reference_page, structural
from penstock_contracts.api.schema import ApiModel


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for field in schema.get("properties", {}).values():
        yield from nodes(field)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from nodes(schema[inner])


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def test_nothing_is_left_that_a_structural_schema_may_not_have(schema: dict[str, Any]) -> None:
    forbidden = {"$ref", "$defs", "title", "const", "prefixItems", "nullable", "exclusiveMinimum", "exclusiveMaximum"}
    for node in nodes(schema):
        assert not forbidden & node.keys(), node
        assert node.get("additionalProperties") is not False, node
        assert not ("properties" in node and "additionalProperties" in node), node


def test_every_field_has_one_type_and_every_spec_field_a_help(schema: dict[str, Any]) -> None:
    for node in nodes(schema):
        assert ("type" in node) != bool(node.get("x-kubernetes-int-or-string")), node
    for node in nodes(schema["properties"]["spec"]):
        for name, field in node.get("properties", {}).items():
            assert field.get("description"), name


def test_strings_lists_and_maps_of_the_spec_are_bounded(schema: dict[str, Any]) -> None:
    for node in nodes(schema["properties"]["spec"]):
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, node
        if node.get("type") == "array":
            assert "maxItems" in node, node
        if "additionalProperties" in node:
            assert "maxProperties" in node, node


def test_an_optional_field_is_optional_and_not_nullable(schema: dict[str, Any]) -> None:
    registry = schema["properties"]["spec"]["properties"]["registry"]
    assert registry["required"] == ["model"]
    assert registry["properties"]["alias"]["type"] == "string"
    assert "default" not in registry["properties"]["alias"]


def test_fields_of_status_have_no_defaults_because_the_api_server_must_not_write_what_no_controller_saw(
    schema: dict[str, Any],
) -> None:
    status = schema["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}, "no controller has seen it: kstatus waits for one"
    assert [node["default"] for node in nodes(status) if "default" in node] == [status["default"]]


def test_a_fixed_length_tuple_is_refused_at_generation() -> None:
    with pytest.raises(ValueError, match="fixed-length tuples"):
        structural({"type": "object", "properties": {"pair": {"prefixItems": [{"type": "string"}]}}})


def test_the_reference_page_names_every_field(schema: dict[str, Any]) -> None:
    page = reference_page()
    for path in ("spec.registry.alias", "spec.predictor.minReplicas", "status.stable.digest", "status.traffic.applied"):
        assert f"`{path}`" in page


class Round(ApiModel):
    """A disc."""

    name: Annotated[Literal["round"], Field(json_schema_extra={"type": "string"})]
    """Which."""
    size: Annotated[int, Field(ge=1)] = 5
    """Across."""


class Square(ApiModel):
    """A tile."""

    name: Annotated[Literal["square"], Field(json_schema_extra={"type": "string"})]
    """Which."""
    side: int
    """Of each."""


class Shapes(ApiModel):
    """As gates are told apart."""

    shapes: tuple[Annotated[Round | Square, Field(discriminator="name")], ...]
    """Each of one kind."""


def test_kinds_that_one_field_tells_apart_are_one_object_with_rules_and_no_default_of_another_kind() -> None:
    item = structural(Shapes.model_json_schema())["properties"]["shapes"]["items"]
    assert item["type"] == "object"
    assert item["required"] == ["name"]
    assert item["properties"]["name"]["enum"] == ["round", "square"]
    assert item["properties"].keys() == {"name", "size", "side"}
    assert not any("default" in field for field in item["properties"].values())
    assert [rule["message"] for rule in item["x-kubernetes-validations"]] == [
        "round has no side",
        "square has no size",
        "square needs side",
    ]
    for node in nodes(item):
        assert "type" in node


class Metres(ApiModel):
    """A length."""

    least: Annotated[str, Field(max_length=9, pattern=r"^\d+m$")] = "1m"
    """At least."""
    most: Annotated[str, Field(max_length=9)] = "2m"
    """At most."""


class Seconds(ApiModel):
    """A duration."""

    least: Annotated[str, Field(max_length=9, pattern=r"^\d+s$")] = "1s"
    """At least."""


class Walk(ApiModel):
    """On foot."""

    name: Annotated[Literal["walk"], Field(json_schema_extra={"type": "string"})]
    """Which."""
    bounds: Metres = Metres()
    """Of its length."""


class Rest(ApiModel):
    """No walk."""

    name: Annotated[Literal["sit", "lie"], Field(json_schema_extra={"type": "string"})]
    """Which."""
    bounds: Seconds | None = None
    """Of its duration."""


class Day(ApiModel):
    """Of a walker."""

    parts: tuple[Annotated[Walk | Rest, Field(discriminator="name")], ...]
    """In order."""


def test_kinds_may_have_several_words_and_differ_inside_a_field() -> None:
    item = structural(Day.model_json_schema())["properties"]["parts"]["items"]
    assert item["properties"]["name"]["enum"] == ["lie", "sit", "walk"]
    bounds = item["properties"]["bounds"]
    assert bounds["properties"].keys() == {"least", "most"}
    assert "pattern" not in bounds["properties"]["least"]
    rules = {rule["message"]: rule["rule"] for rule in item["x-kubernetes-validations"]}
    given = "!has(self.bounds) || !has(self.bounds.least) || self.bounds.least.matches"
    resting = "self.name != 'lie' && self.name != 'sit' || "
    assert rules == {
        r"bounds.least of walk must match ^\d+m$": rf"self.name != 'walk' || {given}('^\\d+m$')",
        r"bounds.least of lie, sit must match ^\d+s$": rf"{resting}{given}('^\\d+s$')",
        "lie, sit has no bounds.most": f"{resting}!has(self.bounds) || !has(self.bounds.most)",
    }
    for node in nodes(item):
        assert "type" in node
        assert "default" not in node or node is not bounds
