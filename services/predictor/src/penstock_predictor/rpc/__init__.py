"""V2 over gRPC. What is computed lies below, as for HTTP. `open_inference_*` are generated from the .proto here."""
