from pathlib import Path

import pytest

from pipeline.clock import SECOND
from stages.record.options import RecordOptions
from stages.record.recorder import Closed, Recorder, TooManyClips
from tests.stages.record.conftest import MakeStream, Stream, numbers, times


def recorder_of(source: Stream, folder: Path, **options: object) -> Recorder:
    values = {"pre_roll_s": 2, "post_roll_s": 1, **options}
    return Recorder(RecordOptions.model_validate(values), segments=folder / "segments", template=source[0])


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {}), ("libx264", {"tune": "film", "bf": "3"}), ("libx265", {})]
)
def test_a_clip_holds_every_picture_of_its_time_from_the_key_frame_before_it(
    stream: MakeStream, tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    source = stream(frames=80, codec=codec, **options)
    recorder = recorder_of(source, tmp_path)
    closed: list[Closed] = []
    for arrival in source[1]:
        if arrival.at_ns == 4 * SECOND:
            recorder.want("e1", tmp_path / "e1.mp4", from_ns=round(2.3 * SECOND), to_ns=round(5.5 * SECOND))
        closed += recorder.take(arrival)
    [clip] = closed
    assert clip.recorded is not None
    shown = numbers(tmp_path / "e1.mp4")
    assert shown[:36] == list(range(20, 56)), "a picture is missing or torn"
    assert len(shown) <= 40, "it goes on for longer than pictures are handed over early"
    assert clip.recorded.started_ns == 2 * SECOND
    assert clip.recorded.frames == len(shown)
    assert times(tmp_path / "e1.mp4")[:3] == [0.0, 0.1, 0.2]
    assert [path.name for path in tmp_path.glob("*.part.*")] == []


def test_two_clips_at_a_time_hold_the_same_pictures(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=60)
    recorder = recorder_of(source, tmp_path)
    for arrival in source[1]:
        if arrival.at_ns == SECOND:
            recorder.want("a", tmp_path / "a.mp4", from_ns=0, to_ns=4 * SECOND)
        if arrival.at_ns == 2 * SECOND:
            recorder.want("b", tmp_path / "b.mp4", from_ns=SECOND, to_ns=4 * SECOND)
        recorder.take(arrival)
    assert numbers(tmp_path / "a.mp4")[10:] == numbers(tmp_path / "b.mp4")


def test_the_end_of_a_clip_may_be_told_later_and_it_is_never_longer_than_allowed(
    stream: MakeStream, tmp_path: Path
) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path, most_s=6)
    closed: list[Closed] = []
    for arrival in source[1]:
        if arrival.at_ns == SECOND:
            recorder.want("told", tmp_path / "told.mp4", from_ns=0)
            recorder.want("open", tmp_path / "open.mp4", from_ns=0)
        if arrival.at_ns == 3 * SECOND:
            recorder.want("told", tmp_path / "told.mp4", from_ns=0, to_ns=4 * SECOND)
        closed += recorder.take(arrival)
    assert [each.name for each in closed] == ["told", "open"]
    assert len(numbers(tmp_path / "told.mp4")) == 41
    assert len(numbers(tmp_path / "open.mp4")) == 61


def test_a_clip_that_is_asked_for_too_late_says_what_is_missing(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=150)
    recorder = recorder_of(source, tmp_path)
    closed: list[Closed] = []
    for arrival in source[1]:
        if arrival.at_ns == 12 * SECOND:
            recorder.want("late", tmp_path / "late.mp4", from_ns=SECOND, to_ns=13 * SECOND)
        closed += recorder.take(arrival)
    assert "5.0 s were not in memory" in closed[0].short


def test_an_interruption_ends_what_is_under_way_and_says_why(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path)
    for arrival in source[1][:35]:
        recorder.take(arrival)
    recorder.want("e", tmp_path / "e.mp4", from_ns=2 * SECOND, to_ns=9 * SECOND)
    [closed] = recorder.interrupt("the camera went offline")
    assert closed.short == "the camera went offline"
    assert numbers(tmp_path / "e.mp4") == list(range(20, 35))


def test_what_a_killed_process_leaves_can_be_played_up_to_its_last_key_frame(
    stream: MakeStream, tmp_path: Path
) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path)
    recorder.want("e", tmp_path / "e.mp4", from_ns=0)
    for arrival in source[1][:38]:
        recorder.take(arrival)
    left = (tmp_path / "e.part.mp4").read_bytes()
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(left)
    assert numbers(torn)[:20] == list(range(20))


def test_segments_hold_everything_and_each_can_be_shown_by_itself(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path, mode="continuous", segment_s=3)
    closed = [each for arrival in source[1] for each in recorder.take(arrival)]
    closed += recorder.interrupt("over")
    shown = [numbers(each.recorded.path) for each in closed if each.recorded is not None and each.segment]
    assert [len(each) for each in shown] == [30, 30, 30, 10]
    assert [number for each in shown for number in each] == list(range(100))


def test_one_clip_too_many_is_refused_and_the_others_go_on(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=40)
    recorder = recorder_of(source, tmp_path, most_clips=1)
    recorder.want("a", tmp_path / "a.mp4", from_ns=0, to_ns=2 * SECOND)
    with pytest.raises(TooManyClips, match="most_clips"):
        recorder.want("b", tmp_path / "b.mp4", from_ns=0)
    closed = [each.name for arrival in source[1] for each in recorder.take(arrival)]
    assert closed == ["a"]
