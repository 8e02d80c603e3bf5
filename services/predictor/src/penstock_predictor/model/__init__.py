"""One ONNX model: from files that are verified to a session that has proved itself, and what is known about it."""
