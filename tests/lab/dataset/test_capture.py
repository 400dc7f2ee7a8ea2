"""Frames worth labelling are chosen, and each says why."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.dataset.candidate import Eyes
from lab.dataset.capture import cameras_of, capture
from lab.dataset.doubt import doubt
from lab.dataset.labelled import Dataset
from lab.dataset.selection import coverage_radius, select
from lab.dataset.yolo_format import read
from pipeline.detections import Detections
from pipeline.errors import SourceRefused
from pipeline.stage import View


def seen(*boxes: tuple[float, float, float, float, int, float]) -> Detections:
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 5], rows[:, 4].astype(np.int32))


class BrightSpots:
    """Fulfils ``Detector``: finds the one white square of a picture; ``shy`` ones are unsure of it on the right."""

    def __init__(self, *, shy: bool = False) -> None:
        self.engine, self.model, self.names, self.capacity = "spots", {"name": "spots", "sha256": "0"}, ["square"], 1
        self._shy = shy

    def process(self, batch: Sequence[View]) -> list[Detections]:
        return [self._one(view) for view in batch]

    def _one(self, view: View) -> Detections:
        y, x = np.nonzero(view.pixels.min(axis=2) > 220)
        if not len(x):
            return Detections.empty()
        right = x.mean() > view.pixels.shape[1] / 2
        confidence = 0.27 if right and self._shy else 0.9
        return seen((x.min(), y.min(), x.max() + 1, y.max() + 1, 0, confidence))


def scene(folder: Path, squares: Sequence[tuple[int, int] | None], *, blurred: Sequence[int] = ()) -> Path:
    """Pictures of one background; in each a white square at (x, y), or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(5).integers(60, 140, (240, 320, 3)).astype(np.uint8)
    for i, place in enumerate(squares):
        picture = noise.copy()
        if place is not None:
            cv2.rectangle(picture, place, (place[0] + 30, place[1] + 40), (255, 255, 255), -1)
        if i in blurred:
            picture = cv2.GaussianBlur(picture, (0, 0), 6).astype(np.uint8)
        cv2.imwrite(str(folder / f"{i:03d}.png"), picture)
    return folder


def frames_of(manifest: Sequence[dict[str, object]]) -> list[object]:
    return [entry["frame"] for entry in manifest]


def test_what_differs_is_chosen_from_an_empty_scene(tmp_path: Path) -> None:
    squares: list[tuple[int, int] | None] = [None] * 24
    squares[7], squares[19] = (40, 60), (250, 150)
    source = scene(tmp_path / "cam", squares)

    outcome = capture([f"{source}?fps=1"], tmp_path / "out", 3, Eyes(BrightSpots()), rate=2)

    assert {7, 19} < set(frames_of(outcome.manifest))
    assert len(outcome.manifest) == 3


def test_empty_frames_that_look_the_same_are_chosen_once(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [None] * 8)

    assert len(capture([f"{source}?fps=1"], tmp_path / "out", 5, Eyes(BrightSpots())).manifest) == 1


def test_the_uncertain_one_of_two_equally_new_frames_comes_first(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [None, (40, 100), (250, 100), None])

    outcome = capture([f"{source}?fps=1"], tmp_path / "out", 2, Eyes(BrightSpots(shy=True)), rate=2)

    assert outcome.manifest[0]["frame"] == 2
    assert "near the threshold" in str(outcome.manifest[0]["reason"])


def test_detectors_that_disagree_are_a_reason(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [None, (250, 100)])

    class Blind(BrightSpots):
        def _one(self, view: View) -> Detections:
            return Detections.empty()

    outcome = capture([f"{source}?fps=1"], tmp_path / "out", 1, Eyes(BrightSpots(), Blind()), rate=2)

    assert outcome.manifest[0]["frame"] == 1
    assert outcome.manifest[0]["disputed"] == 1


def test_blurred_frames_are_left_out(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [(10 + 25 * i, 90) for i in range(8)], blurred=[2, 5])

    outcome = capture([f"{source}?fps=1"], tmp_path / "out", 8, Eyes(), rate=2)

    assert outcome.blurred == 2
    assert not {2, 5} & set(frames_of(outcome.manifest))


