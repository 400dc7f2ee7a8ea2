"""Figures, calibration, mistakes, slices and comparisons on scenes small enough to work out by hand."""

from pathlib import Path

import numpy as np
import pytest

from lab.dataset.labelled import LabelledImage
from lab.evaluate.average_precision import Scores
from lab.evaluate.calibration import calibration, calibration_errors
from lab.evaluate.compare import compare, judge
from lab.evaluate.detect_charts import f1_chart
from lab.evaluate.figures import best_threshold, figures
from lab.evaluate.metric import metric_named
from lab.evaluate.mistakes import confusion, counts_of, mistakes, worst_alarms, worst_misses
from lab.evaluate.observation import Observation
from lab.evaluate.slices import slices
from lab.evaluate.vocabulary import match_names
from lab.statistics import Interval
from pipeline.detections import Detections
from pipeline.errors import UsageError

NAMES = ["person", "car"]
Box = tuple[float, float, float, float]
LARGE: Box = (0, 0, 120, 120)
MEDIUM: Box = (200, 0, 250, 50)
SMALL: Box = (300, 0, 320, 20)
FAR: Box = (400, 300, 440, 340)


def image(*boxes: tuple[Box, int], camera: str = "") -> LabelledImage:
    xyxy = np.array([box for box, _ in boxes], np.float32).reshape(-1, 4)
    return LabelledImage(Path("x.png"), (480, 640), xyxy, np.array([c for _, c in boxes], np.int32), camera)


def found(*boxes: tuple[Box, int, float]) -> Detections:
    xyxy = np.array([box for box, _, _ in boxes], np.float32).reshape(-1, 4)
    return Detections(
        xyxy, np.array([s for _, _, s in boxes], np.float32), np.array([c for _, c, _ in boxes], np.int32)
    )


def observation(*pairs: tuple[LabelledImage, Detections], brightness: list[float] | None = None) -> Observation:
    light = np.full(len(pairs), 100.0) if brightness is None else np.array(brightness)
    return Observation(match_names(NAMES, NAMES), tuple(i for i, _ in pairs), tuple(d for _, d in pairs), light)


SCENE = observation(
    # A hit, its double, a car called person, a miss that a weak box lies on.
    (
        image((LARGE, 0), (MEDIUM, 1), (SMALL, 0)),
        found((LARGE, 0, 0.9), ((4, 4, 124, 124), 0, 0.7), (MEDIUM, 0, 0.8), (SMALL, 0, 0.1)),
    ),
    # Badly placed, nothing there.
    (image((LARGE, 1)), found(((60, 0, 180, 120), 1, 0.6), (FAR, 1, 0.95))),
)


def test_every_mistake_is_of_its_kind() -> None:
    counts = counts_of(mistakes(SCENE, threshold=0.25))
    assert counts == {"wrong class": 1, "badly placed": 1, "double": 1, "nothing there": 1, "missed": 3}


def test_the_worst_come_first_and_once_a_picture() -> None:
    made = mistakes(SCENE, threshold=0.25)
    assert [(m.kind, m.picture) for m in worst_alarms(made, 5)] == [("nothing there", 1), ("wrong class", 0)]
    assert [(m.picture, m.xyxy) for m in worst_misses(made, 5)] == [(1, LARGE), (0, MEDIUM)]
    small = next(m for m in made if m.kind == "missed" and m.xyxy == SMALL)
    assert small.confidence == pytest.approx(0.1), "the weak box on it"


def test_confusion_has_a_row_for_what_is_there_and_a_column_for_what_was_found() -> None:
    counts = confusion(SCENE, threshold=0.25)
    assert counts.tolist() == [[1, 0, 1], [1, 0, 1], [1, 2, 0]]


def test_calibration_of_boxes_that_are_right_half_the_time() -> None:
    pairs = [
        (image((LARGE, 0)), found((LARGE, 0, 0.75), (FAR, 0, 0.75))),
        (image((LARGE, 0)), found((LARGE, 0, 0.75), (FAR, 0, 0.75), (SMALL, 0, 0.05))),
    ]
    scores = observation(*pairs).scores
    assert calibration(scores).error == pytest.approx(0.25), "0.75 sure, 0.5 right; the box under 0.1 is left out"
    assert calibration(scores).boxes.tolist() == [0, 0, 0, 0, 0, 0, 0, 4, 0, 0]
    assert calibration_errors(scores, np.array([[1.0, 0.0]]))[0] == pytest.approx(0.25)
    assert np.isnan(calibration_errors(scores, np.zeros((1, 2)))[0])


