"""A video and its truth go frame for frame."""

from pathlib import Path

import numpy as np
import pytest

from lab.evaluate.sequence import read_sequence
from pipeline.errors import UsageError


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames whose brightness is 20 times their number."""
    import av

    path = tmp_path_factory.mktemp("video") / "steps.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def truth(path: Path, frames: list[int]) -> Path:
    path.write_text("".join(f"{frame},1,5,6,10,20,1,-1,-1,-1\n" for frame in frames))
    return path


def test_each_frame_meets_its_own_boxes(video: Path, tmp_path: Path) -> None:
    sequence = read_sequence(video, truth(tmp_path / "gt.txt", [1, 3, 11]), class_name="person", every=2)
    levels = [picture.mean() for picture in sequence.pictures()]
    assert levels == pytest.approx([0, 40, 80, 120, 160, 200], abs=6)
    assert [len(image) for image in sequence.truth.images] == [1, 1, 0, 0, 0, 1]
    assert sequence.truth.images[0].xyxy.tolist() == [[5, 6, 15, 26]]
    assert sequence.truth.images[0].size == (48, 64)


def test_a_video_that_is_shorter_than_its_truth_is_refused(video: Path, tmp_path: Path) -> None:
    sequence = read_sequence(video, truth(tmp_path / "gt.txt", [1, 40]), class_name="person")
    with pytest.raises(UsageError, match="ends after 12 frames"):
        list(sequence.pictures())


def test_what_cannot_be_read_is_one_line(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be decoded"):
        read_sequence(tmp_path / "none.avi", truth(tmp_path / "gt.txt", [1]), class_name="person")
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(UsageError, match="no boxes"):
        read_sequence(video, empty, class_name="person")
