from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND
from stages.capture.rate import RateLimit


def test_without_a_limit_every_frame_passes() -> None:
    limit = RateLimit(None)
    assert all(limit.passes(media_ns) for media_ns in range(5))


@pytest.mark.parametrize(("source", "wanted"), [(25, 5), (25, 10), (30, 7), (29.97, 10), (25, 25), (10, 30), (25, 0.5)])
def test_the_rate_holds_over_an_hour_without_drift(source: float, wanted: float) -> None:
    limit = RateLimit(wanted)
    passed = [media for i in range(int(source * 3600)) if limit.passes(media := int(i * SECOND / source))]
    assert abs(len(passed) - min(source, wanted) * 3600) <= 1
    gaps = [b - a for a, b in pairwise(passed)]
    assert max(gaps) - min(gaps) <= SECOND / source + 1
    if source % wanted == 0:
        assert max(gaps) - min(gaps) <= 1


@given(st.lists(st.integers(-6, 6), min_size=50, max_size=50))
def test_jitter_of_timestamps_costs_no_frame_at_the_sources_own_rate(jitter_ms: list[int]) -> None:
    limit = RateLimit(25)
    assert limit.passes(0)
    assert all(limit.passes((40 * (i + 1) + late) * SECOND // 1000) for i, late in enumerate(jitter_ms))
