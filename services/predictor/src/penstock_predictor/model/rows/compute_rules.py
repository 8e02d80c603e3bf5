"""Operators of the ONNX standard that compute: on each element, along one axis, by weights, or over time."""

import string
from collections.abc import Mapping, Sequence

from penstock_predictor.model.rows.operation import (
    ONE,
    Mixes,
    Operation,
    Rule,
    Shape,
    SymbolicSize,
    Value,
    broadcast,
    constant,
    from_start,
    of_shape,
    rank_of,
    shape_of,
    unknown_size,
)

_INTEGERS = (2, 3, 4, 5, 6, 7, 9, 12, 13)
"""Element types of whole numbers, and of true and false."""
_BOOL = 9
_SOFTMAX_ON_ONE_AXIS = 13


def each_element(op: Operation) -> list[Value]:
    """One input; further ones, if any, are the same for all rows."""
    value = op.input_at(0)
    for at in range(1, len(op.inputs)):
        constant(op.optional_input_at(at), "parameters")
    shape = shape_of(value)
    return [of_shape(shape) for _ in op.node.outputs]


def elements_together(op: Operation) -> list[Value]:
    """Any number of inputs, as broadcast."""
    return [of_shape(broadcast(op.all_inputs()))]


def _identity(op: Operation) -> list[Value]:
    return [op.input_at(0)]


def _cast(op: Operation) -> list[Value]:
    value = op.input_at(0)
    to = op.node.attributes.integer("to", 0)
    flags = value.sizes is not None and set(value.sizes) <= {ONE, SymbolicSize(0)}
    if to in _INTEGERS and (to != _BOOL or flags):
        return [value]
    if value.counts_rows:
        raise Mixes("computes with the number of rows")
    return [of_shape(shape_of(value))]


def _arithmetic(op: Operation) -> list[Value]:
    """Of sizes too, where they are known."""
    left, right = op.input_at(0), op.input_at(1)
    shape = broadcast([left, right])
    sizes = _sizes(op.node.operator, left, right)
    if sizes is None and (left.counts_rows or right.counts_rows):
        raise Mixes("computes with the number of rows")
    return [Value(of_shape(shape).shape, sizes)]


def _sizes(operator: str, left: Value, right: Value) -> tuple[SymbolicSize, ...] | None:
    if left.sizes is None or right.sizes is None:
        return None
    length = max(len(left.sizes), len(right.sizes))
    pairs = [each.sizes * length if len(each.sizes) == 1 else each.sizes for each in (left, right) if each.sizes]
    if len(pairs) < 2 or len(pairs[0]) != len(pairs[1]):  # noqa: PLR2004 - both
        return None
    results = [_result(operator, *pair) for pair in zip(*pairs, strict=True)]
    return None if None in results else tuple(size for size in results if size is not None)


def _result(operator: str, left: SymbolicSize, right: SymbolicSize) -> SymbolicSize | None:
    if operator == "Mul":
        return left.times(right)
    if operator == "Div":
        return left.over(right)
    if operator == "Equal":
        if left == right:
            return ONE
        stated = [size for size in (left, right) if size.number is not None]
        # A number of rows, of frames, is never -1; whether it is 3 only a run says.
        known = len(stated) == 2 or any(size.factor < 0 for size in stated)  # noqa: PLR2004 - both
        return SymbolicSize(0) if known else None
    if left.number is not None and right.number is not None:
        return SymbolicSize(left.factor + right.factor if operator == "Add" else left.factor - right.factor)
    return left if right == SymbolicSize(0) else None


def _where(op: Operation) -> list[Value]:
    condition, yes, no = (op.input_at(at) for at in range(3))
    shape = broadcast([condition, yes, no])
    stated = [value.sizes for value in (condition, yes, no) if value.sizes is not None]
    if len(stated) == 3 and len({len(sizes) for sizes in stated}) == 1:  # noqa: PLR2004 - all of them
        chosen = [b if a != SymbolicSize(0) else c for a, b, c in zip(*stated, strict=True)]
        return [Value(shape, tuple(chosen))]
    if any(value.counts_rows for value in (condition, yes, no)):
        raise Mixes("computes with the number of rows")
    return [of_shape(shape)]


