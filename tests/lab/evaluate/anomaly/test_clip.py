from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.evaluate.anomaly.clip import clips_in, digest, pictures_in
from pipeline.errors import UsageError


def folder_of(path: Path, names: list[str], *, shade: int = 0) -> Path:
    path.mkdir(parents=True)
    for number, name in enumerate(names):
        cv2.imwrite(str(path / name), np.full((8, 8, 3), shade + number, np.uint8))
    return path


def test_folders_of_pictures_and_videos_are_clips_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("Test10", "Test2"):
        folder_of(tmp_path / name, ["001.tif"])
    (tmp_path / "yard.avi").touch()
    (tmp_path / "readme.txt").touch()
    (tmp_path / "empty").mkdir()
    assert list(clips_in(tmp_path)) == ["Test2", "Test10", "yard"]


def test_masks_beside_a_clip_and_hidden_files_are_none(tmp_path: Path) -> None:
    for name in ("Test003", "Test003_gt", "lonely_gt", ".thumbnails"):
        folder_of(tmp_path / name, ["001.png"])
    assert list(clips_in(tmp_path)) == ["Test003", "lonely_gt"]


def test_two_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    folder_of(tmp_path / "yard", ["1.png"])
    (tmp_path / "yard.mp4").touch()
    with pytest.raises(UsageError, match="another clip named 'yard'"):
        clips_in(tmp_path)


def test_pictures_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", ["frame10.png", "frame2.png", ".frame1.png"])
    assert [path.name for path in pictures_in(folder)] == ["frame2.png", "frame10.png"]


def test_a_digest_is_of_content_and_order_not_of_names(tmp_path: Path) -> None:
    one, same = folder_of(tmp_path / "a", ["1.png", "2.png"]), folder_of(tmp_path / "b", ["x1.png", "x2.png"])
    turned, other = folder_of(tmp_path / "c", ["2.png", "1.png"]), folder_of(tmp_path / "d", ["1.png"], shade=9)
    assert digest(one) == digest(same)
    assert len({digest(one), digest(turned), digest(other)}) == 3
