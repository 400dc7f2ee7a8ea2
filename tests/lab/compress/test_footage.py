from pathlib import Path

import numpy as np
import pytest

from lab.compress.footage import choose
from pipeline.errors import UsageError
from pipeline.stage import Picture


def write_frames(folder: Path, shades: list[int]) -> None:
    import cv2

    for number, shade in enumerate(shades):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((24, 32, 3), shade, np.uint8))


def shades_of(frames: list[Picture]) -> list[int]:
    return sorted(int(frame[0, 0, 0]) for frame in frames)


def test_frames_are_unlike_one_another(tmp_path: Path) -> None:
    write_frames(tmp_path, [100, 101, 100, 101, 102, 0, 255, 100])
    frames = choose(tmp_path, 3, holds_objects=lambda _: True)
    found = shades_of(frames)
    assert (found[0], found[2]) == (0, 255)


def test_empty_frames_are_a_quarter_where_there_are_enough_others(tmp_path: Path) -> None:
    write_frames(tmp_path, [*range(0, 80, 2), *range(128, 208, 2)])
    frames = choose(tmp_path, 16, holds_objects=lambda frame: bool(frame[0, 0, 0] < 100))
    assert sum(frame[0, 0, 0] >= 100 for frame in frames) == 4
    assert len(frames) == 16


def test_empty_frames_fill_up_where_there_are_few_others(tmp_path: Path) -> None:
    write_frames(tmp_path, [0, 50, *range(128, 208, 2)])
    frames = choose(tmp_path, 10, holds_objects=lambda frame: bool(frame[0, 0, 0] < 100))
    assert sum(frame[0, 0, 0] < 100 for frame in frames) == 2
    assert len(frames) == 10


def test_pictures_that_prove_the_model_do_not_calibrate_it(tmp_path: Path) -> None:
    write_frames(tmp_path, [10, 20, 30])
    left_out = frozenset({(tmp_path / "001.png").resolve()})
    assert shades_of(choose(tmp_path, 9, holds_objects=lambda _: True, left_out=left_out)) == [10, 30]
    everything = frozenset(file.resolve() for file in tmp_path.iterdir())
    with pytest.raises(UsageError, match="only the pictures that the model is proved on"):
        choose(tmp_path, 9, holds_objects=lambda _: True, left_out=everything)


def test_a_video_is_read(tmp_path: Path) -> None:
    import av

    video = tmp_path / "clip.avi"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for shade in range(0, 200, 20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames = choose(video, 4, holds_objects=lambda _: True)
    assert len(frames) == 4
    assert frames[0].shape == (48, 64, 3)
    assert max(shades_of(frames)) > 150


@pytest.mark.parametrize("name", ["absent", "notes.txt", "empty"])
def test_footage_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="--calibrate") as refused:
        choose(tmp_path / name, 4, holds_objects=lambda _: True)
    assert "\n" not in str(refused.value)
