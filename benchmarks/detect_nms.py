"""Where overlaps are best suppressed for a network that leaves it to others: in its graph, or by us.

    python benchmarks/detect_nms.py WEIGHTS VIDEO [--frames 4] [--turns 30] [--confidence 0.1]

For OpenVINO, ONNX Runtime and torch on the CPU, one thread each, the same frames turn by turn: the graph alone, the
graph and our suppression (``stages.detect.postprocess.Picker``, with decoding and scaling back), and the graph with
suppression in it (MulticlassNms, NonMaxSuppression, and ``stages.detect.torch_selection``). What the latter give still
has to be scaled back, which is not counted against them.
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.detect_raw import read
from pipeline.stage import Picture
from stages.detect.engine import Canvas
from stages.detect.letterbox import Letterbox
from stages.detect.nms import MOST_CANDIDATES
from stages.detect.onnx_graph import PIXELS, OnnxGraph
from stages.detect.postprocess import Picker
from stages.detect.resolve import resolve
from stages.detect.yolo import YoloDetector

IOU, MOST = 0.7, 300
Runner = Callable[[int], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--confidence", type=float, default=0.1)
    asked = parser.parse_args()
    pictures = read(asked.video, asked.frames)
    letterbox = Letterbox.fit(pictures[0].shape[:2], imgsz=640, stride=32)
    canvases = drawn(pictures, letterbox)
    picker = Picker(asked.confidence, IOU, MOST, None, suppresses=True)
    size = f"{letterbox.canvas[1]}x{letterbox.canvas[0]}"
    print(f"{size}, boxes over {asked.confidence:g}; processor ms a frame, best of {asked.turns} turns")
    print("runtime       graph ms   + ours   in the graph")
    for name, maker in (("openvino", openvino), ("onnxruntime", onnxruntime), ("torch", torch)):
        plain, within = maker(asked.weights, canvases, asked.confidence)
        alone, added, inside = best([plain, ours(plain, picker, letterbox), within], len(canvases), asked.turns)
        print(f"{name:12} {alone:9.2f} {added - alone:+8.2f} {inside - alone:+14.2f}", flush=True)
    outputs = [plain(number).copy() for number in range(len(canvases))]
    (own,) = best([lambda turn: picker.pick(outputs[turn], [letterbox])], len(canvases), asked.turns)
    print(f"our suppression by itself: {own:.2f} ms a frame")


def best(runners: Sequence[Runner], frames: int, turns: int) -> list[float]:
    """Processor milliseconds of each runner: the best of all turns of a frame, the mean over frames."""
    spent = np.zeros((turns, frames, len(runners)))
    for turn, frame, number in np.ndindex(spent.shape):
        began = process_time()
        runners[number](frame)
        spent[turn, frame, number] = 1e3 * (process_time() - began)
    means: list[float] = spent[1:].min(axis=0).mean(axis=0).tolist()
    return means


def drawn(pictures: Sequence[Picture], letterbox: Letterbox) -> list[Canvas]:
    canvases = []
    for picture in pictures:
        canvas = np.zeros((1, *letterbox.canvas, 3), np.uint8)
        letterbox.draw(picture, canvas[0])
        canvases.append(canvas)
    return canvases


def ours(plain: Callable[[int], Any], picker: Picker, letterbox: Letterbox) -> Runner:
    return lambda turn: picker.pick(plain(turn), [letterbox])


def build(weights: Path, runtime: str) -> Any:
    options = {"model": weights, "device": "cpu", "precision": "f32", "runtime": runtime, "threads": 1}
    return YoloDetector(resolve(YoloDetector.Options.model_validate(options)))._engine


def openvino(weights: Path, canvases: list[Canvas], confidence: float) -> tuple[Callable[[int], Any], Runner]:
    engine = build(weights, "openvino")
    ops: Any = import_module("openvino.opset13")
    ov: Any = import_module("openvino")

    def with_suppression() -> Any:
        graph = engine._core.read_model(engine._file)
        candidates = graph.output(0).get_node().input_value(0)
        parts = ops.variadic_split(candidates, np.int64(1), np.array([2, 2, -1]))
        half = ops.divide(parts.output(1), np.float32(2))
        corners = [ops.subtract(parts.output(0), half), ops.add(parts.output(0), half)]
        boxes = ops.transpose(ops.concat(corners, 1), np.array([0, 2, 1]))
        chosen = ops.multiclass_nms(
            boxes,
            parts.output(2),
            output_type="i32",
            iou_threshold=IOU,
            score_threshold=confidence,
            nms_top_k=MOST_CANDIDATES,
            keep_top_k=MOST,
        )
        return ov.Model([chosen.output(0)], graph.get_parameters(), "with_suppression")

    plain = requests(engine, canvases)
    engine._requests.clear()
    engine._read = with_suppression
    return plain, requests(engine, canvases)


def requests(engine: Any, canvases: list[Canvas]) -> Callable[[int], Any]:
    shape = canvases[0].shape[1:3]
    request = engine._compile(shape).create_infer_request()

    def run(turn: int) -> Any:
        request.get_input_tensor().data[:] = canvases[turn % len(canvases)]
        request.infer()
        return request.get_output_tensor(0).data

    return run


def onnxruntime(weights: Path, canvases: list[Canvas], confidence: float) -> tuple[Callable[[int], Any], Runner]:
    engine = build(weights, "onnxruntime")
    runtime: Any = import_module("onnxruntime")
    onnx: Any = import_module("onnx")
    from stages.detect.export_cache import exported
    from stages.detect.onnxruntime_engine import _session

    def make(*, suppress: bool) -> Callable[[int], Any]:
        ready = OnnxGraph(exported(weights, head="one_to_many", target="onnx") / "model.onnx").ready(features=False)
        model = onnx.load_from_string(ready)
        if suppress:
            suppression(onnx, model, confidence, classes=len(engine.card.names))
        options = resolve(YoloDetector.Options(model=weights, device="cpu", runtime="onnxruntime", precision="f32"))
        session = _session(runtime, model.SerializeToString(), options)
        return lambda turn: session.run(None, {PIXELS: canvases[turn % len(canvases)]})[0]

    assert engine.batch == 1
    return make(suppress=False), make(suppress=True)


def suppression(onnx: Any, model: Any, confidence: float, *, classes: int) -> None:
    helper, types = onnx.helper, onnx.TensorProto
    graph = model.graph
    output = graph.output[0].name
    model.graph.initializer.extend(
        helper.make_tensor(f"nms/{name}", kind, [len(values)], values)
        for name, kind, values in (
            ("parts", types.INT64, [4, classes]),
            ("most", types.INT64, [MOST]),
            ("iou", types.FLOAT, [IOU]),
            ("score", types.FLOAT, [confidence]),
        )
    )
    graph.node.extend(
        [
            helper.make_node("Split", [output, "nms/parts"], ["nms/places", "nms/scores"], axis=1),
            helper.make_node("Transpose", ["nms/places"], ["nms/boxes"], perm=[0, 2, 1]),
            helper.make_node(
                "NonMaxSuppression",
                ["nms/boxes", "nms/scores", "nms/most", "nms/iou", "nms/score"],
                ["nms/chosen"],
                center_point_box=1,
            ),
        ]
    )
    graph.output.insert(0, helper.make_tensor_value_info("nms/chosen", types.INT64, None))


def torch(weights: Path, canvases: list[Canvas], confidence: float) -> tuple[Callable[[int], Any], Runner]:
    from stages.detect.torch_selection import Selection

    engine = build(weights, "torch")
    library: Any = import_module("torch")
    selection = Selection(confidence, IOU, MOST)

    def plain(turn: int) -> Any:
        engine.canvas(0, canvases[0].shape[1:3])[:] = canvases[turn % len(canvases)]
        engine.start(0, 1)
        return engine.finish(0)

    def within(turn: int) -> Any:
        rows, _ = selection.rows(library, library.from_numpy(plain(turn)))
        return rows.numpy()

    return plain, within


if __name__ == "__main__":
    main()
