"""INT8 of a classifier that tells dark crops from bright ones."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lab.compress.command import app
from stages.classify.classifier import CropClassifier

SIZE = 32
CARD = {
    "kind": "classify",
    "name": "light",
    "names": ["bright", "dark"],
    "attribute": "light",
    "size": [SIZE, SIZE],
    "temperature": 1.0,
}


def write_classifier(path: Path) -> None:
    """A convolution, a mean, and a layer that tells low means from high ones."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    kernels = (0.2 + 0.02 * random.standard_normal((8, 3, 3, 3))).astype(np.float32)
    weight = np.stack([np.full(8, 1.0), np.full(8, -1.0)]).astype(np.float32)
    level = float(kernels.sum(axis=(1, 2, 3)).sum()) * 0.5
    parts = {"kernels": kernels, "weight": weight, "bias": np.array([-level, level], np.float32),
             "scale": np.array(1 / 255, np.float32)}  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernels"], ["edges"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["edges"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["embedding"]),
        helper.make_node("Gemm", ["embedding", "weight", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "light",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 8]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in parts.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"bartizan": json.dumps(CARD)})
    onnx.save(model, path)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    import cv2

    random = np.random.default_rng(1)
    folder = tmp_path / "crops"
    for name, low in (("dark", 0), ("bright", 150)):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            crop = random.integers(low, low + 100, (40, 30, 3), np.uint8)
            cv2.imwrite(str(folder / name / f"{name}{number}.png"), crop)
    return folder


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_classifier_keeps_its_card_and_its_answers(crops: Path, tmp_path: Path) -> None:
    import cv2

    model, out = tmp_path / "light.onnx", tmp_path / "out"
    write_classifier(model)
    footage = tmp_path / "footage"
    footage.mkdir()
    random = np.random.default_rng(2)
    for number in range(8):
        frame = random.integers(20 * number, 20 * number + 100, (40, 30, 3), np.uint8)  # night and day
        cv2.imwrite(str(footage / f"{number}.png"), frame)
    words = ["int8", model, "--calibrate", footage, "--data", crops, "--out", out, "--tolerance", "0.05"]
    found = CliRunner().invoke(app, [*map(str, words), "--rounds", "50", "--turns", "5"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "accuracy" in found.stdout
    small = CropClassifier(CropClassifier.Options(model=out / "model.onnx"))
    assert (small.names, small.attribute) == (("bright", "dark"), "light")
    shown = [np.full((40, 30, 3), shade, np.uint8) for shade in (20, 230)]
    assert small.process(shown).argmax(axis=1).tolist() == [1, 0]
    assert json.loads((out / "run.json").read_text())["verdict"]["measure"] == "accuracy"
