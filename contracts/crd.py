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
    tag, mapping = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
    # Several words may name one kind.
    words = {to: [word for word, other in mapping.items() if other == to] for to in mapping.values()}
    kinds = [(_KindOfUnion(tag, words[to]), _inlined({"$ref": to}, definitions)) for to in words]
    merged, rules = _united(kinds, "self", definitions)
    merged[tag] = {key: value for key, value in merged[tag].items() if key not in {"const", "enum"}}
    merged[tag] |= {"enum": list(mapping)}
    return {"type": "object", "required": [tag], "properties": merged, "x-kubernetes-validations": rules} | {
        "description": " ".join(f"{kind}: {schema['description']}" for kind, schema in kinds)
    }


class _KindOfUnion:
    """A kind of a union, known by the words of its tag."""

    def __init__(self, tag: str, words: list[str]) -> None:
        self.tag = tag
        self._words = words
        self._not = " && ".join(f"self.{tag} != '{word}'" for word in words)

    def rule(self, expression: str, message: str) -> Schema:
        """A rule for this kind alone."""
        return {"rule": f"{self._not} || {expression}", "message": message}

    def __str__(self) -> str:
        return ", ".join(self._words)


_KindsOfUnion = list[tuple[_KindOfUnion, Schema]]


def _united(kinds: _KindsOfUnion, path: str, definitions: Schema) -> tuple[Schema, list[Schema]]:
    """The fields of all kinds of an object, and the rules by which they differ."""
    merged: Schema = {}
    rules: list[Schema] = []
    given = "" if path == "self" else f"!has({path}) || "
    for field in dict.fromkeys(field for _, schema in kinds for field in schema["properties"]):
        having = [(kind, schema["properties"][field]) for kind, schema in kinds if field in schema["properties"]]
        having = [(kind, _inlined(_without_null(schema), definitions)) for kind, schema in having]
        merged[field] = _described(having, field)
        here = f"{path}.{field}"
        if _differ(having, "properties"):
            merged[field]["properties"], inner = _united(having, here, definitions)
            rules += inner
        if _differ(having, "pattern"):
            del merged[field]["pattern"]
            rules += [
                _pattern_rule(kind, f"{given}!has({here}) || ", here, schema["pattern"]) for kind, schema in having
            ]
    return merged, rules + _presence_rules(kinds, given, path, list(merged))


def _described(having: _KindsOfUnion, field: str) -> Schema:
    """The field as its first kind has it, with what the others say of it, and without a default."""
    (_, first), *others = having
    known = {key: value for key, value in first.items() if key != "default"}
    for kind, schema in others:
        if field != kind.tag and known.get("description") != schema.get("description"):
            known["description"] += f" {kind}: {schema['description']}"
    return known


def _differ(having: _KindsOfUnion, key: str) -> bool:
    return len({json.dumps(schema.get(key), sort_keys=True) for _, schema in having}) > 1


def _pattern_rule(kind: _KindOfUnion, given: str, path: str, pattern: str) -> Schema:
    in_cel = pattern.replace("\\", "\\\\")
    return kind.rule(f"{given}{path}.matches('{in_cel}')", f"{path[5:]} of {kind} must match {pattern}")


def _presence_rules(kinds: _KindsOfUnion, given: str, path: str, fields: list[str]) -> list[Schema]:
    rules = []
    for kind, schema in kinds:
        for field in fields:
            here = f"{path}.{field}"
            if field not in schema["properties"]:
                rules.append(kind.rule(f"{given}!has({here})", f"{kind} has no {here[5:]}"))
            elif field in schema.get("required", []) and field != kind.tag:
                rules.append(kind.rule(f"{given}has({here})", f"{kind} needs {here[5:]}"))
    return rules


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
