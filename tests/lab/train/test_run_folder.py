"""What a run's folder refuses, and what counts as the same data."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from lab.train.run_folder import Asked, asked_of, check_run, digest_of_data, open_run
from pipeline.errors import CannotStart, UsageError


class Plain(BaseModel):
    """Settings of a run."""

    epochs: int = 3


def asked(folder: Path, weights: bytes = b"start", *, epochs: int = 3, data: str = "d") -> Asked:
    """What a run with one file of weights is asked."""
    (folder / "start.pt").write_bytes(weights)
    return asked_of(Plain(epochs=epochs), data_sha256=data, weights={"start": folder / "start.pt"})


def test_asking_leaves_the_folder_free_and_opening_does_not(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "out"
    check_run(out, asked(tmp_path), resume=False)
    check_run(out, asked(tmp_path, epochs=9), resume=False)
    open_run(out, asked(tmp_path), resume=False)
    assert len(json.loads((out / "run.json").read_text())["weights_sha256"]["start"]) == 64
    with pytest.raises(UsageError, match="holds a run already"):
        check_run(out, asked(tmp_path), resume=False)


def test_a_run_goes_on_only_with_the_settings_data_and_weights_it_began_with(tmp_path: Path) -> None:
    open_run(tmp_path / "out", asked(tmp_path), resume=False)
    open_run(tmp_path / "out", asked(tmp_path), resume=True)
    for other, what in (
        (asked(tmp_path, epochs=4), r"settings \(epochs\)"),
        (asked(tmp_path, data="e"), "data"),
        (asked(tmp_path, b"retrained"), r"weights \(start\)"),
    ):
        with pytest.raises(UsageError, match=f"made with other {what}; start in another --out$"):
            open_run(tmp_path / "out", other, resume=True)


@pytest.mark.parametrize("record", ["[]", "{", '"run"'])
def test_a_damaged_record_is_refused(record: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(record)
    with pytest.raises(UsageError, match=r"run\.json: is not a record of a run"):
        check_run(tmp_path, asked(tmp_path), resume=True)


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(UsageError, match=r"--out .*: cannot be made"):
            check_run(out, asked(tmp_path), resume=False)


def test_weights_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"nowhere\.pt cannot be read"):
        asked_of(Plain(), data_sha256="d", weights={"start": tmp_path / "nowhere.pt"})


def test_the_digest_of_data_knows_splits_pairs_and_classes_and_no_folder_or_order(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            (tmp_path / folder / f"{name}.png").write_text(f"picture {name}")
            (tmp_path / folder / f"{name}.txt").write_text(f"label {name}")
    a, b, text_a, text_b = (tmp_path / "here" / name for name in ("a.png", "b.png", "a.txt", "b.txt"))
    names = ("dog", "person")
    digest = digest_of_data([("train", [a, text_a]), ("val", [b, text_b])], names)
    there = [
        (split, [tmp_path / "there" / f"{n}.{s}" for s in ("png", "txt")])
        for split, n in (("val", "b"), ("train", "a"))
    ]
    assert digest_of_data(there, names) == digest
    assert digest_of_data([("val", [a, text_a]), ("train", [b, text_b])], names) != digest
    assert digest_of_data([("train", [a, text_b]), ("val", [b, text_a])], names) != digest
    assert digest_of_data([("train", [a, text_a]), ("val", [b, text_b])], names[::-1]) != digest
    text_a.write_text("label changed")
    assert digest_of_data([("train", [a, text_a]), ("val", [b, text_b])], names) != digest
