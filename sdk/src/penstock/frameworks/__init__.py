"""The kinds of models: how each answers, becomes ONNX, and is saved in its own form."""
