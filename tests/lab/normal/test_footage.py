"""Which clips there are, what a run has stored, and what of it is left out."""

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from lab.normal.footage import Watched, clips_of, is_run, watch_clips, watch_run
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.stage import View
from pipeline.store.sample_event import sample_event
from stages.alert.normal.feedback import Feedback, Given, Shown, Spot
from stages.capture.options import CameraOptions
from tests.lab.normal.conftest import Running


def picture(path: Path, brightness: int = 90) -> None:
    import cv2

    cv2.imwrite(str(path), np.full((48, 64, 3), brightness, np.uint8))


def tampering(kind: str, ordinal: int, media_time: float) -> Event:
    return sample_event(id="e", ordinal=ordinal, type=kind, rule="camera_health", started=20.0, media_time=media_time)


def test_a_folder_of_clips_gives_each_of_them_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        picture(tmp_path / name / "1.png")
    (tmp_path / "c.avi").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("words")
    assert [each.name for each in clips_of([tmp_path])] == ["a", "b", "c.avi"]
    assert clips_of([tmp_path / "a"]) == [tmp_path / "a"]


def test_paths_without_footage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such video or folder"):
        clips_of([tmp_path / "nothing"])
    with pytest.raises(UsageError, match="holds neither videos nor pictures"):
        clips_of([tmp_path])


def test_frames_are_counted_as_they_are_seen(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"{number}.png", 60 + 40 * number)
    seen: list[int] = []
    watched = watch_clips([tmp_path], Blind(), fps=5.0, advance=seen.append)
    assert sum(seen) == 4
    assert [frame.media_ns for frame in watched.clips[0]] == [0, 200_000_000, 400_000_000, 600_000_000]
    assert watched.names == ("person",)
    assert watched.detector == "b" * 64


def test_a_cameras_masks_and_rate_count(tmp_path: Path) -> None:
    for number in range(10):
        picture(tmp_path / f"{number}.png", 60 + 15 * number)
    camera = CameraOptions(source=str(tmp_path), fps=5)
    assert len(watch_clips([tmp_path], Blind(), fps=10.0, camera=camera).clips[0]) == 5


def test_a_run_is_learned_from_without_video(run: Running) -> None:
    out = run()
    assert is_run(out)
    watched = watch_run(out, "gate")
    assert [len(clip) for clip in watched.clips] == [451]
    assert watched.names == ("person", "car")
    assert any(len(frame) for frame in watched.clips[0])


def test_times_of_tampering_are_left_out_with_a_margin(run: Running) -> None:
    watched = watch_run(run(events=[tampering("start", 1, 20.0), tampering("end", 2, 50.0)]), "gate")
    assert [(clip[0].media_ns / 1e9, clip[-1].media_ns / 1e9) for clip in watched.clips] == [(0, 18.8), (51.2, 90)]
    assert watched.left_out == ["32 s of camera_health from 19 s on"]


def test_tampering_that_has_not_ended_lasts_to_the_end(run: Running) -> None:
    watched = watch_run(run(events=[tampering("start", 1, 20.0)]), "gate")
    assert watched.clips[-1][-1].media_ns == 18_800_000_000


def unusual(kind: str = "start", ordinal: int = 1, at: float = 30.0) -> Event:
    """Whoever walks through the picture, at the moment of frame 151."""
    told = sample_event().object
    assert told is not None
    x = 0.1 + 0.8 * 30.0 / 90
    who = structs.replace(told, box=(x - 0.025, 0.4, x + 0.025, 0.6), track_id=1)
    why = [{"time": 30.0, "predicate": "surprise", "value": 9.0, "comparison": ">=", "threshold": 7.0}]
    return sample_event(
        id="a", ordinal=ordinal, type=kind, rule="anomaly", name="odd", started=30.0, media_time=at, frame=151,
        object=who, why=why,
    )  # fmt: skip


def seen_in(watched: Watched) -> int:
    return sum(len(frame) for clip in watched.clips for frame in clip)


