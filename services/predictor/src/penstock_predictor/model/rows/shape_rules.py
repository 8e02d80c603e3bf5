"""Operators that move elements, or say shapes."""

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
    check_kept,
    constant,
    from_start,
    numbers_of,
    of_shape,
    product,
    rank_of,
    shape_of,
    unknown_size,
)

_MOST_SIZES = 1024
_CONCAT_NEEDS_AXIS = 4
_FAR = 2**31 - 1
"""A slice's end from here on is the end of the axis."""


def _shape(op: Operation) -> list[Value]:
    shape = shape_of(op.input_at(0))
    start = op.node.attributes.integer("start", 0)
    end = op.node.attributes.integer("end", len(shape))
    sizes = shape[slice(start, end)]
    return [Value((SymbolicSize(len(sizes)),), sizes)]


def _size(op: Operation) -> list[Value]:
    return [Value((), (product(shape_of(op.input_at(0))),))]


def _reshape(op: Operation) -> list[Value]:
    value, target = op.input_at(0), op.input_at(1)
    before = shape_of(value)
    if target.sizes is None:
        raise Mixes("takes a shape that is not known before a run")
    allow_zero = op.node.attributes.integer("allowzero", 0)
    after: list[SymbolicSize] = [
        before[at] if size == SymbolicSize(0) and not allow_zero and at < len(before) else size
        for at, size in enumerate(target.sizes)
    ]
    if SymbolicSize(-1) in after:
        rest = product(before).over(product(size for size in after if size != SymbolicSize(-1)))
        if rest is None:
            raise Mixes("puts elements of several rows together in a new shape")
        after = [rest if size == SymbolicSize(-1) else size for size in after]
    return [_with_shape(value, tuple(after))]


def _with_shape(value: Value, after: Shape) -> Value:
    before = shape_of(value)
    if value.axis is None:
        if any(size.has_rows for size in after):
            raise Mixes("makes rows of what has none")
        return Value(after, value.sizes)
    if product(before) != product(after):
        raise Mixes("puts elements of several rows together in a new shape")
    check_kept(before, after)
    if value.padded is not None and before[-1] != after[-1]:
        raise Mixes("moves a padded axis")
    return of_shape(after, padded=value.padded)


def _flatten(op: Operation) -> list[Value]:
    shape = shape_of(op.input_at(0))
    at = op.node.attributes.integer("axis", 1)
    at = at + len(shape) if at < 0 else at
    return [_with_shape(op.input_at(0), (product(shape[:at]), product(shape[at:])))]


