"""A folder is read whole or refused in one line; nothing in it is trusted."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lab.normal.keeping import keep
from pipeline.clock import SECOND
from pipeline.errors import CannotStart
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.store import BANK, CALIB, CURRENT, MANIFEST, Footage, generations, read

FOOTAGE = Footage(seconds=60.0, clips=1, frames=300, tracks=3, fps=5.0, digest="f" * 64)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, with a calibration of a minute; made once, copied for each test."""
    folder = tmp_path_factory.mktemp("kept") / "gate"
    times = (np.arange(300) * SECOND // 5).astype(np.int64)
    calibration = Calibration.of([Segment(times, np.random.default_rng(0).exponential(size=300))])
    for _ in range(2):
        keep(folder, "gate", fit([], detector="d" * 64), calibration, FOOTAGE, exemplars={"1.jpg": b"crop"})
    return folder


@pytest.fixture
def gate(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "gate"))


def refusal(folder: Path) -> str:
    """What it says, which is one line that names the folder and a way out."""
    with pytest.raises(CannotStart) as caught:
        read(folder)
    said = str(caught.value)
    assert "\n" not in said
    assert str(folder) in said
    assert "bartizan" in said or "check" in said or "learn" in said or "use" in said
    return said


def rewrite(gate: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the manifest in use."""
    file = gate / "generations" / "2" / MANIFEST
    said = json.loads(file.read_bytes())
    change(said)
    file.write_text(json.dumps(said))


def forge(gate: Path, name: str, content: bytes) -> None:
    """Replace a file, and vouch for the new one."""
    (gate / "generations" / "2" / name).write_bytes(content)
    rewrite(gate, lambda said: said["files"].update({name: sha256(content).hexdigest()}))  # type: ignore[attr-defined]


def test_what_was_written_is_read(gate: Path) -> None:
    stored = read(gate)
    assert (stored.manifest.camera, stored.manifest.generation) == ("gate", 2)
    assert stored.manifest.footage == FOOTAGE
    assert stored.manifest.parent == read(gate, generation=1).digest
    assert stored.calibration.seconds == 60.0
    assert stored.model.detector == "d" * 64
    assert generations(gate) == [1, 2]


def test_the_manifest_holds_neither_path_nor_host_nor_time(gate: Path) -> None:
    said = (gate / "generations" / "2" / MANIFEST).read_text()
    assert str(gate.parent) not in said
    assert "/" not in said.replace("px/s", "").replace("exemplars/", "")
    assert "202" not in said.replace("digest", "")[:100]


def test_a_folder_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    assert "is not there; make it with 'bartizan learn FOOTAGE --out DIR'" in refusal(tmp_path / "nothing")


def test_a_folder_of_something_else_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    assert "has no current.json: it is no model of normal" in refusal(tmp_path)


def test_json_of_something_else_is_no_model(gate: Path) -> None:
    (gate / CURRENT).write_text('{"name": "somebody"}')
    assert "is no model of normal" in refusal(gate)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"\x80\x04pickle"])
def test_what_is_no_json_is_damaged_or_foreign(gate: Path, content: bytes) -> None:
    (gate / CURRENT).write_bytes(content)
    assert "current.json is damaged or foreign" in refusal(gate)


def test_a_newer_schema_is_refused_with_both_numbers(gate: Path) -> None:
    (gate / CURRENT).write_text('{"kind": "bartizan model of normal", "schema": 7, "elsewhere": true}')
    assert "has schema 7, this version reads 1" in refusal(gate)


def test_a_manifest_of_a_newer_schema_is_refused_before_its_fields_are_read(gate: Path) -> None:
    rewrite(gate, lambda said: said.update(schema=2, calibration=None))
    assert "has schema 2, this version reads 1" in refusal(gate)


def test_a_missing_generation_is_named_with_those_that_are_there(gate: Path) -> None:
    shutil.rmtree(gate / "generations" / "2")
    assert "generation 2 is missing; there: 1" in refusal(gate)


@pytest.mark.parametrize("name", [BANK, CALIB])
@pytest.mark.parametrize("harm", ["truncated", "changed", "gone"])
def test_a_file_that_is_not_what_was_written_is_refused(gate: Path, name: str, harm: str) -> None:
    file = gate / "generations" / "2" / name
    whole = file.read_bytes()
    match harm:
        case "truncated":
            file.write_bytes(whole[:100])
        case "changed":
            file.write_bytes(whole[:-30] + bytes([whole[-30] ^ 1]) + whole[-29:])
        case "gone":
            file.unlink()
    assert ("cannot be read" if harm == "gone" else "its digest differs") in refusal(gate)
    assert read(gate, generation=1).manifest.generation == 1, "the one before is as good as ever"


def test_a_pickle_is_never_loaded_even_if_the_manifest_vouches_for_it(gate: Path) -> None:
    content = io.BytesIO()
    np.savez(content, level=np.array([{"a": 1}], dtype=object))
    forge(gate, CALIB, content.getvalue())
    assert "cannot be read as arrays" in refusal(gate)


@pytest.mark.parametrize("content", [b"", b"not a zip at all", b"PK\x03\x04 half of one"])
def test_what_is_no_npz_is_refused_even_if_vouched_for(gate: Path, content: bytes) -> None:
    forge(gate, BANK, content)
    assert "cannot be read as arrays" in refusal(gate)


def test_a_file_that_unpacks_to_far_too_much_is_refused(gate: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("level.npy", bytes(65 << 20))
    forge(gate, CALIB, content.getvalue())
    assert "too large" in refusal(gate)


def test_arrays_that_are_not_of_numbers_are_refused(gate: Path) -> None:
    content = io.BytesIO()
    np.savez(content, level=np.array([np.nan]))
    forge(gate, CALIB, content.getvalue())
    assert "level is not of numbers" in refusal(gate)


def test_arrays_of_another_model_do_not_fit(gate: Path) -> None:
    content = io.BytesIO()
    np.savez(content, something=np.zeros(3))
    forge(gate, BANK, content.getvalue())
    assert "does not fit together (KeyError" in refusal(gate)


def test_a_manifest_that_names_files_elsewhere_is_refused(gate: Path) -> None:
    rewrite(gate, lambda said: said["files"].update({"../../../secret": "0" * 64}))  # type: ignore[attr-defined]
    assert "names a file outside itself" in refusal(gate)


def test_a_manifest_must_vouch_for_its_arrays(gate: Path) -> None:
    rewrite(gate, lambda said: said["files"].pop(CALIB))  # type: ignore[attr-defined]
    assert "does not vouch for calib.npz" in refusal(gate)


def test_another_detector_is_refused_with_both_digests(gate: Path) -> None:
    stored = read(gate)
    stored.check_detector("d" * 64)
    alike = replace(stored, manifest=msgspec.structs.replace(stored.manifest, detector="", embedder="d" * 64))
    alike.check_detector("d" * 64)
    with pytest.raises(
        CannotStart, match=r"another detector's vectors \(sha256 dddddddddddd, in use is eeeeeeeeeeee\)"
    ):
        alike.check_detector("e" * 64)
    stored.check_detector("")
    with pytest.raises(CannotStart, match="another detector"):
        stored.check_detector("e" * 64)


def test_a_crop_may_be_gone_and_must_not_be_changed(gate: Path) -> None:
    stored = read(gate)
    assert stored.exemplar("1.jpg") == b"crop"
    assert stored.exemplar("2.jpg") is None
    (stored.path / "exemplars" / "1.jpg").write_bytes(b"another")
    with pytest.raises(CannotStart, match="digest differs"):
        stored.exemplar("1.jpg")
    (stored.path / "exemplars" / "1.jpg").unlink()
    assert read(gate).exemplar("1.jpg") is None
