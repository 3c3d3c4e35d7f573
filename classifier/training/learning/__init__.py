"""Networks, their objective, the training loop, and what comes out: ONNX, calibration, a card."""
