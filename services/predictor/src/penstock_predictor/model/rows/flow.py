"""Follows the rows of the inputs through a graph, operator by operator.

Only what is known to treat each row by itself counts as shown: an operator without a rule, or one that could look
across the rows by its attributes and shapes, makes what it computes unshown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock_predictor.model.rows.compute_rules import COMPUTE_RULES
from penstock_predictor.model.rows.onnx_file import Constant, Dimension, Function, Graph, Node
from penstock_predictor.model.rows.operation import (
    ROW_COUNT,
    Mixes,
    Operation,
    Rule,
    Shape,
    SymbolicSize,
    Value,
    product,
    unknown_size,
)
from penstock_predictor.model.rows.other_rules import (
    ML_DOMAIN,
    ML_RULES,
    ORT_DOMAIN,
    ORT_RULES,
    PADDED_WELCOME,
    TEXT_RULES,
)
from penstock_predictor.model.rows.shape_rules import SHAPE_RULES

_RULES: Mapping[str, Mapping[str, Rule]] = {
    "": {**SHAPE_RULES, **COMPUTE_RULES, **TEXT_RULES},
    ML_DOMAIN: ML_RULES,
    ORT_DOMAIN: ORT_RULES,
}
_COUNTS_WELCOME = frozenset(
    {
        *("Add", "Cast", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Gather", "Identity", "Mul", "Reshape"),
        *("Resize", "Shape", "SymbolicSize", "Slice", "Squeeze", "Sub", "Tile", "Unsqueeze", "Where"),
    }
)
"""Operators whose rules know what to do with a number of rows among the elements."""
_CHANCE = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
_MOST_DEPTH = 32
"""Functions within functions."""


@dataclass(frozen=True)
class _Unshown:
    """In place of a tensor of which it is not shown that each row keeps to itself."""

    why: str


Known = Value | _Unshown


def why_rows_may_mix(graph: Graph, outputs: Iterable[str]) -> str:
    """Why it is not shown that each row of these outputs depends on its own row alone; empty: it is shown."""
    repeated = _rows_elsewhere(graph.inputs.values())
    if repeated:
        return f"the dimension {repeated!r} is the number of rows, and another dimension too"
    known: dict[str, Known] = {name: _input(dims) for name, dims in graph.inputs.items()}
    known |= {name: _constant(constant) for name, constant in graph.constants.items()}
    _follow(graph.nodes, known, graph.functions, graph.opsets, 0)
    return next((why for name in outputs if (why := _why(name, known.get(name)))), "")


def _why(name: str, value: Known | None) -> str:
    if value is None:
        return f"nothing computes output {name!r}"
    if isinstance(value, _Unshown):
        return value.why
    if value.padded is not None:
        return f"the length of output {name!r} depends on all rows"
    if not value.shape or value.shape[0] != ROW_COUNT:
        return f"output {name!r} has not one entry for each row"
    return ""


def _rows_elsewhere(shapes: Iterable[tuple[Dimension, ...] | None]) -> str | None:
    known = [shape for shape in shapes if shape]
    first = {shape[0] for shape in known if isinstance(shape[0], str)}
    return next((dim for shape in known for dim in shape[1:] if isinstance(dim, str) and dim in first), None)


def _input(dims: tuple[Dimension, ...] | None) -> Known:
    if not dims or isinstance(dims[0], int):
        return _Unshown("an input has no open first dimension")
    return Value((ROW_COUNT, *(_declared_size(dim) for dim in dims[1:])))


def _declared_size(dim: Dimension) -> SymbolicSize:
    if isinstance(dim, int) and dim > 0:
        return SymbolicSize(dim)
    return SymbolicSize(1, (f"name {dim}",)) if isinstance(dim, str) and dim else unknown_size()


def _constant(constant: Constant) -> Value:
    shape: Shape = tuple(SymbolicSize(dim) for dim in constant.dims)
    values = constant.values
    if values is None or not all(float(value).is_integer() for value in values):
        return Value(shape)
    return Value(shape, tuple(SymbolicSize(int(value)) for value in values))


def _follow(
    nodes: Sequence[Node],
    known: dict[str, Known],
    functions: Mapping[tuple[str, str], Function],
    opsets: Mapping[str, int],
    depth: int,
) -> None:
    """Add what the nodes compute."""
    for node in nodes:
        inputs = [known.get(name, _Unshown(f"nothing computes {name!r}")) if name else None for name in node.inputs]
        unshown = next((value for value in inputs if isinstance(value, _Unshown)), None)
        if unshown is not None:
            results: Sequence[Known] = [unshown] * len(node.outputs)
        elif (node.domain, node.operator) in functions:
            results = _call(node, inputs, functions, opsets, depth)
        else:
            results = _apply(node, [value for value in inputs if not isinstance(value, _Unshown)], opsets)
        known.update(zip(node.outputs, results, strict=False))


def _call(
    node: Node,
    inputs: Sequence[Known | None],
    functions: Mapping[tuple[str, str], Function],
    opsets: Mapping[str, int],
    depth: int,
) -> Sequence[Known]:
    function = functions[node.domain, node.operator]
    if depth > _MOST_DEPTH:
        return [_Unshown(f"{node.title} calls itself")] * len(node.outputs)
    missing = set(function.inputs[len(inputs) :])
    known: dict[str, Known] = {name: value for name, value in zip(function.inputs, inputs, strict=False) if value}
    body = [
        Node(
            inner.domain,
            inner.operator,
            tuple(
                "" if name in missing or (name in function.inputs and name not in known) else name
                for name in inner.inputs
            ),
            inner.outputs,
            inner.attributes.resolve(node.attributes),
        )
        for inner in function.nodes
    ]
    _follow(body, known, functions, {**opsets, **function.opsets}, depth + 1)
    return [known.get(name, _Unshown(f"{node.title} has no {name!r}")) for name in function.outputs]


def _apply(node: Node, inputs: Sequence[Value | None], opsets: Mapping[str, int]) -> Sequence[Known]:
    if node.operator == "Constant" and not node.domain:
        return [_constant_of(node)]
    of_rows = any(value is not None and (value.axis is not None or value.counts_rows) for value in inputs)
    try:
        results = _by_rule(node, inputs, opsets)
    except Mixes as mixes:
        if of_rows or node.operator in _CHANCE:
            return [_Unshown(f"the operator {node.title} {mixes}")] * len(node.outputs)
        return [Value(None)] * len(node.outputs)
    if len(results) < len(node.outputs):
        return [
            *results,
            *[_Unshown(f"the operator {node.title} has outputs that this does not know")] * len(node.outputs),
        ]
    return results


def _by_rule(node: Node, inputs: Sequence[Value | None], opsets: Mapping[str, int]) -> list[Value]:
    rule = _RULES.get(node.domain, {}).get(node.operator)
    if rule is None:
        raise Mixes("is not known to treat each row by itself")
    given = [value for value in inputs if value is not None]
    if node.operator not in PADDED_WELCOME and any(value.padded is not None for value in given):
        raise Mixes("takes words of rows that were filled up to the longest")
    if node.operator not in _COUNTS_WELCOME and any(value.counts_rows for value in given):
        raise Mixes("computes with the number of rows")
    return [_consistent(value) for value in rule(Operation(node, opsets.get(node.domain, 1), inputs))]


def _consistent(value: Value) -> Value:
    """With elements only where they are as many as the shape says."""
    if value.sizes is None or (value.shape is not None and product(value.shape) == SymbolicSize(len(value.sizes))):
        return value
    if value.counts_rows:
        raise Mixes("computes with the number of rows")
    return Value(value.shape, padded=value.padded)


def _constant_of(node: Node) -> Known:
    attributes = node.attributes
    tensor = attributes.tensor("value")
    if tensor is not None:
        return _constant(tensor)
    if "value_int" in attributes:
        return Value((), (SymbolicSize(attributes.integer("value_int", 0)),))
    numbers = attributes.integers("value_ints")
    if numbers is not None:
        return Value((SymbolicSize(len(numbers)),), tuple(SymbolicSize(number) for number in numbers))
    floats = attributes.numbers("value_floats")
    if floats is not None:
        return Value((SymbolicSize(len(floats)),))
    return Value(()) if "value_float" in attributes or "value_string" in attributes else Value(None)
