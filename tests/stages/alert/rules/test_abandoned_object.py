"""Scripted scenes: who puts what down, what static foreground shows of it, and what is told."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.abandoned_object import AbandonedObject
from stages.alert.rules.removed_object import RemovedObject
from stages.alert.stage import AlertStage
from stages.alert.verdict import verdict
from tests.stages.alert.conftest import Watching

BAG = (0.52, 0.56, 0.56, 0.60)
NAMES = ("person", "car", "suitcase")


def rule(**options: Any) -> AbandonedObject:
    return AbandonedObject(AbandonedObject.Options.model_validate({"seconds": 10, **options}))


def blob(box: tuple[float, ...], stood: float, *, came: bool = True) -> list[float]:
    return [*box, stood, *((30.0, 10.0) if came else (10.0, 30.0)), 0.8]


def still(*blobs: list[float], learning: bool = False) -> dict[str, Any]:
    return {"still": {"learning": learning, "blobs": list(blobs)}}


def bag(seconds: float, *, since: float = 12.0, until: float = 1000.0, **more: Any) -> dict[str, Any]:
    """What capture sees of the bag that was put down at 10 s."""
    return still(blob(BAG, seconds - since + 1, **more)) if since <= seconds < until else still()


OWNER = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (20, 0.5, 0.6), (25, 0.95, 0.6), (26, 0.99, 0.6)])
"""The owner walks away at 20 s and is six widths off at 23.8 s; three seconds later his bag is unattended."""


def script(*walks: Walk, seconds: float = 60, measured: Callable[[float], dict[str, Any]] = bag, **more: Any) -> Script:
    return Script(walks=walks, seconds=seconds, measured=measured, names=NAMES, **more)


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def starts(events: list[Event]) -> list[float]:
    return [event.media_time for event in events if event.type == "start"]


def test_a_bag_whose_owner_goes_away_is_one_event(watch: Watching) -> None:
    events = watch([rule()], script(OWNER))
    assert told(events) == [("start", pytest.approx(36.8, abs=0.11)), ("end", 60.0)]
    start = events[0]
    assert start.reason == "something has been unattended for 10.0 s (limit 10 s)"
    assert start.object is not None
    assert start.object.box == BAG
    why = start.why[0]
    assert (why["owners"], why["stands_since"]) == ([1], 11.0)
    assert why["alone_since"] == pytest.approx(23.8, abs=0.11)
    assert events[-1].ended == "end_of_stream"
    assert {verdict(event).said for event in events} == {"raised", "ended"}


def test_an_owner_who_stays_near_has_not_abandoned_it(watch: Watching) -> None:
    near = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (20, 0.5, 0.6), (22, 0.7, 0.6), (60, 0.7, 0.6)])
    assert watch([rule()], script(near)) == []


def test_an_owner_whom_the_detector_loses_beside_it_is_away_only_after_a_while(watch: Watching) -> None:
    lost = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (40, 0.5, 0.6)], missed=[(15, 17), (20, 22), (30, 32)])
    assert starts(watch([rule(seconds=3)], script(lost, seconds=40))) == []


def test_an_owner_who_is_missed_for_a_moment_on_his_way_has_not_left_yet(watch: Watching) -> None:
    missed = Walk(stops=OWNER.stops, missed=[(22.6, 23.0)])
    assert told(watch([rule()], script(missed))) == told(watch([rule()], script(OWNER)))


def test_an_owner_who_comes_back_in_time_is_none(watch: Watching) -> None:
    back = Walk(stops=[*OWNER.stops[:4], (28, 0.95, 0.6), (32, 0.55, 0.6), (60, 0.55, 0.6)])
    assert watch([rule()], script(back)) == []


def test_an_owner_who_comes_back_late_ends_the_event(watch: Watching) -> None:
    back = Walk(stops=[*OWNER.stops[:4], (40, 0.95, 0.6), (44, 0.55, 0.6), (60, 0.55, 0.6)])
    events = watch([rule()], script(back))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    assert events[-1].ended == "left"


def test_a_bag_that_is_fetched_ends_the_event(watch: Watching) -> None:
    events = watch([rule()], script(OWNER, measured=lambda s: bag(s, until=45)))
    assert events[-1].media_time == pytest.approx(50.0, abs=0.21)
    assert events[-1].ended == "left"


def test_who_passes_or_stands_in_front_of_it_changes_nothing(watch: Watching) -> None:
    passer = Walk(stops=[(38, 0.1, 0.62), (42, 0.54, 0.62), (52, 0.54, 0.62), (56, 0.9, 0.62)], track=2)

    def hidden(seconds: float) -> dict[str, Any]:
        return still() if 43 <= seconds < 53 else bag(seconds)

    assert told(watch([rule()], script(OWNER, passer, measured=hidden))) == told(watch([rule()], script(OWNER)))


def test_flicker_and_its_shadow_do_not_alert_again(watch: Watching) -> None:
    def flickering(seconds: float) -> dict[str, Any]:
        tenth = round(seconds * 10)
        if seconds < 12 or tenth % 7 == 0 or 40 <= seconds < 43:
            return still()
        off = 0.002 * (tenth % 3)
        box = (BAG[0] - off, BAG[1], BAG[2] + off, BAG[3])
        shadow = (BAG[2] + 0.005, BAG[3] - 0.02, BAG[2] + 0.05, BAG[3] + 0.01)
        return still(blob(box, seconds - 11), *([blob(shadow, 2.0)] if seconds > 38 else []))

    events = watch([rule(rearm_s=0)], script(OWNER, measured=flickering, seconds=90))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    assert events[-1].ended == "end_of_stream"


def test_after_its_event_the_same_bag_does_not_alert_again(watch: Watching) -> None:
    events = watch([rule()], script(OWNER, measured=lambda s: still() if 45 <= s < 60 else bag(s), seconds=100))
    assert [kind for kind, _ in told(events)] == ["start", "end"]


@pytest.mark.parametrize("lost_at", [14.0, 20.0, 1000.0])
def test_a_person_who_stands_still_is_no_bag_even_when_the_detector_loses_him(watch: Watching, lost_at: float) -> None:
    stops = [(0.0, 0.05, 0.6), (8.0, 0.5, 0.6), (120.0, 0.5, 0.6)]
    stander = Walk(stops=stops, missed=[(lost_at, 1000.0)])
    body = (0.48, 0.42, 0.52, 0.6)
    events = watch([rule()], script(stander, measured=lambda s: still(blob(body, s - 10)) if s > 11 else still()))
    assert events == []


def test_what_stands_where_a_forgotten_person_stood_is_a_bag(watch: Watching) -> None:
    """He is lost at 14 s, forgotten after 74 s, and gone at 90 s, when only what he put down is left."""
    stops = [(0.0, 0.05, 0.6), (8.0, 0.5, 0.6), (120.0, 0.5, 0.6)]
    stander = Walk(stops=stops, missed=[(14, 1000)])
    body = (0.48, 0.42, 0.52, 0.6)

    def left_behind(seconds: float) -> dict[str, Any]:
        return (
            still(blob((0.48, 0.56, 0.52, 0.6) if seconds >= 90 else body, seconds - 10)) if seconds > 11 else still()
        )

    found = starts(watch([rule()], script(stander, measured=left_behind, seconds=120)))
    assert found == [pytest.approx(103.0, abs=0.3)]


def test_an_outline_that_changes_after_the_alarm_does_not_change_for_how_long_it_was_alone(watch: Watching) -> None:
    wide = (BAG[0] - 0.03, BAG[1] - 0.03, BAG[2] + 0.03, BAG[3] + 0.03)

    def changing(seconds: float) -> dict[str, Any]:
        return still(blob(wide, seconds - 11)) if 40 <= seconds < 50 else bag(seconds)

    events = watch([rule(update_s=1)], script(OWNER, measured=changing))
    assert told(events) == told(watch([rule()], script(OWNER)))
    values = [event.why[0]["value"] for event in events if event.type != "end"]
    assert values == sorted(values)
    assert {verdict(event).said for event in events} == {"raised", "ended"}


def test_a_car_that_parks_is_no_bag(watch: Watching) -> None:
    car = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (60, 0.5, 0.6)], class_id=1, width=0.2, height=0.1)
    driver = Walk(stops=[(14, 0.5, 0.62), (20, 0.95, 0.9), (21, 0.99, 0.99)], track=2)
    body = (0.41, 0.5, 0.6, 0.6)
    assert watch([rule()], script(car, driver, measured=lambda s: still(blob(body, s)) if s > 10 else still())) == []


def test_company_of_the_owner_attends_to_his_bag(watch: Watching) -> None:
    friend = Walk(stops=[(0, 0.01, 0.6), (8, 0.44, 0.6), (40, 0.44, 0.6), (45, 0.02, 0.6)], track=2)
    events = watch([rule()], script(OWNER, friend, seconds=70))
    assert starts(events) == [pytest.approx(42.4 + 13, abs=0.11)]
    assert events[0].why[0]["owners"] == [1, 2]
    assert events[0].also_about == [1, 2]


def test_the_detector_may_name_the_thing(watch: Watching) -> None:
    case = Walk(stops=[(12, 0.54, 0.6), (60, 0.54, 0.6)], class_id=2, width=0.04, height=0.04, track=3)
    events = watch([rule()], script(OWNER, case))
    assert events[0].reason == "a suitcase has been unattended for 10.0 s (limit 10 s)"
    assert starts(watch([rule(things=["suitcase"])], script(OWNER, case))) == starts(events)
    assert watch([rule(things=["suitcase"])], script(OWNER)) == []


def test_he_who_carried_it_is_its_owner_even_if_he_was_not_seen_to_put_it_down(watch: Watching) -> None:
    hidden = Walk(stops=OWNER.stops, missed=[(6.5, 19)])
    case = Walk(stops=[(0, 0.09, 0.6), (7, 0.53, 0.6), (60, 0.54, 0.6)], class_id=2, width=0.04, height=0.06, track=3)
    events = watch([rule()], script(hidden, case, measured=lambda s: bag(s, since=16)))
    assert events[0].why[0]["owners"] == [1]


def test_what_nobody_was_in_touch_with_was_not_put_down(watch: Watching) -> None:
    far = Walk(stops=[(0, 0.05, 0.6), (8, 0.2, 0.6), (25, 0.02, 0.6)])
    assert watch([rule()], script(far)) == []
    assert len(starts(watch([rule(untouched=True)], script(far)))) == 1


def test_who_has_been_tracked_for_long_is_known_to_have_put_it_down(watch: Watching) -> None:
    """He is beside the place for a second, 11 minutes after he came, and gone when the bag is first seen."""
    to_and_fro = [(float(seconds), 0.1 + 0.1 * (seconds // 20 % 2), 0.6) for seconds in range(0, 661, 20)]
    regular = Walk(stops=[*to_and_fro, (662, 0.5, 0.6), (663, 0.5, 0.6), (665, 0.1, 0.6), (690, 0.1, 0.6)])
    events = watch([rule()], script(regular, measured=lambda s: bag(s, since=665.0), seconds=690, fps=5))
    assert [event.why[0]["owners"] for event in events if event.type == "start"] == [[1]]


def test_what_was_taken_away_was_not_abandoned_and_what_was_put_down_not_removed(watch: Watching) -> None:
    removed = RemovedObject(RemovedObject.Options())
    assert {event.rule for event in watch([rule(), removed], script(OWNER))} == {"abandoned_object"}
    gone = watch([rule(), removed], script(OWNER, measured=lambda s: bag(s, came=False)))
    assert {event.rule for event in gone} == {"removed_object"}


def test_things_outside_the_zone_do_not_count(watch: Watching) -> None:
    beside = [(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)]
    around = [(0.4, 0.4), (0.7, 0.4), (0.7, 0.8), (0.4, 0.8)]
    assert watch([rule(zone=beside)], script(OWNER)) == []
    assert len(starts(watch([rule(zone=around)], script(OWNER)))) == 1


def test_while_the_background_is_learned_an_open_event_goes_on(watch: Watching) -> None:
    def learning(seconds: float) -> dict[str, Any]:
        return still(learning=True) if 40 <= seconds < 55 else bag(seconds)

    assert told(watch([rule()], script(OWNER, measured=learning))) == told(watch([rule()], script(OWNER)))


def test_with_a_calibration_distances_are_metres(watch: Watching) -> None:
    """The picture is 20 m wide, so the owner who stands four widths away is 4 m away."""
    square = [(0.0, 0.2), (1.0, 0.2), (1.0, 1.0), (0.0, 1.0)]
    ground = {"homography": {"picture": square, "ground_m": [(0, 0), (20, 0), (20, 16), (0, 16)]}}
    near = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (20, 0.5, 0.6), (22, 0.74, 0.6), (60, 0.74, 0.6)])
    assert watch([rule()], script(near)) == []
    assert len(starts(watch([rule(calibration=ground)], script(near)))) == 1
    assert watch([rule(calibration=ground, far=5)], script(near)) == []


def test_where_the_calibration_does_not_reach_distances_are_widths(watch: Watching) -> None:
    """Its horizon lies below the feet of all."""
    road = [(0.4, 0.8), (0.6, 0.8), (1.0, 1.0), (0.0, 1.0)]
    ground = {"homography": {"picture": road, "ground_m": [(0, 8), (4, 8), (4, 0), (0, 0)]}, "max_error_m": 20}
    near = Walk(stops=[(0, 0.05, 0.6), (8, 0.5, 0.6), (20, 0.5, 0.6), (22, 0.7, 0.6), (60, 0.7, 0.6)])
    assert watch([rule(calibration=ground)], script(near)) == []
    assert told(watch([rule(calibration=ground)], script(OWNER))) == told(watch([rule()], script(OWNER)))


def test_a_scale_that_fits_no_camera_of_such_pictures_is_told_once(
    watch: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    scale = {"height_m": 1.75, "near": [0.95, 0.5], "far": [0.5, 0.06], "view_deg": 90}
    calibration = {"scale": scale, "max_error_m": 5}
    watch([rule(calibration=calibration)], script(OWNER, seconds=20, width=300))
    assert ["pictures of 300 x 1000: " in record.getMessage() for record in caplog.records] == [True]


def test_presets_are_those_of_the_standards() -> None:
    options = AbandonedObject.Options
    assert options(preset="ilids").seconds == 60
    assert options(preset="ilids", seconds=5).seconds == 5
    with pytest.raises(ValidationError, match="preset pets2006 speaks of metres and needs a calibration"):
        options(preset="pets2006")
    with pytest.raises(ValidationError, match="far"):
        options(near=5, far=4)


def test_a_detector_that_knows_no_people_is_refused(watch: Watching) -> None:
    with pytest.raises(UsageError, match="knows no class 'person'"):
        watch([rule()], Script(walks=[], seconds=1, names=("object",)))


def test_it_goes_on_from_its_saved_state_at_any_frame() -> None:
    friend = Walk(stops=[(0, 0.01, 0.6), (8, 0.44, 0.6), (20, 0.44, 0.6), (25, 0.02, 0.6)], track=2)
    case = Walk(stops=[(12, 0.54, 0.6), (45, 0.54, 0.6)], class_id=2, width=0.04, height=0.04, track=3)
    records = script(OWNER, friend, case, seconds=45, fps=5).records()

    def stage() -> AlertStage:
        rules: list[Rule] = [rule(), RemovedObject(RemovedObject.Options())]
        return AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)

    whole, parts = stage(), stage()
    events = whole.process("gate", records).events
    pieces: list[Event] = []
    for record in records:
        saved = parts.state("gate")
        parts = stage()
        parts.restore("gate", saved)
        pieces += parts.process("gate", [record]).events
    assert pieces == events != []
    assert parts.state("gate") == whole.state("gate")
