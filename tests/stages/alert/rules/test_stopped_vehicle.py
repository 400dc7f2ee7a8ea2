from collections.abc import Callable
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.stopped_vehicle import StoppedVehicle

Watching = Callable[[list[Any], Script], list[Event]]
ZONE = [(0.3, 0.3), (0.9, 0.3), (0.9, 0.9), (0.3, 0.9)]
NAMES = ("person", "car", "motorcycle", "bus", "truck")


def rule(**options: Any) -> StoppedVehicle:
    wanted = {"name": "bus lane", "zone": ZONE, "seconds": 10, **options}
    return StoppedVehicle(StoppedVehicle.Options.model_validate(wanted))


def scene(*walks: Walk, seconds: float, **more: Any) -> Script:
    return Script(walks=list(walks), seconds=seconds, names=NAMES, **more)


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def parking(arrive: float, leave: float, **more: Any) -> Walk:
    """Drives in, stands from ``arrive`` to ``leave``, drives out."""
    stops = [(0, 0.0, 0.6), (arrive, 0.6, 0.6), (leave, 0.6, 0.6), (leave + 2, 1.0, 0.6)]
    return Walk(stops=stops, **({"class_id": 1, "width": 0.2, "height": 0.1} | more))


def test_a_vehicle_that_stands_for_too_long_is_one_event_until_it_drives_on(watch: Watching) -> None:
    events = watch([rule()], scene(parking(5, 30), seconds=40))
    (start, started), (end, ended) = told(events)
    assert (start, end) == ("start", "end")
    assert started == 15.0, "10 s after it came to rest"
    assert 32.0 <= ended <= 32.6, "2 s after it had driven on"
    assert "has stood in zone 'bus lane'" in events[0].reason


def test_one_that_drives_on_in_time_is_none(watch: Watching) -> None:
    assert watch([rule()], scene(parking(5, 14), seconds=30)) == []


@pytest.mark.parametrize("arrive", [3, 5, 12, 20])
@pytest.mark.parametrize("fps", [5, 10, 25])
def test_the_count_begins_where_it_comes_to_rest_and_not_where_it_rolls_in(
    watch: Watching, arrive: float, fps: float
) -> None:
    events = watch([rule()], scene(parking(arrive, arrive + 15), seconds=arrive + 15, fps=fps))
    assert abs(events[0].media_time - (arrive + 10)) <= 1.0001 / fps


@pytest.mark.parametrize("jitter", [0.005, 0.01, 0.02])
def test_boxes_that_jitter_stand_still(watch: Watching, jitter: float) -> None:
    events = watch([rule()], scene(parking(5, 40, jitter=jitter), seconds=40))
    assert [kind for kind, _ in told(events)] == ["start", "end"]


def test_creeping_traffic_does_not_stand(watch: Watching) -> None:
    creeping = Walk(stops=[(0, 0.3, 0.6), (60, 0.9, 0.6)], class_id=1, width=0.1, height=0.06)
    assert watch([rule()], scene(creeping, seconds=60)) == []


def test_what_passes_in_front_of_it_does_not_start_the_count_anew(watch: Watching) -> None:
    events = watch([rule()], scene(parking(5, 30, missed=[(8.0, 10.0), (12.0, 14.0)]), seconds=31))
    assert told(events)[0][1] <= 15.0


def test_a_person_who_stands_is_no_vehicle(watch: Watching) -> None:
    assert watch([rule()], scene(parking(5, 30, class_id=0), seconds=40)) == []


def test_one_outside_the_zone_may_stand(watch: Watching) -> None:
    outside = Walk(stops=[(0, 0.1, 0.2), (40, 0.1, 0.2)], class_id=1)
    assert watch([rule()], scene(outside, seconds=40)) == []


def test_a_detector_that_knows_no_vehicles_is_refused(watch: Watching) -> None:
    with pytest.raises(UsageError, match="bus lane"):
        watch([rule()], Script(walks=[parking(5, 30)], seconds=10, names=("object",)))
