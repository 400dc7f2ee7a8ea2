"""Names to verified files, and what is said where there is none."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.models import entries, find, is_name
from pipeline.models.entry import Entry
from pipeline.models.registry import changing, models_folder

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def add(folder: Path, name: str = "site", *, sha256: str = SHA256, **more: object) -> Path:
    with changing(folder) as known:
        known[name] = Entry(name, "MIT", "detect", file=f"{name}.bin", sha256=sha256, **more)  # type: ignore[arg-type]
    (folder / f"{name}.bin").write_bytes(CONTENT)
    return folder / f"{name}.bin"


def test_a_name_leads_to_the_file_that_was_pinned(models: Path) -> None:
    path = add(models)
    assert is_name("site")
    assert find("site") == path
    assert [entry.name for entry in entries()][-1] == "site"


def test_official_weights_are_known_and_pinned_though_not_here(models: Path) -> None:
    assert is_name("yolo26n")
    assert all(entry.sha256 for entry in entries())
    with pytest.raises(CannotStart, match=r"^model yolo26n is not on this machine: bartizan models pull yolo26n$"):
        find("yolo26n")


def test_a_path_is_no_name(models: Path) -> None:
    add(models, "best.pt")
    assert is_name("best.pt")
    assert not is_name("./best.pt")


def test_a_bundled_model_lies_under_the_root_of_the_installation(models: Path, root: Path) -> None:
    bundled = [entry for entry in entries() if entry.bundled]
    for entry in bundled:
        assert find(entry.name) == root / entry.file


def test_an_unknown_name_is_met_with_the_nearest(models: Path) -> None:
    with pytest.raises(CannotStart, match="did you mean yolo26n"):
        find("yolo26m")
    with pytest.raises(CannotStart, match=r"no model is named 'zzz'; known: .*yolo11n"):
        find("zzz")


def test_an_altered_file_is_refused_with_both_digests(models: Path) -> None:
    path = add(models)
    assert find("site") == path
    path.write_bytes(b"another")
    found = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(CannotStart, match=rf"site was altered: .* {found}, pinned is {SHA256}"):
        find("site")


def test_an_alteration_that_keeps_size_and_time_is_found_by_the_next_process(models: Path) -> None:
    path = add(models)
    before = path.stat()
    find("site")
    with path.open("r+b") as file:
        file.write(b"w3ights")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    program = "from pipeline.models import find; find('site')"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "CannotStart: model site was altered" in outcome.stderr


def test_weights_that_nobody_pinned_are_not_loaded(models: Path) -> None:
    add(models, sha256="", urls=("https://models.example/site.bin",))
    with pytest.raises(CannotStart, match="no digest yet: bartizan models pull site --trust-first"):
        find("site")


def test_the_users_registry_cannot_change_what_ships(models: Path) -> None:
    add(models, "yolo26n")
    pinned = {entry.name: entry.sha256 for entry in entries()}["yolo26n"]
    assert pinned != SHA256
    with pytest.raises(CannotStart, match="not on this machine"):
        find("yolo26n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[models]]\nname = 3\n", r"registry.toml: .*str.*got `int` - at `\$\.models\[0\]\.name`"),
        ('[[models]]\nname = "a"\ntask = "detect"\nlicence = "MIT"\n', "neither file nor urls"),
        ('[[models]]\nname = "a"\ntask = "d"\nlicence = "MIT"\nfile = "../../etc/passwd"\n', "leaves its folder"),
        ('[[models]]\nname = "a"\ntask = "d"\nlicence = "MIT"\nurls = ["ftp://x/y"]\n', "no http"),
        ('[[models]]\nname = "a"\ntask = "d"\nlicence = "MIT"\nfile = "a"\nsha256 = "ABC"\n', "matching regex"),
        ("models = [", "Invalid value"),
    ],
)
def test_a_damaged_registry_gives_one_line(models: Path, text: str, message: str) -> None:
    models.mkdir()
    (models / "registry.toml").write_text(text)
    with pytest.raises(CannotStart, match=message) as error:
        entries()
    assert "\n" not in str(error.value)


def test_what_is_written_is_read_back(models: Path) -> None:
    odd = 'quotes " and \\ and\nlines, \x7f, ü, 🙂'
    add(models, description=odd, classes=("a", "b"))
    assert next(entry for entry in entries() if entry.name == "site").description == odd


def test_a_failed_change_leaves_the_registry_as_it_was(models: Path) -> None:
    add(models)

    def fail() -> None:
        with changing(models) as known:
            known.clear()
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert is_name("site")


def test_the_folder_is_the_users_data_folder_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BARTIZAN_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "bartizan" / "models"


def test_looking_a_name_up_imports_nothing_heavy() -> None:
    program = "import sys, pipeline.models as m; m.is_name('x'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "cv2", "httpx", "pydantic", "ultralytics"} & set(loaded)