def _dropout(op: Operation) -> list[Value]:
    mode = op.optional_input_at(2)
    if mode is not None and mode.sizes != (SymbolicSize(0),):
        raise Mixes("may be in training")
    return each_element(op)


def _reduce(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = shape_of(value)
    axes = op.axes(1, len(shape))
    if not axes:
        if op.node.attributes.integer("noop_with_empty_axes", 0):
            return [of_shape(shape)]
        axes = tuple(range(len(shape)))
    return [of_shape(_without(value, axes, keep=bool(op.node.attributes.integer("keepdims", 1))))]


def _without(value: Value, axes: Sequence[int], *, keep: bool) -> Shape:
    if value.axis in axes:
        raise Mixes("computes over the rows")
    shape = shape_of(value)
    return tuple(ONE if at in axes else size for at, size in enumerate(shape) if keep or at not in axes)


def _arg(op: Operation) -> list[Value]:
    value = op.input_at(0)
    keep = bool(op.node.attributes.integer("keepdims", 1))
    return [of_shape(_without(value, [op.axis(0)], keep=keep))]


def _softmax(op: Operation) -> list[Value]:
    value = op.input_at(0)
    if op.opset >= _SOFTMAX_ON_ONE_AXIS:
        return along_axis(op, op.axis(-1))
    if value.axis is not None and value.axis >= op.axis(1):
        raise Mixes("computes over the rows")
    return [of_shape(shape_of(value))]


def along_axis(op: Operation, axis: int) -> list[Value]:
    """Along an axis that is not the rows'."""
    value = op.input_at(0)
    if value.axis == axis:
        raise Mixes("computes over the rows")
    return [of_shape(shape_of(value))]


def _cumulate(op: Operation) -> list[Value]:
    axis = op.axes(1, rank_of(op.input_at(0)), "axis")
    if axis is None:
        raise Mixes("lacks an axis")
    return along_axis(op, axis[0])


def _top(op: Operation) -> list[Value]:
    value, axis = op.input_at(0), op.axis(-1)
    if value.axis == axis:
        raise Mixes("computes over the rows")
    many = op.optional_input_at(1)
    constant(many, "count")
    stated = op.node.attributes.integer("k", -1)
    count = many.sizes[0] if many is not None and many.sizes else SymbolicSize(stated) if stated > 0 else unknown_size()
    shape = [count if at == axis else size for at, size in enumerate(shape_of(value))]
    return [of_shape(shape) for _ in op.node.outputs]


def normalize_behind(op: Operation) -> list[Value]:
    """Over all axes from one on: LayerNormalization and its like."""
    value = op.input_at(0)
    axis = op.axis(-1)
    if value.axis is not None and value.axis >= axis:
        raise Mixes("computes over the rows")
    for at in range(1, len(op.inputs)):
        constant(op.optional_input_at(at), "weights")
    shape = shape_of(value)
    kept = tuple(ONE if at >= axis else size for at, size in enumerate(shape))
    return [of_shape(shape if not at else kept) for at in range(len(op.node.outputs))]


def _mean_variance(op: Operation) -> list[Value]:
    value = op.input_at(0)
    axes = op.node.attributes.integers("axes") or (0, 2, 3)
    _without(value, [from_start(axis, rank_of(value)) for axis in axes], keep=True)
    return [of_shape(shape_of(value))]


def _images(op: Operation) -> Shape:
    """The shape of what carries its rows in the first axis; all else is the same for all rows."""
    value = op.input_at(0)
    if value.axis not in (0, None) or rank_of(value) < 3:  # noqa: PLR2004 - rows, channels, places
        raise Mixes("works on what are no images by rows")
    for at in range(1, len(op.inputs)):
        constant(op.optional_input_at(at), "weights")
    return shape_of(value)


def _batch_normalization(op: Operation) -> list[Value]:
    if op.node.attributes.integer("training_mode", 0) or len([name for name in op.node.outputs if name]) > 1:
        raise Mixes("is in training")
    value = op.input_at(0)
    if value.axis not in (0, None):
        raise Mixes("computes over the rows")
    return each_element(op)


def _normalize_images(op: Operation) -> list[Value]:
    return [of_shape(_images(op))]


def convolve(op: Operation) -> list[Value]:
    """Conv, and pools: new channels and places."""
    shape = _images(op)
    weights = op.optional_input_at(3) if op.node.operator == "QLinearConv" else op.optional_input_at(1)
    channels = shape[1]
    kernel = op.node.attributes.integers("kernel_shape")
    if weights is not None and op.node.operator in ("Conv", "ConvInteger", "QLinearConv", "FusedConv"):
        of_weights = shape_of(weights)
        channels = of_weights[0]
        numbers = [size.number for size in of_weights[2:]]
        kernel = kernel or (tuple(size for size in numbers if size is not None) if None not in numbers else None)
    elif op.node.operator == "ConvTranspose":
        channels, kernel = unknown_size(), None
    places = [_place(op, kernel, at, size) for at, size in enumerate(shape[2:])]
    return [of_shape([shape[0], channels, *places]) for _ in op.node.outputs]


def _place(op: Operation, kernel: Sequence[int] | None, at: int, size: SymbolicSize) -> SymbolicSize:
    """How many places a kernel has along one axis."""
    attributes = op.node.attributes
    if kernel is None or size.number is None or attributes.integer("ceil_mode", 0):
        return unknown_size()
    step = (attributes.integers("strides") or (1,) * len(kernel))[at]
    automatic = attributes.text("auto_pad", "NOTSET")
    if automatic.startswith("SAME"):
        return SymbolicSize(-(-size.number // step))
    pads = attributes.integers("pads") if automatic == "NOTSET" else None
    padding = pads[at] + pads[at + len(kernel)] if pads else 0
    reach = (kernel[at] - 1) * (attributes.integers("dilations") or (1,) * len(kernel))[at] + 1
    return SymbolicSize((size.number + padding - reach) // step + 1)


def _max_pool(op: Operation) -> list[Value]:
    if len([name for name in op.node.outputs if name]) > 1:
        raise Mixes("says places counted through all rows")
    return convolve(op)


def _global_pool(op: Operation) -> list[Value]:
    shape = _images(op)
    return [of_shape([*shape[:2], *(ONE for _ in shape[2:])])]


def _resize(op: Operation) -> list[Value]:
    shape = _images(Operation(op.node, op.opset, op.inputs[:1]))
    if (
        op.input_at(0).counts_rows
        or op.node.attributes.text("coordinate_transformation_mode", "") == "tf_crop_and_resize"
    ):
        raise Mixes("crops by what is not known before a run")
    sizes, scales = op.optional_input_at(3), op.node.attributes.numbers("scales")
    stated = op.optional_input_at(1) if op.node.operator == "Upsample" else op.optional_input_at(2)
    if sizes is not None and sizes.sizes is not None:
        kept = sizes.sizes[0] == shape[0] and len(sizes.sizes) == len(shape)
    elif scales is not None:
        kept = scales[0] == 1
    else:
        kept = (
            stated is not None
            and stated.sizes is not None
            and len(stated.sizes) == len(shape)
            and stated.sizes[0] == ONE
        )
    if not kept:
        raise Mixes("may resize the axis of the rows")
    return [of_shape([shape[0], *(unknown_size() for _ in shape[1:])])]


def _matmul(op: Operation) -> list[Value]:
    for at in range(2, len(op.inputs)):
        constant(op.optional_input_at(at), "zero points")
    return [of_shape(product_shape(op.input_at(0), op.input_at(1)))]


def _matmul_quantized(op: Operation) -> list[Value]:
    for at in (1, 2, 4, 5, 6, 7):
        constant(op.input_at(at), "scales and zero points")
    return [of_shape(product_shape(op.input_at(0), op.input_at(3)))]


def product_shape(left: Value, right: Value) -> Shape:
    """The shape of a matrix product. Raises Mixes where it sums over rows."""
    a, b = shape_of(left), shape_of(right)
    if not a or not b:
        raise Mixes("multiplies what are no matrices")
    first = (ONE, *a) if len(a) == 1 else a
    second = (*b, ONE) if len(b) == 1 else b
    if first[-1].has_rows or second[-2].has_rows:
        raise Mixes("computes over the rows")
    shape = list(broadcast([Value(first[:-2]), Value(second[:-2])]))
    shape += [first[-2]] if len(a) > 1 else []
    shape += [second[-1]] if len(b) > 1 else []
    return tuple(shape)


def _gemm(op: Operation) -> list[Value]:
    left, right = op.input_at(0), op.input_at(1)
    sides = []
    for value, name in ((left, "transA"), (right, "transB")):
        shape = shape_of(value)
        if len(shape) != 2:  # noqa: PLR2004 - Gemm's matrices
            raise Mixes("multiplies what are no matrices")
        sides.append(Value(tuple(reversed(shape)) if op.node.attributes.integer(name, 0) else shape))
    shape = product_shape(*sides)
    added = op.optional_input_at(2)
    return [of_shape(broadcast([of_shape(shape), added]) if added is not None else shape)]


def _einsum(op: Operation) -> list[Value]:
    stated = op.node.attributes.text("equation", "").replace(" ", "")
    left, arrow, right = stated.partition("->")
    terms = left.split(",")
    if not arrow or "." in stated or not set(left.replace(",", "") + right) <= set(string.ascii_letters):
        raise Mixes("has an equation that this does not read")
    sizes: dict[str, SymbolicSize] = {}
    for term, value in zip(terms, op.all_inputs(), strict=True):
        shape = shape_of(value)
        if len(term) != len(shape) or len(set(term)) != len(term):
            raise Mixes("has an equation that this does not read")
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = broadcast([Value((sizes.get(letter, size),)), Value((size,))])[0]
            if size != sizes[letter] and sizes[letter].has_rows:
                raise Mixes("sets rows against what is the same for all")
    if any(size.has_rows and letter not in right for letter, size in sizes.items()):
        raise Mixes("computes over the rows")
    return [of_shape([sizes[letter] for letter in right])]


def _recurrent(op: Operation) -> list[Value]:
    value = op.input_at(0)
    by_rows = op.node.attributes.integer("layout", 0)
    if rank_of(value) != 3 or value.axis not in (None, 0 if by_rows else 1):  # noqa: PLR2004 - time, rows, values
        raise Mixes("goes through the rows as through time")
    for at in (1, 2, 3, 7):
        constant(op.optional_input_at(at), "weights")
    for at in (4, 5, 6):
        state = op.optional_input_at(at)
        at_rows = 0 if by_rows or at == 4 else 1  # noqa: PLR2004 - the lengths
        if state is not None and (
            state.axis != at_rows or shape_of(state)[at_rows] != shape_of(value)[value.axis or 0]
        ):
            raise Mixes("begins from a state that is not each row's own")
    directions = SymbolicSize(2 if op.node.attributes.text("direction", "forward") == "bidirectional" else 1)
    stated = op.node.attributes.integer("hidden_size", 0)
    hidden = SymbolicSize(stated) if stated else unknown_size()
    steps, rows = shape_of(value)[by_rows], shape_of(value)[1 - by_rows]
    every = (rows, steps, directions, hidden) if by_rows else (steps, directions, rows, hidden)
    last = (rows, directions, hidden) if by_rows else (directions, rows, hidden)
    return [of_shape(every if not at else last) for at in range(len(op.node.outputs))]


_EACH = (
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign "
    "Sqrt Swish Tan Tanh ThresholdedRelu RegexFullMatch"
)
_TOGETHER = (
    "And BitwiseAnd BitwiseOr BitwiseXor BitShift Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Or PRelu "
    "Pow StringConcat Sum Xor"
)
_REDUCE = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"

COMPUTE_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_EACH.split(), each_element),
    **dict.fromkeys(_TOGETHER.split(), elements_together),
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCE.split()), _reduce),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Equal"), _arithmetic),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "AveragePool", "LpPool"), convolve),
    **dict.fromkeys(("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"), _global_pool),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LRN"), _normalize_images),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax"), _softmax),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), normalize_behind),
    **dict.fromkeys(("Clip", "QuantizeLinear", "DequantizeLinear"), each_element),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "CumSum": _cumulate,
    "Dropout": _dropout,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "Identity": _identity,
    "LpNormalization": lambda op: along_axis(op, op.axis(-1)),
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "MaxPool": _max_pool,
    "MeanVarianceNormalization": _mean_variance,
    "QLinearMatMul": _matmul_quantized,
    "TopK": _top,
    "Where": _where,
}
