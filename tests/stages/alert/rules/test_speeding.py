from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.messages import Event
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rules.speeding import Speeding
from stages.alert.stage import AlertStage
from tests.stages.alert.test_on_real_people import log

Watching = Callable[[list[Any], Script], list[Event]]

FLOOR = {
    "homography": {
        "picture": [[0.1, 0.9], [0.9, 0.9], [0.9, 0.1], [0.1, 0.1]],
        "ground_m": [[0, 0], [8, 0], [8, 8], [0, 8]],
    }
}
"""Seen from above: the whole picture is 10 m wide and high."""


def rule(**options: Any) -> Speeding:
    return Speeding(Speeding.Options.model_validate({"name": "yard", "update_s": 0, **options}))


def across(pace: float, **more: Any) -> Walk:
    """From the left to the right at ``pace`` of the picture a second."""
    return Walk(stops=[(0, 0.1, 0.5), (0.8 / pace, 0.9, 0.5)], **({"height": 0.2} | more))


def starts(events: list[Event]) -> list[float]:
    return [event.media_time for event in events if event.type == "start"]


def test_one_who_runs_is_told_when_he_has_run_for_long_enough(watch: Watching) -> None:
    events = watch([rule()], Script(walks=[across(0.4)], seconds=3))
    assert starts(events) == [1.6], "0.8 s until there is a speed, 0.8 s of inertia"
    assert events[0].reason == "person 1 moves at 2.0 body heights a second (limit 1.5)"
    entry = next(entry for entry in events[0].why if entry["predicate"] == "heights_per_s")
    assert (entry["value"], entry["comparison"], entry["threshold"]) == (2.0, ">", 1.5)


@pytest.mark.parametrize("fps", [2, 3, 5, 25])
def test_slow_frame_rates_measure_the_same_speed(watch: Watching, fps: float) -> None:
    events = watch([rule()], Script(walks=[across(0.4)], seconds=4, fps=fps))
    assert starts(events) == [pytest.approx(1.8, abs=0.25)]
    assert watch([rule()], Script(walks=[across(0.28)], seconds=4, fps=fps)) == []


def test_one_who_walks_is_not(watch: Watching) -> None:
    assert watch([rule()], Script(walks=[across(0.28)], seconds=4)) == []


@pytest.mark.parametrize("seed", range(5))
def test_neither_jitter_nor_dropouts_change_who_runs(watch: Watching, seed: int) -> None:
    worse = {"jitter": 0.01, "missed": [(0.7, 0.9), (1.5, 1.6)]}
    run, walk = across(0.4, **worse), across(0.2, **worse)
    assert starts(watch([rule()], Script(walks=[run], seconds=3, seed=seed))) == [pytest.approx(1.6, abs=0.4)]
    assert watch([rule()], Script(walks=[walk], seconds=4, seed=seed)) == []


def test_one_who_stands_and_jitters_does_not_run(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.5, 0.5), (20, 0.5, 0.5)], jitter=0.02)
    assert watch([rule()], Script(walks=[walk], seconds=20)) == []


def test_a_box_that_jumps_once_is_no_run(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.3, 0.5), (3, 0.35, 0.5), (3.01, 0.6, 0.5), (6, 0.62, 0.5)])
    assert watch([rule()], Script(walks=[walk], seconds=6)) == []


def test_a_change_of_track_within_a_run_goes_on(watch: Watching) -> None:
    walk = across(0.3, switches=[(1.0, 7)], width=0.1)
    plain = across(0.3, width=0.1)
    options = {"limit_heights_per_s": 1.2}
    switched = watch([rule(**options)], Script(walks=[walk], seconds=3))
    assert starts(switched) == starts(watch([rule(**options)], Script(walks=[plain], seconds=3)))


def test_feet_that_are_hidden_all_of_a_sudden_are_no_run(watch: Watching) -> None:
    """Someone walks behind a wall that hides half of him: his box ends 1 m of ground farther away."""
    whole = Walk(stops=[(0, 0.3, 0.6), (2.95, 0.4, 0.6)], height=0.2, track=1)
    half = Walk(stops=[(3.0, 0.4, 0.5), (6, 0.5, 0.5)], height=0.1, track=1)
    events = watch(
        [rule(limit_mps=0.8, calibration=FLOOR, enter_inertia_s=0.2)], Script(walks=[whole, half], seconds=6)
    )
    assert events == []


@pytest.mark.parametrize(("limit", "told"), [(3.9, True), (4.1, False)])
def test_with_a_calibration_speeds_are_metres_a_second(watch: Watching, limit: float, told: bool) -> None:
    events = watch([rule(limit_mps=limit, calibration=FLOOR)], Script(walks=[across(0.4)], seconds=3))
    assert bool(events) is told
    assert not told or events[0].reason == "person 1 moves at 4.0 m/s (limit 3.9)"


def test_what_the_border_of_the_picture_cuts_has_no_speed(watch: Watching) -> None:
    cut = Walk(stops=[(0, 0.2, 1.1), (2, 0.9, 1.1)], height=0.2)
    assert watch([rule(limit_heights_per_s=1.0)], Script(walks=[cut], seconds=2)) == []


def test_outside_the_zone_anybody_may_run(watch: Watching) -> None:
    zone = [[0, 0], [1, 0], [1, 0.3], [0, 0.3]]
    assert watch([rule(zone=zone)], Script(walks=[across(0.4)], seconds=3)) == []


def test_a_limit_in_metres_without_a_calibration_is_refused() -> None:
    with pytest.raises(ValidationError, match="limit_mps needs a calibration"):
        rule(limit_mps=3)


def test_metres_are_measured_at_the_feet() -> None:
    with pytest.raises(ValidationError, match="anchor must be bottom_centre, not centre"):
        rule(limit_mps=3, calibration=FLOOR, anchor="centre")


def test_its_state_survives_any_frame(resumed: Callable[[Any, Script], None]) -> None:
    resumed(
        lambda: [rule(), rule(name="metres", limit_mps=3, calibration=FLOOR)],
        Script(walks=[across(0.4, jitter=0.01, missed=[(0.5, 0.8)])], seconds=3),
    )


@pytest.mark.footage
def test_nobody_who_walks_across_the_square_runs(footage: Path) -> None:
    """PETS 2009 S2.L1 plays faster here than it was; misses, jitter and changes of tracks change nothing."""
    truth = footage / "videos" / "mot15" / "PETS09-S2L1" / "gt" / "gt.txt"
    trials: list[dict[str, Any]] = [{}, {"missed": 0.15, "jitter_px": 2, "switch_frames": 50}]
    for worse in trials:
        stage = AlertStage(AlertOptions(), rules=[rule()], trackers=ScriptedTracker)
        assert stage.process("pets", log(truth, **worse)).events == []
