import pytest

from pipeline.clock import SECOND
from stages.record.gops import GopRing
from tests.stages.record.conftest import MakeStream

PLENTY = 10_000_000


def test_what_is_held_covers_the_pre_roll_and_begins_with_a_key_frame(stream: MakeStream) -> None:
    _, arrivals = stream(frames=100)
    ring = GopRing(pre_roll_ns=3 * SECOND, most_bytes=PLENTY)
    for arrival in arrivals:
        ring.add(arrival)
        held = list(ring.since(0))
        assert held[0].packet.is_keyframe
        assert held[0].at_ns <= max(arrival.at_ns - 3 * SECOND, 0)
        assert held[-1] is arrival
        assert arrival.at_ns - held[0].at_ns <= 5 * SECOND, "more is held than the pre-roll and two groups"


def test_from_a_moment_on_means_from_the_key_frame_before_it(stream: MakeStream) -> None:
    _, arrivals = stream(frames=60)
    ring = GopRing(pre_roll_ns=10 * SECOND, most_bytes=PLENTY)
    for arrival in arrivals:
        ring.add(arrival)
    assert next(iter(ring.since(round(2.5 * SECOND)))).at_ns == 2 * SECOND
    assert next(iter(ring.since(2 * SECOND))).at_ns == 2 * SECOND
    assert next(iter(ring.since(-5 * SECOND))).at_ns == 0


def test_what_comes_before_the_first_key_frame_is_not_kept(stream: MakeStream) -> None:
    _, arrivals = stream(frames=30)
    ring = GopRing(pre_roll_ns=10 * SECOND, most_bytes=PLENTY)
    for arrival in arrivals[5:]:
        ring.add(arrival)
    assert next(iter(ring.since(0))).at_ns == SECOND


def test_memory_is_bounded_and_that_the_pre_roll_is_shorter_is_said_once(
    stream: MakeStream, caplog: pytest.LogCaptureFixture
) -> None:
    _, arrivals = stream(frames=100)
    group = sum(each.packet.size for each in arrivals[:10])
    ring = GopRing(pre_roll_ns=8 * SECOND, most_bytes=3 * group)
    for arrival in arrivals:
        ring.add(arrival)
        assert ring.size <= 3 * group
    assert ring.size == sum(each.packet.size for each in ring.since(0))
    assert len([line for line in caplog.messages if "ring_mb" in line]) == 1


def test_after_an_interruption_it_begins_again_with_a_key_frame(stream: MakeStream) -> None:
    _, arrivals = stream(frames=40)
    ring = GopRing(pre_roll_ns=10 * SECOND, most_bytes=PLENTY)
    for arrival in arrivals[:15]:
        ring.add(arrival)
    ring.clear()
    for arrival in arrivals[15:]:
        ring.add(arrival)
    assert next(iter(ring.since(0))).at_ns == 2 * SECOND
