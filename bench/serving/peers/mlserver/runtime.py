"""A custom runtime for MLServer, as its documentation describes one."""

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from numpy.typing import NDArray


class Onnx(MLModel):
    """onnxruntime with one thread."""

    async def load(self) -> bool:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        assert self.settings.parameters is not None  # noqa: S101 - model-settings.json has them
        self.model = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        self.output_names = [output.name for output in self.model.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Run it."""
        [tensor] = payload.inputs
        outputs = self.model.run(None, {tensor.name: self._array(payload)})
        named = zip(self.output_names, outputs, strict=True)
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(name, output) for name, output in named],
        )

    def _array(self, payload: InferenceRequest) -> NDArray[np.float32]:
        [tensor] = payload.inputs
        if tensor.datatype != "BYTES":
            return NumpyCodec.decode_input(tensor)
        images = [np.frombuffer(image, dtype=np.float32) for image in Base64Codec.decode_input(tensor)]
        return np.concatenate(images).reshape(-1, 3, 224, 224)