def _squeeze(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = shape_of(value)
    axes = op.axes(1, len(shape))
    if axes is None:
        if any(size.number is None for size in shape):
            raise Mixes("drops every axis of length 1, which the rows of a lone call are")
        axes = tuple(at for at, size in enumerate(shape) if size == ONE)
    after = tuple(size for at, size in enumerate(shape) if at not in axes)
    if value.axis in axes:
        raise Mixes("drops the axis of the rows")
    return [Value(after, value.sizes, value.padded)]


def _unsqueeze(op: Operation) -> list[Value]:
    value = op.input_at(0)
    before = list(shape_of(value))
    given = op.node.attributes.integers("axes") or numbers_of(op.input_at(1), "axes")
    rank = len(before) + len(given)
    axes = {from_start(axis, rank) for axis in given}
    if value.padded is not None and rank - 1 in axes:
        raise Mixes("moves a padded axis")
    after = tuple(ONE if at in axes else before.pop(0) for at in range(rank))
    return [Value(after, value.sizes, value.padded)]


def _transpose(op: Operation) -> list[Value]:
    shape = shape_of(op.input_at(0))
    order = op.node.attributes.integers("perm") or tuple(reversed(range(len(shape))))
    return [of_shape([shape[from_start(axis, len(shape))] for axis in order])]


def _concat(op: Operation) -> list[Value]:
    values = op.all_inputs()
    shapes = [shape_of(value) for value in values]
    axis = op.axis(1 if op.opset < _CONCAT_NEEDS_AXIS else 0)
    if any(value.counts_rows for value in values) or all(
        value.sizes is not None and value.axis is None for value in values
    ):
        if any(value.sizes is None for value in values) or any(len(shape) != 1 for shape in shapes):
            raise Mixes("puts a number of rows among other values")
        sizes = tuple(size for value in values for size in value.sizes or ())
        return [Value((SymbolicSize(len(sizes)),), sizes)]
    if any(value.axis == axis for value in values):
        raise Mixes("puts rows behind each other")
    if len({value.axis for value in values}) > 1:
        raise Mixes("puts rows beside what is the same for all")
    if any(len(shape) != len(shapes[0]) for shape in shapes):
        raise Mixes("puts tensors of several ranks together")
    at = values[0].axis
    if at is not None and len({shape[at] for shape in shapes}) > 1:
        raise Mixes("puts several numbers of rows together")
    along = [shape[axis].number for shape in shapes]
    total = SymbolicSize(sum(size for size in along if size is not None)) if None not in along else unknown_size()
    return [of_shape([total if at == axis else size for at, size in enumerate(shapes[0])])]


def _split(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = shape_of(value)
    axis = op.axis(0)
    if value.axis == axis:
        raise Mixes("splits the rows")
    parts = op.node.attributes.integers("split")
    if parts is None and (stated := op.optional_input_at(1)) is not None:
        parts = numbers_of(stated, "parts")
    count = len(op.node.outputs)
    whole = shape[axis].number
    if parts is None and whole is not None and whole % count == 0:
        parts = (whole // count,) * count
    sizes = [SymbolicSize(part) for part in parts] if parts is not None else [unknown_size() for _ in range(count)]
    return [of_shape([size if at == axis else old for at, old in enumerate(shape)]) for size in sizes]


def _slice(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = shape_of(value)
    given = [_bounds(op, at, name) for at, name in enumerate(("starts", "ends", "axes", "steps"), start=1)]
    starts, ends, axes, steps = given
    if starts is None or ends is None:
        raise Mixes("has bounds that are not known before a run")
    if any(size.number is None for size in (*(axes or ()), *(steps or ()))):
        raise Mixes("has bounds that are not known before a run")
    at_axes = [from_start(axis.factor, len(shape)) for axis in axes or [SymbolicSize(at) for at in range(len(starts))]]
    by = steps or (ONE,) * len(at_axes)
    after = list(shape)
    for axis, start, end, step in zip(at_axes, starts, ends, by, strict=True):
        after[axis] = _slice_size(shape[axis], start, end, step)
    sizes = None
    if value.sizes is not None and len(shape) == 1:
        bounds = [number.number for number in (starts[0], ends[0], by[0])]
        if None not in bounds:
            sizes = value.sizes[slice(*bounds)] if bounds[2] == 1 else None
        elif value.counts_rows:
            raise Mixes("takes a part of a shape that is not known before a run")
    if sizes is None and value.counts_rows:
        raise Mixes("takes a part of a shape that is not known before a run")
    return [Value((SymbolicSize(len(sizes)),), sizes) if sizes is not None else of_shape(after)]


def _bounds(op: Operation, at: int, name: str) -> Sequence[SymbolicSize] | None:
    numbers = op.node.attributes.integers(name)
    if numbers is not None:
        return [SymbolicSize(number) for number in numbers]
    value = op.optional_input_at(at)
    if value is not None and value.sizes is None:
        raise Mixes("has bounds that are not known before a run")
    return None if value is None else value.sizes


def _slice_size(size: SymbolicSize, start: SymbolicSize, end: SymbolicSize, step: SymbolicSize) -> SymbolicSize:
    whole = (
        start == SymbolicSize(0) and step == ONE and (end == size or (end.number is not None and end.factor >= _FAR))
    )
    if whole:
        return size
    if size.has_rows or start.has_rows or end.has_rows:
        raise Mixes("takes some of the rows")
    numbers = [each.number for each in (size, start, end, step)]
    if None in numbers or step.factor == 0:
        return unknown_size()
    return SymbolicSize(len(range(size.factor)[slice(start.factor, end.factor, step.factor)]))


def _gather(op: Operation) -> list[Value]:
    data, indices = op.input_at(0), op.input_at(1)
    shape = shape_of(data)
    axis = op.axis(0)
    if data.sizes is not None and len(shape) == 1 and indices.sizes is not None and indices.axis is None:
        chosen = numbers_of(indices, "indices")
        if any(not -len(data.sizes) <= index < len(data.sizes) for index in chosen):
            raise Mixes("reaches beyond a shape")
        return [Value(indices.shape, tuple(data.sizes[index] for index in chosen))]
    if data.axis is not None and indices.axis is not None:
        raise Mixes("picks from rows by rows")
    if data.axis == axis and data.axis is not None:
        raise Mixes("picks some of the rows")
    if data.counts_rows or indices.counts_rows:
        raise Mixes("picks by the number of rows")
    return [of_shape((*shape[:axis], *shape_of(indices), *shape[axis + 1 :]))]


def _gather_elements(op: Operation) -> list[Value]:
    data, indices = op.input_at(0), op.input_at(1)
    axis = op.axis(0)
    if data.axis is None or data.axis != indices.axis or axis == data.axis:
        raise Mixes("picks from rows by what is not of the same row")
    if shape_of(data)[data.axis] != shape_of(indices)[data.axis]:
        raise Mixes("picks from rows by what is not of the same row")
    return [of_shape(shape_of(indices))]


def _expand(op: Operation) -> list[Value]:
    value, target = op.input_at(0), op.input_at(1)
    if target.sizes is None or value.counts_rows:
        raise Mixes("takes a shape that is not known before a run")
    # A size of 1 leaves an axis as it is; rows of the target spread what is the same for all.
    return [of_shape(broadcast([Value(value.shape), Value(tuple(target.sizes))]))]


def _tile(op: Operation) -> list[Value]:
    value, times = op.input_at(0), op.input_at(1)
    shape = shape_of(value)
    if times.sizes is None or len(times.sizes) != len(shape) or value.counts_rows:
        raise Mixes("repeats by a number that is not known before a run")
    if value.axis is not None and times.sizes[value.axis] != ONE:
        raise Mixes("repeats the rows")
    if any(by.has_rows and size != ONE for size, by in zip(shape, times.sizes, strict=True)):
        raise Mixes("repeats by the number of rows")
    return [of_shape([size.times(by) for size, by in zip(shape, times.sizes, strict=True)])]


def _constant_of_shape(op: Operation) -> list[Value]:
    sizes = op.input_at(0).sizes
    if sizes is None:
        raise Mixes("takes a shape that is not known before a run")
    fill = op.node.attributes.tensor("value")
    count = product(sizes).number
    elements = None
    if count is not None and 0 <= count <= _MOST_SIZES and fill is not None and fill.values is not None:
        whole = float(fill.values[0]).is_integer()
        elements = (SymbolicSize(int(fill.values[0])),) * count if whole else None
    value = of_shape(sizes)
    return [Value(value.shape, elements)]


def _range(op: Operation) -> list[Value]:
    for value, what in zip(op.all_inputs(), ("start", "limit", "step"), strict=True):
        constant(value, what)
    sizes = [value.sizes[0].number if value.sizes else None for value in op.all_inputs()]
    if None not in sizes and sizes[2]:
        counted = range(*(int(size) for size in sizes if size is not None))
        if len(counted) <= _MOST_SIZES:
            return [Value((SymbolicSize(len(counted)),), tuple(SymbolicSize(number) for number in counted))]
    limit = op.input_at(1)
    if sizes[0] == 0 and sizes[2] == 1 and limit.sizes:
        return [Value((limit.sizes[0],))]
    return [Value((unknown_size(),))]


def _pad(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = shape_of(value)
    constant(op.optional_input_at(2), "filling")
    pads = op.node.attributes.integers("pads") or op.node.attributes.integers("paddings")
    if pads is None:
        pads = numbers_of(op.input_at(1), "widths")
    axes = op.axes(3, len(shape)) if op.optional_input_at(3) is not None else tuple(range(len(shape)))
    after = list(shape)
    for place, axis in enumerate(axes or ()):
        widths = pads[place] + pads[place + len(axes or ())]
        if axis == value.axis and (pads[place] or pads[place + len(axes or ())]):
            raise Mixes("adds rows")
        if widths or pads[place]:
            after[axis] = (
                SymbolicSize(shape[axis].factor + widths) if shape[axis].number is not None else unknown_size()
            )
    return [of_shape(after)]


def _one_hot(op: Operation) -> list[Value]:
    indices, depth = op.input_at(0), op.input_at(1)
    constant(depth, "depth")
    constant(op.optional_input_at(2), "values")
    shape = list(shape_of(indices))
    axis = op.node.attributes.integer("axis", -1)
    shape.insert(from_start(axis, len(shape) + 1), depth.sizes[0] if depth.sizes else unknown_size())
    return [of_shape(shape)]


def _depth_to_space(op: Operation) -> list[Value]:
    value = op.input_at(0)
    if value.axis != 0 or rank_of(value) != 4:  # noqa: PLR2004 - images
        raise Mixes("works on what are no images by rows")
    return [of_shape([shape_of(value)[0], *(unknown_size() for _ in range(3))])]


def _trilu(op: Operation) -> list[Value]:
    value = op.input_at(0)
    constant(op.optional_input_at(1), "diagonal")
    if value.axis is not None and value.axis >= rank_of(value) - 2:
        raise Mixes("sets rows against their places")
    return [of_shape(shape_of(value))]


SHAPE_RULES: Mapping[str, Rule] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "SpaceToDepth": _depth_to_space,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
