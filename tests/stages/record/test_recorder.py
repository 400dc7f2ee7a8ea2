import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.record.clip import Closed, finish
from stages.record.gops import Arrival
from stages.record.options import RecordOptions
from stages.record.parts import drop_others, drop_parts, join, parts_of, recover
from stages.record.recorder import Recorder, TooManyClips
from stages.record.take import Take
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
    drop_parts(tmp_path / "e1.mp4")
    assert [path.name for path in tmp_path.glob("e1.*")] == ["e1.mp4"]


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
    assert recorder.interrupt() == []
    path, why = tmp_path / "e.mp4", "the camera went offline"
    closed = finish("e", path, from_ns=2 * SECOND, to_ns=9 * SECOND, why=why, broken_off=True)
    assert closed.short == "its last 5.6 s are missing; the camera went offline"
    assert numbers(tmp_path / "e.mp4") == list(range(20, 35))


def test_a_clip_goes_on_when_the_stream_is_back_and_says_what_it_lacks(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=100)
    path, from_ns, to_ns = tmp_path / "e.mp4", 2 * SECOND, 8 * SECOND
    before = recorder_of(source, tmp_path)
    for arrival in source[1][:35]:
        before.take(arrival)
    before.want("e", path, from_ns=from_ns, to_ns=to_ns)
    del before  # killed: nothing is closed
    after = recorder_of(source, tmp_path)
    after.want("e", path, from_ns=from_ns, to_ns=to_ns, why="the recorder was killed")
    closed = [each for arrival in source[1][45:] for each in after.take(arrival)]
    [clip] = closed
    assert clip.recorded is not None
    assert clip.short == "from 0.9 to 3.0 s nothing was recorded; the recorder was killed"
    assert numbers(path) == [*range(20, 30), *range(50, 81)]
    shown = times(path)
    assert shown == pytest.approx([*np.arange(0, 1, 0.1), *np.arange(3, 6.1, 0.1)], abs=1e-3)
    assert (clip.recorded.started_ns, clip.recorded.ended_ns) == (2 * SECOND, 8 * SECOND)


def test_what_comes_in_another_form_is_left_out_and_that_is_said(stream: MakeStream, tmp_path: Path) -> None:
    path, from_ns, to_ns = tmp_path / "e.mp4", 0, 4 * SECOND
    for codec, first in (("libx264", 0), ("libx265", 20)):
        source = stream(frames=60, codec=codec)
        recorder = recorder_of(source, tmp_path)
        recorder.want("e", path, from_ns=from_ns, to_ns=to_ns)
        for arrival in source[1][first : first + 20]:
            recorder.take(arrival)
        recorder.interrupt()
    closed = finish("e", path, from_ns=from_ns, to_ns=to_ns, broken_off=True)
    assert "size or codec" in closed.short
    assert numbers(path) == list(range(20))


def test_the_latest_picture_dates_the_first(stream: MakeStream, tmp_path: Path) -> None:
    """The camera's own clock is known from its first sender report on."""
    source = stream(frames=40)
    take = Take(tmp_path / "e.mp4", source[0])
    for arrival in source[1]:
        early_ns = 0 if arrival.at_ns >= 2 * SECOND else SECOND // 5
        take.add(Arrival(arrival.packet, arrival.at_ns - early_ns + SECOND))
    made = take.close()
    assert made is not None
    assert (made.started_ns, made.ended_ns) == (SECOND, round(4.9 * SECOND))


def test_segments_that_a_killed_process_left_are_finished(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=50)
    recorder = recorder_of(source, tmp_path, mode="continuous", segment_s=3)
    for arrival in source[1]:
        recorder.take(arrival)
    [part] = (tmp_path / "segments").glob("*.part.mp4")
    part.write_bytes(part.read_bytes()[:-7])
    (tmp_path / "segments" / "1.0-1.part.mp4").write_bytes(b"")
    [made] = recover(tmp_path / "segments")
    assert sorted(each.name for each in (tmp_path / "segments").iterdir()) == ["0.mp4", f"{3 * SECOND}.mp4"]
    shown = numbers(made.path)
    assert len(shown) >= 10
    assert shown == list(range(30, 30 + len(shown))), "all but the picture that was torn"