def test_what_alarmed_in_a_run_is_left_out_and_said(run: Running) -> None:
    out = run(events=[unusual(), unusual("end", 2, 40.0)])
    watched = watch_run(out, "gate")
    assert seen_in(watched) == 0
    assert watched.left_out[0].startswith("1 object that alarmed, and 0 s around them (odd)")
    assert "--ordinary anomaly learns them" in watched.left_out[1]


def test_false_alarms_are_learned_from_where_somebody_says_so(run: Running) -> None:
    out = run(events=[unusual(), unusual("end", 2, 40.0)])
    for ordinary in ("anomaly", "odd"):
        watched = watch_run(out, "gate", ordinary=[ordinary])
        assert (seen_in(watched) > 400, watched.left_out) == (True, [])
    judged = Feedback(given=[Given("a", "not_of_interest", "odd", 30.0, "", 9.0, 1)])
    assert seen_in(watch_run(out, "gate", feedback=judged)) > 400


def test_what_a_rule_in_shadow_would_rightly_have_raised_is_left_out(run: Running) -> None:
    out = run()
    path = [Spot(t, (x - 0.025, 0.4, x + 0.025, 0.6), {}) for t in (30.0, 40.0) for x in [0.1 + 0.8 * t / 90]]
    shown = [Shown(lead=True, kinds=["person"], over={}, surprise={}, path=path)]
    true = Given("b", "true_alarm", "odd", 30.0, "", 9.0, 1, shown=shown)
    assert seen_in(watch_run(out, "gate", feedback=Feedback(given=[true]))) == 0
    elsewhere = [structs.replace(spot, box=(0.0, 0.0, 0.1, 0.1)) for spot in path]
    other = structs.replace(true, shown=[structs.replace(shown[0], path=elsewhere)])
    assert seen_in(watch_run(out, "gate", feedback=Feedback(given=[other]))) > 400


def test_what_comes_after_the_camera_was_away_is_another_clip(run: Running) -> None:
    assert [len(clip) for clip in watch_run(run(away_at=201), "gate").clips] == [200, 251]


def test_of_overlapping_events_every_moment_is_left_out(run: Running) -> None:
    first = [tampering("start", 1, 20.0), tampering("end", 2, 50.0)]
    inside = sample_event(id="f", ordinal=3, type="start", rule="camera_health", started=30.0, media_time=30.0)
    ended = sample_event(id="f", ordinal=4, type="end", rule="camera_health", started=30.0, media_time=35.0)
    watched = watch_run(run(events=[*first, inside, ended]), "gate")
    assert [(clip[0].media_ns / 1e9, clip[-1].media_ns / 1e9) for clip in watched.clips] == [(0, 18.8), (51.2, 90)]


def test_a_frame_takes_less_memory_than_its_grid(run: Running) -> None:
    """A day at 10 frames a second has 864 000 of them, and all lie in memory."""
    out = run()
    watch_run(out, "gate")
    tracemalloc.start()
    try:
        watched = watch_run(out, "gate")
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    flow = watched.clips[0][-1].flow
    assert flow is not None
    assert flow.speed.shape == (40, 60)
    assert kept / 451 < 2000 < 4 * flow.speed.size
    assert peak / 451 < 4000


def test_motion_that_is_said_again_is_kept_once(run: Running) -> None:
    clip = watch_run(run(), "gate").clips[0]
    assert len({id(frame.motion) for frame in clip}) == 1


def test_a_run_in_which_motion_was_not_measured_is_refused(run: Running) -> None:
    with pytest.raises(UsageError, match="motion was not measured in that run"):
        watch_run(run(measured=False), "gate")


def test_a_camera_that_the_run_did_not_have_is_refused_with_those_it_had(run: Running) -> None:
    with pytest.raises(UsageError, match="has no log of it; cameras there: gate"):
        watch_run(run(), "yard")


class Blind:
    """Fulfils ``Detector``; sees nothing."""

    engine = "blind"
    model: dict[str, str] = {"name": "blind", "sha256": "b" * 64}  # noqa: RUF012  # as the protocol has it
    names: list[str] = ["person"]  # noqa: RUF012
    capacity = 1

    def process(self, batch: Sequence[View]) -> list[Detections]:
        return [Detections.empty() for _ in batch]
