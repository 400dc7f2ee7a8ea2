from dataclasses import replace

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.normal.dwell import Dwell
from stages.alert.normal.feature import looks
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.observed import Observed
from tests.stages.alert.normal.conftest import frame
from tests.stages.alert.normal.street import walker


def clip(stays: list[tuple[float, float]], seconds: float) -> list[Observed]:
    """One frame a second; each is there from and until."""
    return [
        frame(n, [walker(0.5, 0.6, 1 + k) for k, (start, end) in enumerate(stays) if start <= n <= end], fps=1.0)
        for n in range(int(seconds))
    ]


def learned(*clips: list[Observed]) -> Dwell:
    found = Dwell.learn(Lessons.of(clips, [], classes=1))
    assert found is not None
    return found


def said(dwell: Dwell, seen: list[Observed]) -> list[tuple[float, float]]:
    told = [dwell.look(each) for each in looks(seen)]
    return [(float(each.value[0]), float(each.surprise[0])) for each in told if each is not None and len(each.value)]


PASSING = clip([(5.0 * n, 5.0 * n + 6 + n % 5) for n in range(60)], 330)


def test_it_counts_from_when_somebody_was_first_seen_through_gaps() -> None:
    seen = [each for each in clip([(3, 30)], 40) if not 10 < each.index < 20]
    assert [value for value, _ in said(learned(PASSING), seen)][-1] == 27


def test_who_stays_longer_than_anybody_surprises_ever_more() -> None:
    surprises = [surprise for _, surprise in said(learned(PASSING), clip([(0, 60)], 60))]
    assert surprises == sorted(surprises)
    assert surprises[5] == 0
    assert surprises[10] == pytest.approx(np.log(5), abs=0.4)
    assert surprises[59] > 10


def test_a_clip_that_ends_early_does_not_make_long_stays_rare() -> None:
    short = [clip([(0, 30)], 8) for _ in range(10)]
    for value, surprise in said(learned(*short), clip([(0, 30)], 8)):
        assert surprise == 0, value


def test_what_one_in_a_hundred_reaches_is_told_where_it_can_be() -> None:
    assert learned(PASSING).rare(0.5, (0, 0, 1, 1)) == pytest.approx(8, abs=1)
    assert learned(clip([(0, 30)], 8)).rare(0.01, (0, 0, 1, 1)) is None


def test_footage_that_was_cut_tells_how_long_things_last_by_what_was_not_cut() -> None:
    long = clip([(10.0 * n, 10.0 * n + 120) for n in range(60)], 800)
    cut = [long[start : start + 20] for start in range(0, 800, 200)]
    whole = Dwell.learn(Lessons.of(cut, [], classes=1, whole=[long]))
    assert whole is not None
    assert said(whole, clip([(0, 110)], 110))[-1] == (109, 0)


def test_without_anybody_nothing_is_learned() -> None:
    assert Dwell.learn(Lessons.of([clip([], 9)], [], classes=1)) is None


def test_single_minutes_of_footage_tell_how_long_things_last_where_it_is_known_since_when() -> None:
    """Nine in ten pass by within a minute, the tenth stays for up to 25: no minute by itself shows that."""
    random = np.random.default_rng(1)
    starts = np.cumsum(random.exponential(12.0, 600)) - 1500
    stays = [random.uniform(20, 50) if random.random() < 0.9 else random.uniform(300, 1500) for _ in starts]
    spans = [(start, start + stay) for start, stay in zip(starts.tolist(), stays, strict=True) if start + stay > 0]
    seconds = 5400
    day = [
        replace(
            frame(
                now, [walker(0.5, 0.6, 1 + k) for k, (start, end) in enumerate(spans) if start <= now <= end], fps=1.0
            ),
            first_ns=np.array([round(start * SECOND) for start, end in spans if start <= now <= end], np.int64),
        )
        for now in range(seconds)
    ]
    minutes = learned(*(day[start : start + 60] for start in range(0, seconds, 180)))
    truth = [-np.log(np.mean(np.array(stays) >= each)) for each in (60, 300, 900)]
    assert minutes.survival.of_values(np.array([60.0, 300.0, 900.0])) == pytest.approx(truth, abs=0.7)
    blind = learned(*([replace(each, first_ns=None) for each in day[at : at + 60]] for at in range(0, seconds, 180)))
    assert blind.survival.of_values(np.array([60.0]))[0] < truth[0] - 1