def test_what_a_killed_process_leaves_can_be_played_up_to_its_last_key_frame(
    stream: MakeStream, tmp_path: Path
) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path)
    recorder.want("e", tmp_path / "e.mp4", from_ns=0)
    for arrival in source[1][:38]:
        recorder.take(arrival)
    left = (tmp_path / "e.0-0.part.mp4").read_bytes()
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(left)
    assert numbers(torn)[:20] == list(range(20))


def test_segments_hold_everything_and_each_can_be_shown_by_itself(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=100)
    recorder = recorder_of(source, tmp_path, mode="continuous", segment_s=3)
    closed = [each for arrival in source[1] for each in recorder.take(arrival)]
    closed += recorder.interrupt()
    shown = [numbers(each.recorded.path) for each in closed if each.recorded is not None and each.segment]
    assert [len(each) for each in shown] == [30, 30, 30, 10]
    assert [number for each in shown for number in each] == list(range(100))


def test_a_clip_that_cannot_be_begun_can_be_asked_for_again(stream: MakeStream, tmp_path: Path) -> None:
    source, path = stream(frames=60), tmp_path / "media" / "e.mp4"
    recorder = recorder_of(source, tmp_path)
    for arrival in source[1][:25]:
        recorder.take(arrival)
    path.parent.write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        recorder.want("e", path, from_ns=0, to_ns=4 * SECOND)
    path.parent.unlink()
    recorder.want("e", path, from_ns=0, to_ns=4 * SECOND)
    closed = [each for arrival in source[1][25:] for each in recorder.take(arrival)]
    assert [each.short for each in closed] == [""]
    assert numbers(path) == list(range(41))


def test_a_part_whose_first_picture_cannot_be_written_is_an_oserror_once(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=30)
    recorder = recorder_of(source, tmp_path, mode="continuous")
    take = Take(tmp_path / "gone" / "e.mp4", source[0])
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        take.add(source[1][0])
    take.set_aside()
    recorder.want("e", tmp_path / "away" / "e.mp4", from_ns=0)
    recorder.take(source[1][0])
    shutil.rmtree(tmp_path / "away")
    recorder.take(source[1][1])
    assert len(recorder.interrupt()) == 1, "the segment is finished, whatever became of the clip"


def test_a_part_may_be_torn_anywhere(stream: MakeStream, tmp_path: Path) -> None:
    source, path = stream(frames=12), tmp_path / "e.mp4"
    take = Take(path, source[0])
    for arrival in source[1]:
        take.add(arrival)
    take.set_aside()
    [part] = parts_of(path)
    whole = part.path.read_bytes()
    for size in [*range(1200), *range(1200, len(whole), 997)]:
        part.path.write_bytes(whole[:size])
        made = join(path)
        assert made is None or made.frames <= 12


def test_parts_of_what_nobody_wants_are_removed(tmp_path: Path) -> None:
    for name in ("a.0-5.part.mp4", "b.0-5.part.mp4", "b.1-7.part.mp4", "b.mp4", "b.c.0-7.part.mp4"):
        (tmp_path / name).touch()
    drop_others(tmp_path, {"a"})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.0-5.part.mp4", "b.mp4"]


def test_one_clip_too_many_is_refused_and_the_others_go_on(stream: MakeStream, tmp_path: Path) -> None:
    source = stream(frames=40)
    recorder = recorder_of(source, tmp_path, most_clips=1)
    recorder.want("a", tmp_path / "a.mp4", from_ns=0, to_ns=2 * SECOND)
    with pytest.raises(TooManyClips, match="most_clips"):
        recorder.want("b", tmp_path / "b.mp4", from_ns=0)
    closed = [each.name for arrival in source[1] for each in recorder.take(arrival)]
    assert closed == ["a"]
