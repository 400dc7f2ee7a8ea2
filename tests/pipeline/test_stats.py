"""What is counted in any process can be scraped from one place, and is what was counted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import MessageError
from pipeline.observability.exposition import expose
from pipeline.stats import LATENCY_BOUNDS_S, METRICS, Kind, Stats


def samples(*stats: Stats) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The page as a scraper understands it."""
    page = expose([one.snapshot() for one in stats]).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_counts_of_two_processes_stay_apart_and_carry_their_labels() -> None:
    first, second = Stats("detect[0]"), Stats("detect[1]")
    for _ in range(3):
        first.count("bartizan_frames_total", stage="detect", camera="gate")
    second.count("bartizan_frames_total", 5, camera="gate", stage="detect")
    found = samples(first, second)
    assert {dict(labels)["process"]: value for (name, labels), value in found.items()} == {
        "detect[0]": 3,
        "detect[1]": 5,
    }


def test_a_gauge_says_what_was_set_last() -> None:
    stats = Stats("capture[gate]")
    stats.gauge("bartizan_ring_slots_used", 4, camera="gate")
    stats.gauge("bartizan_ring_slots_used", 2, camera="gate")
    assert list(samples(stats).values()) == [2]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=30))
def test_a_histogram_counts_each_duration_at_or_below_its_bounds(seconds: list[float]) -> None:
    stats = Stats("alert")
    for value in seconds:
        stats.observe("bartizan_latency_seconds", value, stage="alert", camera="gate")
    found = samples(stats)
    for (name, labels), count in found.items():
        if name.endswith("_bucket"):
            assert count == sum(value <= float(dict(labels)["le"]) for value in seconds)
    assert [v for (name, _), v in found.items() if name.endswith("_sum")] == [pytest.approx(sum(seconds))]
    assert sum(name.endswith("_bucket") for name, _ in found) == len(LATENCY_BOUNDS_S) + 1


@given(st.text(max_size=40))
def test_any_text_in_a_label_survives_the_page(camera: str) -> None:
    camera = camera.replace("\r", "")  # the parser of the test, not ours, splits there
    if len(f".{camera}.".splitlines()) > 1 and "\n" not in camera:
        return
    stats = Stats("capture")
    stats.count("bartizan_events_total", camera=camera)
    page = expose([stats.snapshot()]).decode()
    assert page.count("bartizan_events_total{") == 1


def test_a_snapshot_survives_the_control_line() -> None:
    stats = Stats("alert")
    stats.observe("bartizan_latency_seconds", 0.2, stage="alert", camera="gate")
    stats.count("bartizan_events_total", camera="gate")
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(stats.snapshot()))
    assert expose([sent]) == expose([stats.snapshot()])


def test_no_processes_give_an_empty_page() -> None:
    assert expose([]) == b""


def test_a_name_that_is_not_agreed_on_is_refused() -> None:
    with pytest.raises(ValueError, match="no counter; known: bartizan_frames_total"):
        Stats("x").count("frames")
    with pytest.raises(ValueError, match="no gauge"):
        Stats("x").gauge("bartizan_frames_total", 1, stage="a", camera="b")


@pytest.mark.parametrize("labels", [{}, {"camera": "a"}, {"stage": "a", "camera": "b", "extra": "c"}])
def test_labels_that_are_not_agreed_on_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Stats("x").count("bartizan_frames_total", 1, **labels)


def test_something_that_is_no_snapshot_is_refused() -> None:
    with pytest.raises(MessageError, match="metrics cannot be read"):
        expose([{"process": "x"}])


def test_every_metric_is_named_as_prometheus_asks() -> None:
    for name, metric in METRICS.items():
        assert name.startswith("bartizan_")
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.kind is not Kind.HISTOGRAM or name.endswith("_seconds")
