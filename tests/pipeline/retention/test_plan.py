"""What goes is what the limits say, and never what is worth more than what stays."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.configuration.retention import RetentionLimits, RetentionOptions
from pipeline.retention.plan import DAY, Item, covered, merged, plan
from pipeline.store.alarms import SEVERITIES

NOW = 400 * DAY
CAMERAS = ("gate", "yard")

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
recorded = st.just(("recording", ""))
raised = st.tuples(st.just("event"), st.sampled_from(["", *SEVERITIES]))
facts = st.tuples(
    st.sampled_from(CAMERAS),
    recorded | raised,
    st.integers(0, 400),
    st.integers(1, 1000),
    st.sampled_from(["", "", "open", "protected"]),
)
items = st.lists(facts, max_size=25).map(
    lambda found: [
        Item(str(n), camera, kind, days * DAY, size * 10**6, severity, needed)  # type: ignore[arg-type]  # one of two
        for n, (camera, (kind, severity), days, size, needed) in enumerate(found)
    ]
)
days = st.none() | st.floats(0.5, 500)
gigabytes = st.none() | st.floats(0.01, 20)
limits = {
    "events_days": days,
    "recordings_days": days,
    "most_gb": gigabytes,
    "severity_days": st.dictionaries(st.sampled_from(SEVERITIES), days),
}
options = st.builds(
    RetentionOptions,
    **limits,
    free_gb=gigabytes,
    grace_s=st.sampled_from([0.0, 86400.0]),
    cameras=st.dictionaries(st.sampled_from(CAMERAS), st.builds(RetentionLimits, most_gb=gigabytes)),
)
free_bytes = st.floats(0, 20e9)


def item(
    name: str, *, days: float = 1, camera: str = "gate", size: int = 10**9, severity: str = "", needed: str = ""
) -> Item:
    kind = "event" if severity else "recording"
    return Item(name, camera, kind, NOW - round(days * DAY), size, severity, needed)  # type: ignore[arg-type]  # one of two


def names(found: list[Item], wished: RetentionOptions, free: float = 1e12) -> list[str]:
    return [going.item.name for going in plan(found, wished, now_ns=NOW, free=free).going]


@few
@given(items, options, free_bytes)
def test_what_is_needed_or_young_stays(found: list[Item], wished: RetentionOptions, free: float) -> None:
    for going in plan(found, wished, now_ns=NOW, free=free).going:
        assert not going.item.needed
        assert going.item.taken_ns <= NOW - wished.grace_s * 1e9
        assert going.why


@few
@given(items, options, free_bytes)
def test_limits_are_kept_wherever_what_may_go_is_enough(
    found: list[Item], wished: RetentionOptions, free: float
) -> None:
    planned = plan(found, wished, now_ns=NOW, free=free)
    gone = {going.item.name for going in planned.going}
    left = [each for each in found if each.name not in gone]
    may_go = [each for each in left if not each.needed and each.taken_ns <= NOW - wished.grace_s * 1e9]
    told = " ".join(planned.short)
    for camera in CAMERAS:
        most, size = wished.of(camera).most_gb, sum(each.size for each in left if each.camera == camera)
        if most is not None and size > most * 1e9:
            assert not [each for each in may_go if each.camera == camera]
            assert f"camera {camera} holds" in told
        else:
            assert f"camera {camera} holds" not in told
    will_be = free + sum(each.size for each in found if each.name in gone)
    if wished.free_gb is not None and will_be < wished.free_gb * 1e9 * (1 - 1e-9):
        assert not may_go
        assert "(free_gb)" in told
    for each in may_go:
        of_kind = wished.of(each.camera).recordings_days if each.kind == "recording" else None
        limit = of_kind if each.kind == "recording" else wished.of(each.camera).days_of(each.severity)
        assert limit is None or NOW - each.taken_ns <= limit * DAY


@few
@given(items, options, free_bytes)
def test_what_goes_for_room_is_worth_no_more_than_what_stays(
    found: list[Item], wished: RetentionOptions, free: float
) -> None:
    planned = plan(found, wished, now_ns=NOW, free=free)
    gone = {going.item.name for going in planned.going}
    stays = [each for each in found if each.name not in gone and not each.needed]
    stays = [each for each in stays if each.taken_ns <= NOW - wished.grace_s * 1e9]
    for going in planned.going:
        rivals = stays if "(free_gb)" in going.why else [each for each in stays if each.camera == going.item.camera]
        if "days" not in going.why:
            assert all(going.item.importance < each.importance for each in rivals)


@few
@given(items, options, free_bytes)
def test_a_plan_depends_on_what_is_there_and_not_on_its_order(
    found: list[Item], wished: RetentionOptions, free: float
) -> None:
    assert plan(found, wished, now_ns=NOW, free=free) == plan(found[::-1], wished, now_ns=NOW, free=free)


@few
@given(items)
def test_without_limits_everything_stays(found: list[Item]) -> None:
    assert names(found, RetentionOptions(), free=0) == []
    assert not RetentionOptions().enabled


def test_recordings_go_before_events_the_least_severe_before_others_and_of_these_the_oldest() -> None:
    found = [
        item("critical", days=9, severity="critical"),
        item("high", days=9, severity="high"),
        item("low, new", days=1, severity="low"),
        item("low, old", days=2, severity="low"),
        item("recorded, new", days=1),
        item("recorded, old", days=2),
    ]
    order = ["recorded, old", "recorded, new", "low, old", "low, new", "high", "critical"]
    for number in range(6):
        assert names(found, RetentionOptions(most_gb=6 - number + 0.4)) == order[:number]
        assert names(found, RetentionOptions(free_gb=number or 0.001), free=0.5e9) == order[:number]


def test_severities_and_cameras_have_ages_of_their_own() -> None:
    wished = RetentionOptions.model_validate(
        {
            "events_days": 30,
            "recordings_days": 3,
            "severity_days": {"low": 7, "critical": None},
            "cameras": {"yard": {"events_days": 60}, "roof": {"severity_days": {}, "recordings_days": None}},
        }
    )
    found = [
        item("low", days=8, severity="low"),
        item("medium", days=31, severity="medium"),
        item("critical", days=399, severity="critical"),
        item("recorded", days=4),
        item("of yard", days=31, severity="medium", camera="yard"),
        item("low of yard", days=8, severity="low", camera="yard"),
        item("low of roof", days=8, severity="low", camera="roof"),
        item("recorded at roof", days=99, camera="roof"),
    ]
    told = {going.item.name: going.why for going in plan(found, wished, now_ns=NOW, free=0).going}
    assert told == {
        "recorded": "older than 3 days (recordings_days)",
        "low": "older than 7 days (severity_days.low)",
        "low of yard": "older than 7 days (severity_days.low)",
        "medium": "older than 30 days (events_days)",
    }


def test_options_mean_the_same_after_they_were_written_down() -> None:
    wished = RetentionOptions.model_validate({"most_gb": 5, "cameras": {"gate": {"most_gb": None}, "yard": {}}})
    again = RetentionOptions.model_validate(wished.model_dump())
    assert again == wished
    assert (again.of("gate").most_gb, again.of("yard").most_gb, again.of("roof").most_gb) == (None, 5, 5)


def test_a_severity_that_is_kept_for_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"severity_days\.low must be above 0"):
        RetentionOptions(severity_days={"low": 0})


@few
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)).map(lambda each: (each[0], sum(each)))))
def test_times_meet_after_merging_where_they_met_before(spans: list[tuple[int, int]]) -> None:
    for begin in range(60):
        meets = any(start <= begin + 2 and end >= begin for start, end in spans)
        assert covered((begin, begin + 2), merged(spans)) == meets
