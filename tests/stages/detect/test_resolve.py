"""What ``auto`` becomes, why, and what is refused."""

import logging
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from stages.detect.hardware import Finding, Hardware, bf16, fault_of_torch, has_cuda
from stages.detect.model_file import form_of, is_quantised
from stages.detect.options import YoloOptions
from stages.detect.resolve import resolve

WEIGHTS = Path("x.pt")
without_gpu = pytest.mark.skipif(has_cuda(), reason="this machine has a GPU")


@pytest.fixture
def int8(tmp_path: Path) -> Path:
    """As much of an INT8 graph as is looked at."""
    (tmp_path / "model.xml").write_text('<net><layer id="4" name="x" type="Parameter"/>' + " " * (1 << 20))
    with (tmp_path / "model.xml").open("a") as file:
        file.write('<layer id="5" name="fq" type="FakeQuantize" version="opset1"/></net>')
    return tmp_path


@without_gpu
def test_what_auto_became_is_logged_once_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        resolved = resolve(YoloOptions(model=WEIGHTS))
        resolve(resolved)
    (line,) = [record.getMessage() for record in caplog.records]
    reason = bf16().why
    assert line == (
        "detector x: device cpu (no NVIDIA driver), runtime openvino (fastest on a CPU in bf16 and int8), "
        f"precision {resolved.precision} ({reason})"
    )


def machine(*, gpu: bool = False, native_bf16: bool = False, tensorrt: bool = False) -> Hardware:
    return Hardware(
        Finding(gpu, "the NVIDIA driver finds 1 GPU" if gpu else "no NVIDIA driver"),
        Finding(native_bf16, "the processor has amx_bf16" if native_bf16 else "the processor has no bfloat16"),
        tensorrt,
    )


PLAIN, MODERN = machine(), machine(native_bf16=True)
GPU, FULL = machine(gpu=True, native_bf16=True), machine(gpu=True, tensorrt=True)


