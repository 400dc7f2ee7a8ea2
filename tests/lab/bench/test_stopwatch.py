"""Times taken in turn, and what the contenders look at."""

from pathlib import Path

import numpy as np

from lab.bench.agreement import agreement
from lab.bench.machine import facts
from lab.bench.measure import Result
from lab.bench.pictures import from_video, made_up, of_one_shape
from lab.bench.stopwatch import Times, race
from lab.bench.table import remarks
from pipeline.detections import Detections
from tests.lab.bench.test_command import run


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4].copy(), table[:, 4].copy(), table[:, 5].astype(np.int32))


def test_runners_take_turns_and_each_begins_some() -> None:
    calls: list[tuple[int, int]] = []
    times = race([lambda turn, own=own: calls.append((own, turn)) for own in range(3)], turns=4, warm_up=1)  # type: ignore[misc]
    assert len(calls) == 15
    assert [calls[3 * turn][0] for turn in range(5)] == [0, 1, 2, 0, 1]
    assert all({own for own, of in calls if of == turn} == {0, 1, 2} for turn in range(5))
    assert [each.turns for each in times] == [4, 4, 4]


def test_work_is_told_from_idleness_by_what_the_processor_spent() -> None:
    (busy,) = race([lambda _: sum(range(200_000))], turns=5)
    assert busy.cpu_ms > 0
    assert busy.best_ms <= busy.median_ms <= busy.high_ms


def test_a_busy_machine_is_remarked_upon() -> None:
    from lab.bench.contenders import Contender

    steady, shaken = Times(10, 9, 9.5, 10.5, 10, 40), Times(10, 9, 9, 16, 10, 40)
    contender = Contender(Path("x.pt"), "cpu", "torch", "f32")
    assert remarks([Result(contender, alone=steady)], {"load": 0.1}) == []
    (load,) = remarks([Result(contender, alone=steady)], {"load": 1.5})
    assert "busy" in load
    (spread,) = remarks([Result(contender, alone=shaken)], {"load": 0.1})
    assert "compare ratios" in spread


def test_a_box_just_below_the_threshold_counts_as_found() -> None:
    one = boxes((0, 0, 10, 10, 0.26, 0), (20, 20, 40, 40, 0.9, 1))
    other = boxes((0, 0, 10, 10, 0.24, 0), (20, 20, 40, 40, 0.8, 1))
    assert agreement([one], [other]) == 1
    assert agreement([one], [boxes((20, 20, 40, 40, 0.8, 0))]) == 0
    assert np.isnan(agreement([boxes()], [boxes()]))


def test_frames_are_spread_over_the_recording(video: Path) -> None:
    frames = from_video(video, 4)
    assert [round(float(frame.mean()) / 8) for frame in frames] == [0, 10, 19, 29]
    assert len(from_video(video, 100)) == 30


def test_a_batch_is_made_of_pictures_of_one_shape() -> None:
    small, large = np.zeros((4, 5, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)
    assert [picture.shape for picture in of_one_shape([large, small, small])] == [(4, 5, 3)] * 2


def test_made_up_pictures_are_the_same_each_time() -> None:
    assert all(np.array_equal(one, other) for one, other in zip(made_up(2), made_up(2), strict=True))


def test_the_machine_says_what_it_is() -> None:
    assert {"processor", "cores", "bf16", "gpu", "versions", "load"} <= set(facts())


def test_help_names_what_is_printed() -> None:
    assert "Milliseconds a frame" in " ".join(run("--help").output.split())
