"""Which execution providers are asked for; onnxruntime itself is met in component tests."""

import pytest

from penstock_predictor.errors import ModelUnloadable
from penstock_predictor.model.session import Device, choose_providers

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("device", "available", "chosen"),
    [
        ("auto", [CPU], [CPU]),
        ("auto", ["TensorrtExecutionProvider", CUDA, CPU], [CUDA, CPU]),
        ("cpu", [CUDA, CPU], [CPU]),
        ("cuda", [CUDA, CPU], [CUDA, CPU]),
    ],
)
def test_the_device_that_is_there(device: Device, available: list[str], chosen: list[str]) -> None:
    assert choose_providers(device, available) == chosen


def test_a_cuda_device_that_this_build_cannot_use_is_fatal_and_says_what_to_install() -> None:
    with pytest.raises(ModelUnloadable, match=r"this onnxruntime has only \['CPU.*\]: install onnxruntime-gpu"):
        choose_providers("cuda", [CPU])
