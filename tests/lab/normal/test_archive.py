"""What is exported can be taken in elsewhere, and nothing else can."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from lab.normal.archive import export, take_in
from lab.normal.keeping import keep
from lab.normal.learning import Learned
from pipeline.errors import CannotStart, UsageError
from stages.alert.normal.store import MANIFEST, current, read


@pytest.fixture
def file(gate: Path, tmp_path: Path) -> Path:
    """The export of the generation in use."""
    export(read(gate), tmp_path / "gate.zip")
    return tmp_path / "gate.zip"


def repacked(file: Path, changes: dict[str, bytes | None]) -> Path:
    """The export with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()} | changes
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in members.items():
            if content is not None:
                packed.writestr(name, content)
    return file


def test_taken_in_elsewhere_it_is_the_same(gate: Path, file: Path, tmp_path: Path) -> None:
    stored = take_in(file, tmp_path / "there")
    assert stored.digest == read(gate).digest
    assert read(tmp_path / "there").manifest.generation == 2
    assert take_in(file, tmp_path / "there").digest == stored.digest, "once more changes nothing"


def test_the_same_generation_gives_the_same_file(gate: Path, file: Path, tmp_path: Path) -> None:
    export(read(gate), tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == file.read_bytes()


def test_crops_stay_where_they_are(learned: Learned, tmp_path: Path) -> None:
    stored = keep(
        tmp_path / "gate", "gate", learned.model, learned.calibration, learned.footage, exemplars={"1.jpg": b"a face"}
    )
    export(stored, tmp_path / "gate.zip")
    assert sorted(zipfile.ZipFile(tmp_path / "gate.zip").namelist()) == ["bank.npz", "calib.npz", "manifest.json"]
    assert take_in(tmp_path / "gate.zip", tmp_path / "there").exemplar("1.jpg") is None


def test_a_changed_array_is_refused_and_nothing_is_left(file: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="digest differs"):
        take_in(repacked(file, {"bank.npz": b"other"}), tmp_path / "there")
    assert not list((tmp_path / "there" / "generations").iterdir())


def test_a_missing_array_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"calib.npz cannot be read"):
        take_in(repacked(file, {"calib.npz": None}), tmp_path / "there")


@pytest.mark.parametrize("name", ["extra.txt", "../../escape", "/etc/passwd"])
def test_what_the_manifest_does_not_name_is_refused(file: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotStart, match="files that its manifest does not name"):
        take_in(repacked(file, {name: b"x"}), tmp_path / "there")


def test_a_manifest_that_names_a_path_is_refused(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(file) as packed:
        said = json.loads(packed.read(MANIFEST))
    said["files"]["../escape"] = "0" * 64
    with pytest.raises(CannotStart, match="does not name"):
        take_in(repacked(file, {MANIFEST: json.dumps(said).encode(), "../escape": b"x"}), tmp_path / "there")
    assert not (tmp_path / "escape").exists()


def test_another_generation_of_that_number_is_not_overwritten(file: Path, learned: Learned, tmp_path: Path) -> None:
    there = tmp_path / "there"
    for _ in range(2):
        keep(there, "gate", learned.model, learned.calibration, learned.footage, embedder="e" * 64)
    with pytest.raises(UsageError, match="has another generation 2"):
        take_in(file, there)
    assert current(there) == 2


def test_another_cameras_folder_is_not_imported_into(file: Path, learned: Learned, tmp_path: Path) -> None:
    keep(tmp_path / "there", "yard", learned.model, learned.calibration, learned.footage)
    with pytest.raises(UsageError, match="holds the model of camera 'yard', not of 'gate'"):
        take_in(file, tmp_path / "there")


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.zip").write_text("not a zip")
    with pytest.raises(UsageError, match="is no export of a model of normal, or damaged"):
        take_in(tmp_path / "words.zip", tmp_path / "there")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("holiday.txt", "sun")
    (tmp_path / "holiday.zip").write_bytes(content.getvalue())
    with pytest.raises(UsageError, match="is no export of a model of normal"):
        take_in(tmp_path / "holiday.zip", tmp_path / "there")
    with pytest.raises(UsageError, match="cannot be read"):
        take_in(tmp_path / "nothing.zip", tmp_path / "there")


def test_an_export_whose_packed_content_is_damaged_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as again:
        for name, member in members.items():
            again.writestr(name, member)
        first = again.infolist()[0]
    content = bytearray(file.read_bytes())
    packed_at = first.header_offset + 30 + len(first.filename)
    content[packed_at : packed_at + first.compress_size] = b"\xff" * first.compress_size
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"gate\.zip: is no export of a model of normal, or damaged"):
        take_in(file, tmp_path / "there")


def test_where_it_cannot_be_written_is_said(gate: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        export(read(gate), tmp_path / "no" / "such" / "folder.zip")
