"""Serves one version of one ONNX model over HTTP."""

VERSION = "0.1.0"
"""Of this package. Written here because an image holds the sources alone, without the package's metadata."""
