"""Classifiers of object crops: from crops to a calibrated ONNX model, and from a few examples without training."""
