"""Privacy: no picture in ``media/``, and no clip that is handed out, shows people whom its event is not about."""

import json
import stat
from pathlib import Path

import av
import cv2
import numpy as np
import polars
import pytest

from pipeline.stage import Picture
from tests.e2e.running import Running, bartizan, process_command, run_to_end

Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    out = tmp_path_factory.mktemp("bystanders") / "out"
    nothing_drawn = ["--set", "stages.evidence.path=false", "--set", "stages.evidence.region=false"]
    clips = ["--set", "stages.record={pre_roll_s: 1, post_roll_s: 1}"]
    return run_to_end(process_command(root / "sample_videos" / "campus.mp4", out, *nothing_drawn, *clips), out)


def read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    assert picture is not None, path
    return np.asarray(picture, np.uint8)


def detail(picture: Picture, box: Box) -> float:
    """Of three quarters of a box; what is left are edges where two hidden boxes meet."""
    left, top, right, bottom = (int(side) for side in box)
    grey = cv2.cvtColor(picture[max(top, 0) : bottom, max(left, 0) : right], cv2.COLOR_BGR2GRAY)
    return float(np.percentile(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), 75))


def apart(one: Box, other: Box, gap: float = 12.0) -> bool:
    """Whether nothing of the object, nor the line around it, lies in the other box."""
    return one[2] + gap < other[0] or other[2] + gap < one[0] or one[3] + gap < other[1] or other[3] + gap < one[1]


@pytest.mark.slow
def test_bystanders_have_no_detail_in_media_and_all_of_it_in_the_originals(run: Running) -> None:
    tracks = polars.read_parquet(run.out / "tracks" / "campus.parquet").filter(~polars.col("filled"))
    checked = 0
    for event in run.events():
        if "snapshot" not in event["evidence"] or event["object"] is None:
            continue
        path = run.out / event["evidence"]["snapshot"]
        hidden, shown = read(path), read(run.out / "originals" / path.name)
        for x1, y1, x2, y2 in tracks.filter(frame=event["frame"]).select("x1", "y1", "x2", "y2").rows():
            box = (max(x1, 2.0), max(y1, 2.0), x2, y2)
            if not apart(tuple(event["object"]["box_px"]), box) or min(x2 - box[0], y2 - box[1]) < 12:
                continue
            assert detail(hidden, box) < 0.35 * detail(shown, box), (path.name, box)
            checked += 1
    assert checked > 20


def pictures(path: Path) -> list[Picture]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]


@pytest.mark.slow
def test_bystanders_have_no_detail_in_a_clip_that_is_handed_out(run: Running, tmp_path: Path) -> None:
    started = [event for event in run.events() if event["type"] == "start" and event["object"]]
    notes = {event["id"]: (run.out / event["evidence"]["clip"]).with_suffix(".json") for event in started}
    shortest = min(started, key=lambda event: (json.loads(notes[event["id"]].read_text())["frames"], event["id"]))
    name, clip = shortest["id"], run.out / shortest["evidence"]["clip"]
    bartizan("export", name, "--out", run.out, "-o", tmp_path / "package")
    first = round(json.loads(notes[name].read_text())["started"] * 10) + 1
    tracks = polars.read_parquet(run.out / "tracks" / "campus.parquet").filter(~polars.col("filled"))
    about = {
        id
        for event in run.events()
        if event["id"] == name
        for id in (event["object"]["track_id"], *event["also_about"])
    }
    checked = 0
    made = pictures(tmp_path / "package" / name / f"{name}.blurred.mp4")
    for number, (hidden, shown) in enumerate(zip(made, pictures(clip), strict=True)):
        rows = tracks.filter(frame=first + number).select("track_id", "x1", "y1", "x2", "y2").rows()
        own = [row[1:] for row in rows if row[0] in about]
        for track_id, x1, y1, x2, y2 in rows:
            box = (max(x1, 2.0), max(y1, 2.0), x2, y2)
            if track_id in about or min(x2 - box[0], y2 - box[1]) < 12 or not all(apart(each, box) for each in own):
                continue
            assert detail(hidden, box) < 0.35 * detail(shown, box), (number, box)
            checked += 1
    assert checked > 20


@pytest.mark.slow
def test_only_its_owner_can_open_the_originals(run: Running) -> None:
    folder = run.out / "originals"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.slow
def test_every_event_of_a_recording_ends_with_its_best_picture(run: Running) -> None:
    ends = [event for event in run.events() if event["type"] == "end" and event["object"]["track_id"]]
    assert len(ends) > 10
    for event in ends:
        picture, crop = (read(run.out / event["evidence"][kind]) for kind in ("best", "crop"))
        assert picture.shape[1] == 768
        assert crop.shape[1] < 768
        assert (run.out / "originals" / Path(event["evidence"]["best"]).name).is_file()
