from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.fall import Fall

Watching = Callable[[list[Any], Script], list[Event]]
Resuming = Callable[[Callable[[], list[Any]], Script], None]

STANDS: dict[str, Any] = {"width": 0.08, "height": 0.2}
LIES: dict[str, Any] = {"width": 0.2, "height": 0.07}


def rule(**options: Any) -> Fall:
    return Fall(Fall.Options.model_validate({"update_s": 0, **options}))


def poses(*poses: tuple[float, float, float, float, dict[str, Any]], **more: Any) -> list[Walk]:
    """One person: from, to (seconds), x and y of the feet, shape."""
    tracks: Sequence[int] = more.pop("tracks", [1] * len(poses))
    return [
        Walk(stops=[(start, x, y), (end - 0.01, x, y)], track=track, **(shape | more))
        for (start, end, x, y, shape), track in zip(poses, tracks, strict=True)
    ]


def falling(at: float = 3.0, until: float = 8.0, **more: Any) -> list[Walk]:
    """Stands, bends for half a second, lies."""
    bends: dict[str, Any] = {"width": 0.13, "height": 0.15}
    return poses(
        (0, at, 0.4, 0.6, STANDS), (at, at + 0.5, 0.42, 0.6, bends), (at + 0.5, until, 0.45, 0.6, LIES), **more
    )


def starts(events: list[Event]) -> list[float]:
    return [event.media_time for event in events if event.type == "start"]


def test_one_who_falls_and_lies_still_is_told_after_two_seconds(watch: Watching) -> None:
    events = watch([rule()], Script(walks=falling(), seconds=8))
    assert starts(events) == [5.5]
    assert events[0].reason == "person 1 fell and has been lying still for 2.0 s"
    entry = next(entry for entry in events[0].why if entry["predicate"] == "seconds_lying_still")
    assert (entry["fell_at"], entry["from_upright_to_lying_s"], entry["dropped_by_heights"]) == (3.5, 0.6, 0.65)


def test_one_who_gets_up_ends_it(watch: Watching) -> None:
    walks = [*falling(until=8), *poses((8, 12, 0.45, 0.6, STANDS))]
    events = watch([rule()], Script(walks=walks, seconds=12))
    assert [(event.type, event.media_time, event.ended) for event in events] == [
        ("start", 5.5, ""),
        ("end", 10.0, "left"),
    ]


def test_one_who_gets_up_at_once_is_not_told(watch: Watching) -> None:
    walks = [*falling(until=5), *poses((5, 12, 0.45, 0.6, STANDS))]
    assert watch([rule()], Script(walks=walks, seconds=12)) == []


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ({"width": 0.11, "height": 0.14}, "sits"),
        ({"width": 0.14, "height": 0.15}, "bends"),
        ({"width": 0.1, "height": 0.11}, "crouches"),
    ],
)
def test_one_who_is_not_flat_has_not_fallen(watch: Watching, shape: dict[str, float], what: str) -> None:
    walks = poses((0, 3, 0.4, 0.6, STANDS), (3, 9, 0.4, 0.6, shape))
    assert watch([rule()], Script(walks=walks, seconds=9)) == [], what


def test_feet_that_get_hidden_are_no_fall_though_the_box_is_wide(watch: Watching) -> None:
    hidden = {"width": 0.09, "height": 0.07}
    walks = poses((0, 3, 0.4, 0.6, STANDS), (3, 9, 0.4, 0.47, hidden))
    assert watch([rule()], Script(walks=walks, seconds=9)) == []


def test_one_whom_the_border_of_the_picture_cuts_has_not_fallen(watch: Watching) -> None:
    cut = {"width": 0.1, "height": 0.08}
    walks = poses((0, 3, 0.4, 0.98, STANDS), (3, 9, 0.4, 1.0, cut))
    assert watch([rule()], Script(walks=walks, seconds=9)) == []