def test_what_is_known_is_not_chosen_again(tmp_path: Path) -> None:
    squares = [(10, 90), (100, 90), (200, 90), (270, 90)]
    source = scene(tmp_path / "cam", squares)
    eyes = Eyes(BrightSpots())
    first = capture([f"{source}?fps=1"], tmp_path / "first", 2, eyes)

    again = capture([f"{source}?fps=1"], tmp_path / "again", 2, eyes, known=read(first.yaml))

    assert not set(frames_of(first.manifest)) & set(frames_of(again.manifest))


def test_the_manifest_and_the_proposed_boxes_fit_the_pictures(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [(10, 90), None, (200, 90)])

    outcome = capture([f"{source}?fps=2"], tmp_path / "out", 3, Eyes(BrightSpots()), rate=2)

    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert lines == outcome.manifest
    data: Dataset = read(outcome.yaml)
    by_name = {image.path.name: image for image in data}
    for line in lines:
        image = by_name[Path(line["picture"]).name]
        assert len(image) == line["boxes"]
        assert line["media_s"] == line["frame"] / 2
        assert image.camera == line["camera"] == "cam"
    assert by_name["cam_000000.jpg"].xyxy.round().tolist() == [[10, 90, 41, 131]]
    assert not list((tmp_path / "out").glob(".candidates*"))


def test_a_data_set_has_the_classes_that_matter_in_their_order(tmp_path: Path) -> None:
    source = scene(tmp_path / "cam", [(10, 90), (200, 90)])

    class Knowing(BrightSpots):
        def __init__(self) -> None:
            super().__init__()
            self.names = ["square", "circle", "car"]

    outcome = capture([f"{source}?fps=1"], tmp_path / "out", 2, Eyes(Knowing(), classes=("car", "square")))

    data = read(outcome.yaml)
    assert data.names == ("car", "square")
    assert {int(number) for image in data for number in image.class_id} == {1}


def test_a_missing_source_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused):
        capture([str(tmp_path / "none.mp4")], tmp_path / "out", 3, Eyes())
    assert not list((tmp_path / "out").iterdir())


def test_cameras_have_different_names_without_passwords() -> None:
    names = cameras_of(["rtsp://user:secret@10.0.0.5:554/live?token=x", "a/gate.mp4", "b/gate.mp4", "usb:0"])

    assert names == ["10-0-0-5-554-live", "gate", "gate-2", "usb-0"]


def test_a_live_source_ends_after_its_time(tmp_path: Path) -> None:
    outcome = capture(["synthetic:160x120@20"], tmp_path / "out", 2, Eyes(), rate=10, seconds=1.0)

    assert 1 <= len(outcome.manifest) <= 2
    assert outcome.looked_at <= 12


def test_doubt_counts_what_hangs_on_the_threshold_flickers_or_is_disputed() -> None:
    sure, weak = (0, 0, 10, 10, 0, 0.9), (50, 0, 60, 10, 0, 0.25)

    alone = doubt(seen(sure, weak), threshold=0.25)
    assert (alone.unsure, alone.flicker, alone.disputed) == (1.0, 0, 0)
    assert doubt(seen(sure), seen(sure), seen(sure), threshold=0.25).total == 0
    assert doubt(seen(sure), seen(), seen(sure), threshold=0.25).flicker == 1
    assert doubt(seen(), seen(sure), seen((0, 0, 10, 10, 1, 0.9)), threshold=0.25).disputed == 1


def test_selection_covers_what_every_nth_misses() -> None:
    rng = np.random.default_rng(0)
    crowd = rng.normal(0, 0.1, (200, 4))
    rare = rng.normal(5, 0.1, (3, 4))
    vectors = np.concatenate([crowd[:77], rare, crowd[77:]]).astype(np.float32)

    picks = [pick.number for pick in select(vectors, np.ones(len(vectors), np.float32), 4)]

    assert coverage_radius(vectors, picks) < coverage_radius(vectors, [0, 50, 101, 152, 202])
    assert {77, 78, 79} & set(picks)
