"""Serves one version of one ONNX model over HTTP."""
