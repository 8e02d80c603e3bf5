"""Renders the CRD and its reference page from `v1alpha1`. Run by `make generate`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, KIND, PLURAL, VERSION

Schema = dict[str, Any]

_COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Stable", "type": "string", "jsonPath": ".status.stable.version", "description": "Version that serves"},
    {"name": "Candidate", "type": "string", "jsonPath": ".status.candidate.version", "description": "On trial"},
    {
        "name": "Weight",
        "type": "integer",
        "jsonPath": ".status.candidate.weight",
        "description": "Per cent of requests that the candidate gets",
    },
    {"name": "Reason", "type": "string", "jsonPath": ".status.reason", "description": "What matters most, in a word"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "priority": 1},
    {
        "name": "Step",
        "type": "integer",
        "jsonPath": ".status.candidate.step",
        "description": "Steps of the strategy that are done",
        "priority": 1,
    },
    {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
]

_NAME_RULES = [
    {
        "rule": "size(self.metadata.name) <= 40",
        "message": "metadata.name may have at most 40 characters: child objects add a revision to it",
    },
    {
        "rule": "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "message": "metadata.name begins with a letter and has no dots: Services are named after it",
    },
]


def structural(schema: Schema) -> Schema:
    """Pydantic's JSON schema as a structural OpenAPI schema.

    References are put in place, titles dropped, `X | None` becomes an optional X (not nullable), and
    `additionalProperties: false` goes: unknown fields are refused by strict validation instead.
    """
    return _structural(schema, schema.get("$defs", {}))


def _structural(schema: Schema, definitions: Schema) -> Schema:
    node = _inlined(_without_null(_inlined(schema, definitions)), definitions)
    if "discriminator" in node:
        node = _unite_kinds(node, definitions)
    if "prefixItems" in node:
        raise ValueError(f"fixed-length tuples have no structural schema: {node}")
    result = {key: value for key, value in node.items() if key not in {"$defs", "default", "title"}}
    if "properties" in node:
        result["properties"] = {
            name: _structural(field, definitions) | _default_of(field) for name, field in node["properties"].items()
        }
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            result[inner] = _structural(node[inner], definitions)
    if isinstance(result.get("additionalProperties"), bool):
        del result["additionalProperties"]
    if "const" in result:
        result["enum"] = [result.pop("const")]
    return result


def _unite_kinds(node: Schema, definitions: Schema) -> Schema:
    """A union told apart by one field, as one object: all fields, and rules which of them each kind has.

    No field has a default: the API server would write one kind's into the other. Readers of the types fill it in.
    """
    tag = node["discriminator"]["propertyName"]
    kinds = {name: _inlined({"$ref": to}, definitions) for name, to in node["discriminator"]["mapping"].items()}
    merged: Schema = {}
    for name, kind in kinds.items():
        for field, is_like in kind["properties"].items():
            known = merged.setdefault(field, {key: value for key, value in is_like.items() if key != "default"})
            if field != tag and known.get("description") != is_like.get("description"):
                known["description"] += f" {name}: {is_like['description']}"
    merged[tag] = {key: value for key, value in merged[tag].items() if key != "const"} | {"enum": list(kinds)}
    rules = [
        {"rule": f"self.{tag} != '{name}' || {has}has(self.{field})", "message": f"{name} {needs} {field}"}
        for name, kind in kinds.items()
        for field in merged
        for has, needs, is_so in (
            ("", "needs", field in kind["required"] and field != tag),
            ("!", "has no", field not in kind["properties"]),
        )
        if is_so
    ]
    return {"type": "object", "required": [tag], "properties": merged, "x-kubernetes-validations": rules} | {
        "description": " ".join(f"{name}: {kind['description']}" for name, kind in kinds.items())
    }


def _inlined(node: Schema, definitions: Schema) -> Schema:
    if "$ref" not in node:
        return node
    target: Schema = definitions[node["$ref"].rsplit("/", 1)[-1]]
    # The line under a field says more than the docstring of its type.
    return target | {key: value for key, value in node.items() if key != "$ref"}


def _without_null(node: Schema) -> Schema:
    options: list[Schema] = node.get("anyOf", [])
    real = [option for option in options if option.get("type") != "null"]
    if len(real) == len(options):
        return node
    if len(real) > 1:
        raise ValueError(f"a field of more than one type has no structural schema: {options}")
    return real[0] | {key: value for key, value in node.items() if key != "anyOf"}


def _default_of(field: Schema) -> Schema:
    default = field.get("default")
    return {} if default is None else {"default": _without_nulls(default)}


def _without_nulls(default: Any) -> Any:
    """The default as a user would write it: the API server takes no null for an optional field."""
    if isinstance(default, dict):
        return {key: _without_nulls(value) for key, value in default.items() if value is not None}
    return [_without_nulls(item) for item in default] if isinstance(default, list) else default


def _status_schema() -> Schema:
    """Status without defaults of fields: the API server must not write what no controller has seen.

    That no controller has seen it yet is what it does write: kstatus (`helm --wait`, Flux) takes a resource without a
    status for done.
    """
    schema = _without_defaults(structural(ModelDeploymentStatus.model_json_schema(mode="serialization")))
    return schema | {"default": {"observedGeneration": -1}}


def _without_defaults(node: Schema) -> Schema:
    result = {key: value for key, value in node.items() if key != "default"}
    if "properties" in node:
        properties = node["properties"]
        result["properties"] = {name: _without_defaults(field) for name, field in properties.items()}
        result["required"] = [name for name in node.get("required", []) if "default" not in properties[name]]
    if "items" in node:
        result["items"] = _without_defaults(node["items"])
    return {key: value for key, value in result.items() if not (key == "required" and not value)}


def custom_resource_definition() -> Schema:
    """The whole CRD as plain data."""
    schema = {
        "type": "object",
        "description": "A model of the registry, served and rolled out by itself.",
        "required": ["spec"],
        "x-kubernetes-validations": _NAME_RULES,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(ModelDeploymentSpec.model_json_schema()),
            "status": _status_schema(),
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mdep"],
                "categories": ["all", "penstock"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _COLUMNS,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def reference_page() -> str:
    """The field reference as Markdown."""
    versions = custom_resource_definition()["spec"]["versions"]
    properties = versions[0]["schema"]["openAPIV3Schema"]["properties"]
    lines = [
        "# ModelDeployment",
        "",
        f"`{GROUP}/{VERSION}`, short name `mdep`. Generated from the code: do not edit.",
        "`kubectl explain mdep.spec --recursive` shows the same.",
    ]
    for part in ("spec", "status"):
        lines += ["", f"## {part}", "", "| field | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(path, node) for path, node in _fields(part, properties[part])]
    return "\n".join(lines) + "\n"


def _fields(path: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    for name, field in node.get("properties", {}).items():
        inner = field.get("items", field)
        here = f"{path}.{name}" + ("[]" if "items" in field else "")
        yield here, field
        yield from _fields(here, inner)
        yield from _fields(f"{here}.*", _values(field))


def _values(field: Schema) -> Schema:
    """What stands under each key of a map."""
    values = field.get("additionalProperties")
    return values if isinstance(values, dict) else {}


def _row(path: str, field: Schema) -> str:
    kind = field.get("type", "integer or string")
    default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
    rules = "; ".join(rule["message"] for rule in field.get("x-kubernetes-validations", []))
    meaning = field.get("description", "").replace("\n", " ") + (f" ({rules})" if rules else "")
    return f"| `{path}` | {kind} | {default} | {meaning} |"


def main(root: Path) -> None:
    """Write the CRD for `kubectl apply` and for the chart, and the reference page, below the repository `root`."""
    text = "# Generated by `make generate` from controller/src/penstock_controller/api/v1alpha1.py: do not edit.\n"
    text += yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=120)
    outputs = {
        "manifests/crd/modeldeployments.yaml": text,
        "charts/penstock/files/crd.yaml": text,
        "docs/reference/modeldeployment.md": reference_page(),
    }
    for path, content in outputs.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
