"""The deployed side alone: graphs written by hand with onnx, no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.errors import CannotStart
from stages.classify.behaviour import GREY, BehaviourModel, BehaviourOptions, fit

CARD: dict[str, Any] = {
    "kind": "behaviour",
    "attribute": "activity",
    "names": ["normal", "fight"],
    "frames": 3,
    "fps": 8.0,
    "scope": "scene",
    "margin": 0.0,
    "width": 3,
    "size": [16, 32],
    "needs_previous": True,
    "thresholds": [0.4, 0.6],
    "pair": "one",
}


def write(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], card: dict[str, Any] | None) -> None:
    axes = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        for name, values in (("picture", [1, 2]), ("time", [1]), ("columns", [2]))
    ]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, axes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if card is not None:
        helper.set_model_props(model, {"bartizan": json.dumps(card)})
    onnx.save(model, str(path))


def write_model(folder: Path, **changes: Any) -> Path:
    """Rows: mean change of each colour. Judged: softmax of the first two columns' sums over time."""
    card = CARD | changes
    folder.mkdir(exist_ok=True)
    picture = [helper.make_tensor_value_info(n, TensorProto.UINT8, ["n", 16, 32, 3]) for n in ("pictures", "previous")]
    write(
        folder / "features.onnx",
        [
            helper.make_node("Cast", ["pictures"], ["now"], to=TensorProto.FLOAT),
            helper.make_node("Cast", ["previous"], ["before"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["now", "before"], ["change"]),
            helper.make_node("ReduceMean", ["change", "picture"], ["rows"], keepdims=0),
        ],
        picture,
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])],
        card | {"graph": "features"},
    )
    write(
        folder / "temporal.onnx",
        [
            helper.make_node("ReduceSum", ["windows", "time"], ["total"], keepdims=0),
            helper.make_node("Split", ["total"], ["two", "rest"], axis=1, num_outputs=2),
            helper.make_node("Softmax", ["two"], ["probability"], axis=1),
            helper.make_node("ReduceMean", ["windows", "columns"], ["means"], keepdims=0),
            helper.make_node("Softmax", ["means"], ["attention"], axis=1),
        ],
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 3, 3])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("attention", TensorProto.FLOAT, ["n", 3]),
        ],
        card | {"graph": "temporal"},
    )
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def flat(value: int) -> Any:
    return np.full((16, 32, 3), value, np.uint8)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_row_is_made_of_a_picture_and_the_one_before(folder: Path, runtime: Any) -> None:
    model = BehaviourModel(BehaviourOptions(model=folder, runtime=runtime))
    rows = model.embed([flat(30), flat(50), flat(9)], [None, flat(30), flat(10)])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 0, 0], [20, 20, 20], [-1, -1, -1]]
    assert model.embed([flat(30)]).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_windows_are_judged_with_probabilities_and_attention(folder: Path, runtime: Any) -> None:
    model = BehaviourModel(BehaviourOptions(model=folder, runtime=runtime))
    windows = np.zeros((2, 3, 3), np.float32)
    windows[1, 2] = [0, 3, 3]
    probability, attention = model.judge(windows), model.attend(windows)
    assert np.allclose(probability, [[0.5, 0.5], [1 / (1 + np.exp(3)), 1 / (1 + np.exp(-3))]], atol=1e-5)
    assert np.allclose(attention.sum(1), 1)
    assert attention[1].argmax() == 2


def test_the_answer_does_not_depend_on_what_shares_the_call(folder: Path) -> None:
    together = BehaviourModel(BehaviourOptions(model=folder))
    one_by_one = BehaviourModel(BehaviourOptions(model=folder, batch=1))
    random = np.random.default_rng(0)
    crops = [random.integers(0, 256, (20 + k, 50, 3), np.uint8) for k in range(5)]
    previous = [None, *crops[:-1]]
    assert (together.embed(crops, previous) == one_by_one.embed(crops, previous)).all()
    windows = random.normal(size=(5, 3, 3)).astype(np.float32)
    assert (together.judge(windows) == one_by_one.judge(windows)).all()