def test_one_who_lies_down_slowly_has_not_fallen(watch: Watching) -> None:
    sits = {"width": 0.11, "height": 0.13}
    walks = poses((0, 3, 0.4, 0.6, STANDS), (3, 5.5, 0.4, 0.6, sits), (5.5, 12, 0.4, 0.6, LIES))
    assert watch([rule()], Script(walks=walks, seconds=12)) == []
    assert starts(watch([rule(within_s=3)], Script(walks=walks, seconds=12))) == [7.5]


def test_what_was_never_upright_lies_where_it_is(watch: Watching) -> None:
    assert watch([rule()], Script(walks=poses((0, 9, 0.4, 0.6, LIES)), seconds=9)) == []


def test_one_who_crawls_on_lies_still_only_when_he_stops(watch: Watching) -> None:
    crawl = Walk(stops=[(3.5, 0.45, 0.6), (6.5, 0.75, 0.6), (12, 0.75, 0.6)], **LIES)
    walks = [*poses((0, 3.2, 0.4, 0.6, STANDS)), crawl]
    assert starts(watch([rule()], Script(walks=walks, seconds=12))) == [pytest.approx(8.3, abs=0.3)]


@pytest.mark.parametrize("seed", range(4))
def test_jitter_and_missed_detections_change_little(watch: Watching, seed: int) -> None:
    missed = [(1, 1.3), (3.4, 3.9), (4.5, 4.8)]
    events = watch([rule()], Script(walks=falling(jitter=0.008, missed=missed), seconds=8, seed=seed))
    assert starts(events) == [pytest.approx(5.9, abs=0.3)]


def test_a_fall_that_breaks_the_track_is_still_one_fall(watch: Watching) -> None:
    walks = falling(tracks=[1, 1, 2])
    walks[1] = Walk(stops=[(3, 0.42, 0.6), (3.2, 0.42, 0.6)], track=1, width=0.13, height=0.15)
    assert starts(watch([rule()], Script(walks=walks, seconds=8))) == [5.5]


def test_one_who_lies_beside_another_who_vanished_far_off_did_not_fall(watch: Watching) -> None:
    walks = [*poses((0, 3, 0.1, 0.6, STANDS)), *poses((3.1, 9, 0.8, 0.6, LIES), tracks=[2])]
    assert watch([rule()], Script(walks=walks, seconds=9)) == []


def test_only_falls_in_the_zone_count(watch: Watching) -> None:
    zone = [[0.6, 0.0], [1.0, 0.0], [1.0, 1.0], [0.6, 1.0]]
    assert watch([rule(zone=zone)], Script(walks=falling(), seconds=8)) == []


def test_shapes_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"lying \(0.6\) must be more than upright \(0.7\)"):
        rule(lying=0.6)


def test_its_state_survives_any_frame(resumed: Resuming) -> None:
    resumed(lambda: [rule()], Script(walks=falling(jitter=0.005, tracks=[1, 1, 2]), seconds=8))


@pytest.mark.footage
@pytest.mark.slow
@pytest.mark.parametrize(("clip", "start"), [("01", 80), ("39", 75)])
def test_falls_of_le2i_that_the_detector_sees_are_told(watch: Watching, footage: Path, clip: str, start: int) -> None:
    from lab.normal.observe import default_detector, records
    from stages.alert.options import AlertOptions
    from stages.alert.stage import AlertStage
    from stages.track.options import TrackOptions
    from stages.track.tracker import ByteTracker

    folder = footage / "datasets" / "le2i_coffee" / "testing" / "frames" / clip
    log = records(folder, detector=default_detector(), fps=25)
    stage = AlertStage(AlertOptions(), rules=[rule()], trackers=lambda _: ByteTracker(TrackOptions()))
    frames = [event.frame for event in stage.process("lab", log).events if event.type == "start"]
    assert len(frames) == 1
    assert start <= frames[0] <= start + 60