def test_figures_at_the_chosen_and_at_the_best_threshold() -> None:
    pairs = [(image((LARGE, 0)), found((LARGE, 0, 0.9), (FAR, 0, 0.3))) for _ in range(6)]
    scores = observation(*pairs).scores
    got = figures(scores, NAMES, threshold=0.2, rounds=20)
    assert best_threshold(scores) == pytest.approx(0.9)
    assert (got.best.precision.value, got.best.recall.value, got.best.f1.value) == pytest.approx((1, 1, 1))
    assert (got.chosen.precision.value, got.chosen.recall.value) == pytest.approx((0.5, 1))
    assert got.recall_at_precision[0.9].value == 1
    assert [each.name for each in got.classes] == ["person"], "a class without true boxes cannot be measured"
    assert (got.classes[0].ap.low, got.classes[0].ap.high) == pytest.approx((1, 1))


def test_figures_of_a_model_that_finds_nothing() -> None:
    got = figures(observation((image((LARGE, 0)), found())).scores, NAMES, threshold=0.25, rounds=10)
    assert (got.map.value, got.chosen.recall.value, got.best.threshold) == (0, 0, 1)
    assert np.isnan(got.chosen.precision.value)


def test_the_curve_over_confidence_is_drawn_at_even_steps() -> None:
    pairs = [(image((LARGE, 0)), found((LARGE, 0, 0.9), *((FAR, 0, 0.001 + i / 1e4) for i in range(500))))]
    line = f1_chart(observation(*pairs).scores, chosen=0.2, best=0.9).axes[0].lines[0]
    across, precision = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert np.diff(across).max() < 0.02
    assert precision[np.abs(across - 0.5).argmin()] == 1, "only the hit is that sure"
    assert across.max() <= 0.9, "nothing is surer"


def test_slices_by_size_count_only_objects_of_that_size() -> None:
    pair = (image((LARGE, 0), (MEDIUM, 0), (SMALL, 0)), found((LARGE, 0, 0.9), (SMALL, 0, 0.8), (FAR, 0, 0.7)))
    parts = {part.name.split()[0]: part for part in slices(observation(pair, pair), threshold=0.25, rounds=10)}
    assert {name: part.truths for name, part in parts.items()} == {"small": 2, "medium": 2, "large": 2}
    assert {name: part.recall.value for name, part in parts.items()} == {"small": 1, "medium": 0, "large": 1}
    assert parts["large"].map.value == pytest.approx(1), "the false alarm is of another size"


def test_slices_by_light_and_camera() -> None:
    good = (image((LARGE, 0), camera="gate"), found((LARGE, 0, 0.9)))
    bad = (image((LARGE, 0), camera="yard"), found())
    parts = slices(observation(*[good] * 5, *[bad] * 5, brightness=[120.0] * 5 + [30.0] * 5), threshold=0.25, rounds=10)
    got = {(part.kind, part.name): part.recall.value for part in parts if part.kind != "size"}
    assert got == {("light", "normal"): 1, ("light", "dark"): 0, ("camera", "gate"): 1, ("camera", "yard"): 0}


def scores_with_recall(share: float, *, pictures: int, seed: int) -> Scores:
    hits = np.random.default_rng(seed).random(pictures) < share
    return observation(*((image((LARGE, 0)), found((LARGE, 0, 0.9)) if hit else found()) for hit in hits)).scores


def test_a_comparison_of_equal_models_differs_by_nothing() -> None:
    scores = scores_with_recall(0.8, pictures=50, seed=1)
    (only,) = compare(scores, scores, [metric_named("recall@0.9")], rounds=50)
    assert (only.difference.value, only.difference.low, only.difference.high) == (0, 0, 0)


def test_few_pictures_cannot_tell_and_many_can() -> None:
    metric = [metric_named("recall@0.5")]
    few = compare(scores_with_recall(0.8, pictures=20, seed=1), scores_with_recall(0.8, pictures=20, seed=2), metric)
    assert judge(few[0].difference, tolerance=0.05) == "cannot tell"
    a, b = scores_with_recall(0.9, pictures=600, seed=1), scores_with_recall(0.6, pictures=600, seed=2)
    assert judge(compare(a, b, metric, rounds=200)[0].difference, tolerance=0.05) == "worse"
    assert judge(compare(b, a, metric, rounds=200)[0].difference, tolerance=0.0) == "not worse"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.01, 0.03, "not worse"), (-0.03, 0.05, "cannot tell"), (-0.09, -0.03, "worse"), (-0.015, -0.005, "not worse"),
     (float("nan"), float("nan"), "cannot tell")],
)  # fmt: skip
def test_the_verdict_follows_the_interval(low: float, high: float, verdict: str) -> None:
    assert judge(Interval((low + high) / 2, low, high), tolerance=0.02) == verdict


@pytest.mark.parametrize("name", ["recall", "recall@", "recall@0", "recall@1.5", "f1", "map75", "precision@90"])
def test_a_metric_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected map, map50, recall@P"):
        metric_named(name)
