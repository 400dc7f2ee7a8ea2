import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lab.compress.footage import choose
from lab.compress.proof_pictures import ProofPictures
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
    left_out = ProofPictures([tmp_path / "001.png"])
    assert shades_of(choose(tmp_path, 9, holds_objects=lambda _: True, left_out=left_out)) == [10, 30]
    everything = ProofPictures(tmp_path.iterdir())
    with pytest.raises(UsageError, match="only the pictures that the model is proved on"):
        choose(tmp_path, 9, holds_objects=lambda _: True, left_out=everything)


def test_copies_and_links_of_pictures_that_prove_the_model_do_not_calibrate_it_either(tmp_path: Path) -> None:
    footage, proof = tmp_path / "footage", tmp_path / "proof"
    for folder in (footage, proof):
        folder.mkdir()
    write_frames(footage, [10, 20, 30, 40])
    shutil.copyfile(footage / "000.png", proof / "copied.png")
    os.link(footage / "001.png", proof / "linked.png")
    (proof / "pointed.png").symlink_to(footage / "002.png")
    left_out = ProofPictures(proof.iterdir())
    assert shades_of(choose(footage, 9, holds_objects=lambda _: True, left_out=left_out)) == [40]


def test_a_picture_of_the_proof_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--data: .*gone\.png cannot be read: No such file"):
        ProofPictures([tmp_path / "gone.png"])


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