@pytest.mark.parametrize(
    ("hardware", "asked", "chosen"),
    [
        (PLAIN, {}, ("cpu", "openvino", "f32", 1)),
        (MODERN, {}, ("cpu", "openvino", "bf16", 1)),
        (MODERN, {"runtime": "onnxruntime"}, ("cpu", "onnxruntime", "f32", 1)),
        (MODERN, {"runtime": "torch"}, ("cpu", "torch", "f32", 1)),
        (MODERN, {"precision": "f32"}, ("cpu", "openvino", "f32", 1)),
        (GPU, {}, ("cuda", "torch", "f16", 8)),
        (GPU, {"precision": "bf16"}, ("cuda", "torch", "bf16", 8)),
        (GPU, {"precision": "f32", "batch": 32}, ("cuda", "torch", "f32", 32)),
        (GPU, {"device": "cpu"}, ("cpu", "openvino", "bf16", 1)),
        (GPU, {"runtime": "openvino"}, ("cpu", "openvino", "bf16", 1)),
        (GPU, {"runtime": "onnxruntime"}, ("cpu", "onnxruntime", "f32", 1)),
        (GPU, {"model": Path("x.onnx")}, ("cpu", "openvino", "bf16", 1)),
        (FULL, {}, ("cuda", "torch", "f16", 8)),
        (FULL, {"runtime": "tensorrt"}, ("cuda", "tensorrt", "f16", 8)),
        (FULL, {"runtime": "tensorrt", "precision": "f32", "device": "cuda"}, ("cuda", "tensorrt", "f32", 8)),
    ],
)
def test_the_machine_decides_what_was_left_open(
    hardware: Hardware, asked: dict[str, object], chosen: tuple[str, str, str, int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        resolved = resolve(YoloOptions.model_validate({"model": WEIGHTS} | asked), hardware)
        assert resolve(resolved, hardware) == resolved
    assert (resolved.device, resolved.runtime, resolved.precision, resolved.batch) == chosen
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (0 if {"device", "runtime", "precision"} <= set(asked) else 1)
    for line in lines:
        device, runtime, precision = line.partition(": ")[2].split("), ")
        assert device.startswith(f"device {resolved.device} (")
        assert runtime.startswith(f"runtime {resolved.runtime} (")
        assert precision.startswith(f"precision {resolved.precision} (")
        assert all(part.strip(")").rpartition("(")[2] for part in (device, runtime, precision))


@pytest.mark.parametrize(
    ("hardware", "asked", "said"),
    [
        (PLAIN, {"device": "cuda"}, r"device cuda: .* \(no NVIDIA driver\); set device: cpu"),
        (PLAIN, {"runtime": "tensorrt"}, r"runtime tensorrt: needs an NVIDIA GPU \(no NVIDIA driver\)"),
        (GPU, {"runtime": "tensorrt"}, "the package tensorrt is not installed; install it, or set runtime: torch"),
        (FULL, {"model": Path("x.onnx"), "device": "cuda"}, "exported to ONNX, torch cannot run it; give the .pt"),
        (FULL, {"model": Path("x.xml"), "runtime": "tensorrt"}, "exported to OpenVINO, tensorrt cannot run it"),
        (PLAIN, {"precision": "f16"}, "precision f16: needs an NVIDIA GPU; on a CPU set precision: bf16 or f32"),
    ],
)
def test_a_wish_that_the_machine_cannot_fulfil_is_one_line(
    hardware: Hardware, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(CannotStart, match=said) as refused:
        resolve(YoloOptions.model_validate({"model": WEIGHTS} | asked), hardware)
    assert "\n" not in str(refused.value)


def test_int8_stays_on_the_processor_where_there_is_a_gpu(int8: Path) -> None:
    resolved = resolve(YoloOptions(model=int8), GPU)
    assert (resolved.device, resolved.runtime, resolved.precision) == ("cpu", "openvino", "int8")
    with pytest.raises(CannotStart, match="exported to OpenVINO, torch cannot run it"):
        resolve(YoloOptions(model=int8, device="cuda"), GPU)


def test_a_quantised_model_computes_in_int8(int8: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert is_quantised(int8)
    assert is_quantised(int8 / "model.xml")
    assert resolve(YoloOptions(model=int8)).precision == "int8"
    assert resolve(YoloOptions(model=int8, precision="int8")).precision == "int8"
    with caplog.at_level(logging.INFO):
        assert resolve(YoloOptions(model=int8, device="cpu", runtime="openvino", precision="f32")).precision == "int8"
    assert "only its other layers compute in f32 as asked" in caplog.text
    with pytest.raises(CannotStart, match=r"precision bf16: .* is quantised to int8 and computes in nothing else"):
        resolve(YoloOptions(model=int8, precision="bf16"))


def test_int8_of_a_model_that_is_not_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text('<net><layer name="a" type="Convolution"/></net>')
    (tmp_path / "weights.pt").touch()
    for model in (tmp_path, tmp_path / "weights.pt"):
        with pytest.raises(CannotStart, match="is not quantised; make one that is with bartizan compress int8"):
            resolve(YoloOptions(model=model, device="cpu", precision="int8"))


@without_gpu
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "cuda"}, "device cuda: no NVIDIA GPU can be used on this machine .*; set device: cpu"),
        ({"runtime": "tensorrt"}, "runtime tensorrt: needs an NVIDIA GPU .*; leave runtime: auto"),
        ({"precision": "f16"}, "precision f16: needs an NVIDIA GPU; on a CPU set precision: bf16 or f32"),
        ({"runtime": "torch", "precision": "bf16"}, "torch on cpu here computes in f32"),
        ({"runtime": "onnxruntime", "precision": "int8"}, None),
    ],
)
def test_what_this_machine_cannot_do_is_refused_in_one_line(options: dict[str, object], said: str | None) -> None:
    asked = YoloOptions.model_validate({"model": WEIGHTS} | options)
    if said is None:
        assert resolve(asked).precision == "int8"  # the file is not there: that is said when it is opened
        return
    with pytest.raises(CannotStart, match=said) as refused:
        resolve(asked)
    assert "\n" not in str(refused.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.touch()
    with pytest.raises(CannotStart, match=r"must be a \.pt, an \.onnx, an OpenVINO \.xml"):
        form_of(file)


def test_a_name_of_the_registry_is_that_model_and_no_file_of_the_same_spelling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BARTIZAN_MODELS", str(tmp_path / "models"))
    with pytest.raises(CannotStart, match="yolo26n"):
        resolve(YoloOptions(model=Path("yolo26n")))  # known, but not on this machine
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yolo26n").mkdir()
    (tmp_path / "yolo26n" / "model.xml").touch()
    with pytest.raises(CannotStart, match="yolo26n"):
        resolve(YoloOptions(model=Path("yolo26n")))
    there = tmp_path / "yolo26n"
    assert resolve(YoloOptions(model=there, device="cpu", precision="f32")).model == there


@without_gpu
def test_a_gpu_that_torch_cannot_use_is_found_out_before_anything_starts() -> None:
    fault = fault_of_torch().lower()
    assert "cuda" in fault or "nvidia" in fault