def test_it_says_what_it_is(folder: Path) -> None:
    model = BehaviourModel(BehaviourOptions(model=folder))
    assert (model.names, model.attribute) == (("normal", "fight"), "activity")
    assert (model.frames, model.fps, model.width, model.size) == (3, 8.0, 3, (16, 32))
    assert (model.scope, model.needs_previous, model.thresholds) == ("scene", True, (0.4, 0.6))
    assert model.model["name"] == "model"
    assert len(model.model["sha256"]) == 64
    assert "openvino" in model.engine
    assert "f32" in model.engine


def test_nothing_in_nothing_out(folder: Path) -> None:
    model = BehaviourModel(BehaviourOptions(model=folder))
    assert model.embed([]).shape == (0, 3)
    assert model.judge(np.zeros((0, 3, 3), np.float32)).shape == (0, 2)


def test_arguments_of_another_kind_are_refused(folder: Path) -> None:
    model = BehaviourModel(BehaviourOptions(model=folder))
    with pytest.raises(ValueError, match=r"windows must be float32 \(n, 3, 3\), got float64"):
        model.judge(np.zeros((1, 3, 3)))  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="one entry for each of the 2 crops, got 1"):
        model.embed([flat(1), flat(2)], [None])
    with pytest.raises(ValueError, match="picture must be uint8"):
        model.embed([np.zeros((4, 4), np.uint8)])


def test_a_picture_keeps_its_shape_within_the_grey() -> None:
    (tall,) = fit([np.full((40, 20, 3), 200, np.uint8)], (16, 32))
    assert (tall[:, 12:20] == 200).all()
    assert (tall[:, :12] == GREY).all()
    assert (tall[:, 20:] == GREY).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "crop"}, "kind 'crop'; 'behaviour' is needed"),
        ({"names": None}, "its card: names: "),
        ({"fps": 0}, "its card: fps: "),
        ({"thresholds": [0.5]}, "2 names, 1 thresholds"),
        ({"width": 4}, "does not fit its card: rows of 3 numbers, 4 stated"),
        ({"names": ["a", "b", "c"], "thresholds": [1, 1, 1]}, "2 probabilities, 3 names"),
    ],
)
def test_a_model_that_is_not_what_its_card_says_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    made = write_model(tmp_path / "model", **changes)
    with pytest.raises(CannotStart, match=said):
        BehaviourModel(BehaviourOptions(model=made))


def test_graphs_that_were_not_made_together_are_refused(folder: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", pair="two")
    (folder / "temporal.onnx").write_bytes((other / "temporal.onnx").read_bytes())
    with pytest.raises(CannotStart, match="were not made together"):
        BehaviourModel(BehaviourOptions(model=folder))


def test_damaged_and_missing_files_are_named_in_one_line(folder: Path, tmp_path: Path) -> None:
    def refusal(model: Path) -> str:
        with pytest.raises(CannotStart) as refused:
            BehaviourModel(BehaviourOptions(model=model))
        assert "\n" not in str(refused.value)
        return str(refused.value)

    assert "not a folder" in refusal(tmp_path / "nowhere")
    whole = (folder / "temporal.onnx").read_bytes()
    (folder / "temporal.onnx").write_bytes(whole[: len(whole) // 2])
    assert "temporal.onnx: not an ONNX graph" in refusal(folder)
    (folder / "temporal.onnx").write_bytes((folder / "features.onnx").read_bytes())
    assert "'temporal' belongs there" in refusal(folder)
    (folder / "temporal.onnx").unlink()
    assert "cannot be read" in refusal(folder)


def test_onnxruntime_computes_in_f32_only(folder: Path) -> None:
    with pytest.raises(CannotStart, match="set runtime: openvino"):
        BehaviourModel(BehaviourOptions(model=folder, runtime="onnxruntime", precision="bf16"))
