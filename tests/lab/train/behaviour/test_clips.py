from pathlib import Path

import numpy as np
import pytest

from lab.train.behaviour.clips import Clip, read_clips
from lab.train.behaviour.footage import moments
from lab.train.behaviour.groups import Origin, read_groups
from lab.train.behaviour.sequences import class_of, starts
from lab.train.behaviour.settings import DataSettings
from pipeline.errors import UsageError


def test_a_clip_is_of_the_class_of_its_folder_and_of_the_source_that_the_groups_name(clips: Path) -> None:
    data = DataSettings(clips=clips, groups=clips / "groups.csv")
    found = read_clips(data, ("still", "shaking"), base=Path())
    assert {(clip.name[:5], clip.class_id) for clip in found} == {("still", 0), ("shaki", 1)}
    assert all(clip.origin.group == f"source{clip.name[-2]}" for clip in found)


def test_without_groups_each_clip_is_its_own_source(clips: Path) -> None:
    found = read_clips(DataSettings(clips=clips), ("still", "shaking"), base=Path())
    assert len({clip.origin.group for clip in found}) == len(found)


def test_a_folder_that_is_not_there_is_named_with_those_that_are(clips: Path) -> None:
    with pytest.raises(UsageError, match=r"no folder 'fight'.*shaking, still"):
        read_clips(DataSettings(clips=clips), ("still", "fight"), base=Path())


def test_a_clip_that_the_groups_forgot_is_refused(clips: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("clip,group\nstill00,a\n")
    with pytest.raises(UsageError, match="says nothing of the clip still01"):
        read_clips(DataSettings(clips=clips, groups=groups), ("still", "shaking"), base=Path())


def test_groups_can_be_headings_with_their_clips_below(tmp_path: Path) -> None:
    file = tmp_path / "videos.txt"
    file.write_text(
        "https://example.org/a\nfi1: 0.10 - 0.12\nnofi1: 1.00 - 1.02\n\nhttps://example.org/b\nfi2: 0.1 - 0.3\n"
    )
    assert read_groups(file) == {
        "fi1": Origin("https://example.org/a"),
        "nofi1": Origin("https://example.org/a"),
        "fi2": Origin("https://example.org/b"),
    }


def test_an_unknown_split_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("clip,group,split\na,x,train\nb,x,holdout\n")
    with pytest.raises(UsageError, match=r"groups\.csv:3: split must be train, val or empty"):
        read_groups(file)


def test_intervals_make_one_class_within_and_the_other_without(clips: Path, tmp_path: Path) -> None:
    table = tmp_path / "falls.csv"
    table.write_text("clip,start,end\nshaking00,4,7\nshaking01,,\n")
    found = read_clips(DataSettings(clips=clips / "shaking", intervals=table), ("normal", "fall"), base=Path())
    assert [(clip.name, clip.intervals) for clip in found] == [("shaking00", ((4, 7),)), ("shaking01", ())]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,from,to\n", "columns must be clip,start,end"),
        ("clip,start,end\nnobody,1,2\n", "names nobody"),
        ("clip,start,end\nshaking00,9,2\n", "csv:2: start must be"),
        ("clip,start,end\nshaking00,one,2\n", "is not a table"),
    ],
)
def test_a_damaged_table_of_intervals_is_refused(clips: Path, tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "falls.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_clips(DataSettings(clips=clips / "shaking", intervals=table), ("normal", "fall"), base=Path())


def test_a_window_at_the_edge_of_an_interval_is_of_neither_class() -> None:
    clip = Clip(Path("a"), None, Origin("a"), ((10, 19),))
    assert class_of(clip, 10, 19) == 1
    assert class_of(clip, 5, 14) == 1
    assert class_of(clip, 2, 11) is None
    assert class_of(clip, 0, 9) == 0
    assert class_of(clip, 20, 29) == 0


def test_a_long_window_over_a_short_event_is_of_the_event() -> None:
    assert class_of(Clip(Path("a"), None, Origin("a"), ((10, 13),)), 0, 39) == 1


def test_the_last_window_ends_with_the_clip() -> None:
    assert starts(10, frames=4, stride=4) == [0, 4, 6]
    assert starts(4, frames=4, stride=4) == [0]
    assert starts(3, frames=4, stride=4) == []


def test_pictures_come_at_the_rate_asked_for(clips: Path) -> None:
    folder = clips / "still" / "still00"
    assert [moment.index for moment in moments(folder, fps=5, pictures_fps=10)] == [0, 2, 4, 6, 8, 10, 12]
    assert len(list(moments(folder, fps=50, pictures_fps=10))) == 14
    times = [moment.time_s for moment in moments(folder, fps=4, pictures_fps=10)]
    assert np.allclose(times, [0, 0.3, 0.5, 0.8, 1.0, 1.3])


def test_a_file_that_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    with pytest.raises(UsageError, match=r"broken\.mp4: cannot be decoded") as refused:
        list(moments(broken, fps=8))
    assert "\n" not in str(refused.value)
