from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import CannotStart
from stages.detect.hardware import has_bf16
from stages.detect.options import YoloOptions
from stages.detect.resolve import resolve

WEIGHTS = Path("x.pt")


def test_resolving_leaves_no_auto_and_is_idempotent() -> None:
    resolved = resolve(YoloOptions(model=WEIGHTS))
    assert "auto" not in resolved.model_dump().values()
    assert resolve(resolved) == resolved


def test_what_the_user_said_is_kept() -> None:
    resolved = resolve(YoloOptions(model=WEIGHTS, device="cpu", precision="f32", threads=2, streams=2))
    assert (resolved.runtime, resolved.precision, resolved.batch) == ("openvino", "f32", 1)
    assert (resolved.threads, resolved.streams) == (2, 2)


def test_auto_precision_is_bf16_only_where_the_processor_has_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor: 0\nflags\t\t: sse avx512f avx512_bf16\n")
    assert has_bf16(info)
    info.write_text("processor: 0\nflags\t\t: sse avx512f\n")
    assert not has_bf16(info)
    assert not has_bf16(tmp_path / "absent")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runtime": "openvino", "device": "cuda"}, "does not run on cuda"),
        ({"runtime": "openvino", "precision": "f16"}, "allowed here: bf16, f32"),
        ({"runtime": "torch", "device": "cpu", "precision": "bf16"}, "allowed here: f32"),
        ({"device": "cpu", "precision": "f16"}, "allowed here: bf16, f32"),
        ({"streams": 2}, "more than threads"),
        ({"imgsz": 650}, "multiple of 32"),
        ({"batch": 0}, "1 to 64"),
        ({"confidence": 1.5}, "less than 1"),
        ({"modle": "x"}, "Extra inputs"),
    ],
)
def test_a_contradiction_is_refused_with_what_is_allowed(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        YoloOptions.model_validate({"model": WEIGHTS} | options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (YoloOptions(model=Path("folder"), runtime="torch"), "give the .pt"),
        (YoloOptions(model=WEIGHTS, device="cpu", batch=4), "openvino takes 1"),
    ],
)
def test_what_this_model_cannot_do_is_refused_in_one_line(options: YoloOptions, said: str) -> None:
    with pytest.raises(CannotStart, match=said) as refused:
        resolve(options)
    assert "\n" not in str(refused.value)


def test_every_option_is_described() -> None:
    assert all(field.description for field in YoloOptions.model_fields.values())
