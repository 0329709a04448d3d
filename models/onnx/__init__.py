"""Networks as ONNX files: made, and run."""
