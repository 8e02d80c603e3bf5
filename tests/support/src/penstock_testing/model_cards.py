"""Model cards in few words, for tests that compare them."""

from collections.abc import Sequence

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column, Golden, GoldenSource, ModelCard, ModelCost, ModelFile, TensorSpec

Tensor = tuple[str, str, Sequence[int]]
"""Name, datatype and shape."""

X: Tensor = ("x", "FP32", (-1, 3))
Y: Tensor = ("y", "FP32", (-1, 1))


def a_card(
    inputs: Sequence[Tensor] = (X,),
    outputs: Sequence[Tensor] = (Y,),
    *,
    columns: Sequence[Column] | None = None,
    sizes: dict[str, Sequence[int]] | None = None,
    answers: dict[str, list[float]] | None = None,
    size: int = 1000,
    cost: ModelCost | None = None,
) -> ModelCard:
    """A card with a golden request of one row.

    `sizes`: shapes of golden tensors, where 1 for an open dimension does not do. `answers`: golden answers by output.
    """
    shapes = {name: tuple(abs(size) for size in shape) for name, _, shape in (*inputs, *outputs)} | (sizes or {})
    return ModelCard(
        digest="sha256:" + "a" * 64,
        files=(ModelFile(path="model.onnx", size=size, sha256="b" * 64),),
        model_path="model.onnx",
        inputs=tuple(map(_spec, inputs)),
        outputs=tuple(map(_spec, outputs)),
        columns=None if columns is None else tuple(columns),
        golden=Golden(
            source=GoldenSource.SIGNATURE,
            request=InferRequest(
                inputs=tuple(RequestInput(name=name, datatype=of, shape=tuple(shapes[name])) for name, of, _ in inputs)
            ),
            response=InferResponse(
                model_name="golden",
                outputs=tuple(
                    ResponseOutput(
                        name=name, datatype=of, shape=tuple(shapes[name]), data=(answers or {}).get(name, [])
                    )
                    for name, of, _ in outputs
                ),
            ),
        ),
        cost=cost,
    )


def _spec(tensor: Tensor) -> TensorSpec:
    name, datatype, shape = tensor
    return TensorSpec(name=name, datatype=datatype, shape=tuple(shape))
