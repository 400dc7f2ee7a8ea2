"""Files of weights, whole and broken, honest and malicious; nothing of them is executed."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.models.inspection import inspect, require_trusted
from pipeline.models.pickle_globals import EXTENSION, HIDDEN, foreign, globals_of

SYSTEM = b"\x80\x02cos\nsystem\nX\x0b\x00\x00\x00touch pwned\x85R."
"""What ``pickle`` makes of an object whose ``__reduce__`` says ``os.system, ("touch pwned",)``."""


def archive(path: Path, data: bytes, *, name: str = "best/data.pkl") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(name, data)
        made.writestr("best/data/0", bytes(64))
    return path


def checkpoint(path: Path) -> Path:
    import torch

    torch.save({"layer.weight": torch.arange(600.0).reshape(20, 30)}, path)
    return path


def test_a_checkpoint_of_tensors_is_trusted(tmp_path: Path) -> None:
    found = require_trusted(checkpoint(tmp_path / "a.pt"))
    assert (found.format, found.foreign) == ("torch", ())


@pytest.mark.footage
def test_real_detectors_are_trusted(footage: Path) -> None:
    for path in sorted((footage / "weights").glob("*.pt")):
        assert inspect(path).foreign == ()


def test_a_pickle_that_would_run_a_command_is_refused_by_name_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"evil\.pt: refused, loading it would run foreign code: os\.system; get the"):
        require_trusted(archive(tmp_path / "evil.pt", SYSTEM))
    assert not (tmp_path / "pwned").exists()


def test_the_same_pickle_without_an_archive_is_seen_through(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    path.write_bytes(b"".join([b"\x80\x02K\x01."] * 3) + SYSTEM + b"\x80\x02].")
    assert inspect(path).foreign == ("os.system",)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


@pytest.mark.parametrize(
    ("opcodes", "found"),
    [
        (short("os") + short("system") + b"\x93", {"os.system"}),
        (short("os") + b"\x94" + short("system") + b"\x94" + b"\x93", {"os.system"}),
        (short("os") + b"\x94" + b"0" + short("system") + b"\x94" + b"0h\x00h\x01\x93", {"os.system"}),
        # Harmless names on top, popped away before the name is looked up.
        (short("os") + short("system") + short("collections") + short("OrderedDict") + b"00\x93", {HIDDEN}),
        # The memo says one string, and holds another by then.
        (short("os") + b"q\x00" + short("system") + b"q\x01" + b"]q\x00" + b"h\x00h\x01\x93", {HIDDEN}),
        (short("os") + b"2" + short("system") + b"\x93", {HIDDEN}),
        (b"\x82\x01", {EXTENSION}),
        (b"(ios\nsystem\n", {"os.system"}),
        (b"c__builtin__\neval\n", {"__builtin__.eval"}),
    ],
)
def test_names_do_not_hide(opcodes: bytes, found: set[str]) -> None:
    assert globals_of(io.BytesIO(b"\x80\x04" + opcodes + b".")) == found
    assert foreign(found) == sorted(found)


@pytest.mark.parametrize(
    "name",
    [
        "torch.nn.modules.module.os",
        "torch.hub.load",
        "torch.nn.modules.container.Sequential.__init__",
        "builtins.getattr",
        "ultralytics.nn.tasks.attempt_load_one_weight",
        "torch.load",
        "numpy.load",
        "torchx.FloatStorage",
    ],
)
def test_a_trusted_package_is_no_free_pass(name: str) -> None:
    assert foreign([name]) == [name]


def test_onnx_and_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper
    from safetensors.numpy import save_file

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [x])
    onnx.save(helper.make_model(graph), str(tmp_path / "a.onnx"))
    save_file({"w": np.arange(12, dtype=np.float16)}, tmp_path / "a.bin")
    assert inspect(tmp_path / "a.onnx").format == "onnx"
    assert inspect(tmp_path / "a.bin").format == "safetensors"
    for name in ("a.onnx", "a.bin"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-1])
        with pytest.raises(UsageError, match="damaged or incomplete"):
            inspect(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pt", b"", r"is empty \(0 bytes\)"),
        ("a.pt", b"<html><body>404", r"is no torch checkpoint \(it starts with b'<html><b'\)"),
        ("a.bin", b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "is no weights that can be registered"),
        ("a.onnx", b"not a protocol buffer", "damaged or incomplete"),
        ("a.onnx", b"\x08\x07", "no ONNX graph"),
        ("a.safetensors", struct.pack("<Q", 1 << 60) + b"{}", "a header of"),
        ("a.safetensors", struct.pack("<Q", 2) + b"[]", "damaged or incomplete"),
        ("a.pt", b"\x80\x02cos\nsyst", "damaged or incomplete"),
        ("a.pt", b"PK\x03\x04 and no more", "damaged or incomplete"),
    ],
)
def test_what_is_no_weights_gives_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        inspect(tmp_path / name)
    assert "\n" not in str(error.value)


def test_truncation_and_a_flipped_bit_are_found(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "a.pt")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="damaged or incomplete"):
        inspect(path)
    at = whole.index(struct.pack("<f", 123.0))
    path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    with pytest.raises(UsageError, match=r"checksum of .*data/0 does not fit"):
        inspect(path)


def test_an_archive_of_something_else_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no data\.pkl"):
        inspect(archive(tmp_path / "a.zip", b"", name="readme.txt"))
    with pytest.raises(UsageError, match="TorchScript"):
        inspect(archive(tmp_path / "b.pt", b"", name="best/code/__torch__.py"))


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.pt", b"\x80\x02}.")
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("best/data.pkl", SYSTEM)
    with pytest.raises(UsageError, match="stands twice"):
        inspect(path)


def test_a_file_that_is_not_there_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        inspect(tmp_path / "none.pt")
