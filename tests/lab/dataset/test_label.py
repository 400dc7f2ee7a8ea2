"""Teachers agree, people win, and what is doubtful is left to people."""

import json
from pathlib import Path

import numpy as np
import pytest

from lab.dataset.completion import Policy, complete
from lab.dataset.fusion import fuse
from lab.dataset.label import label, policy_for
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.pseudo import Origin, fused_labels
from lab.dataset.yolo_format import read
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Picture
from tests.lab.dataset.conftest import Boxes, Seer

HERE = (100, 100, 200, 300, 0)
NEAR = (105, 100, 205, 300, 0)
ELSEWHERE = (400, 100, 500, 300, 0)
ALL_OURS = Policy((0, 1, 2), {}, frozenset({0, 1, 2}))


def labelled(boxes: Boxes) -> LabelledImage:
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    return LabelledImage(Path("x.png"), (480, 640), rows[:, :4], rows[:, 4].astype(np.int32))


def view(*boxes: tuple[float, float, float, float, int, float]) -> Detections:
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 5], rows[:, 4].astype(np.int32))


def test_fused_boxes_lie_where_the_sure_ones_do() -> None:
    fused = fuse([view((0, 0, 100, 100, 1, 0.9)), view((10, 0, 110, 100, 1, 0.3)), view((0, 0, 100, 100, 2, 0.5))])

    assert fused.class_id.tolist() == [1, 2]
    np.testing.assert_allclose(fused.xyxy[0], [2.5, 0, 102.5, 100], atol=1e-4)
    np.testing.assert_allclose(fused.votes, [[0.9, 0.3, 0], [0, 0, 0.5]])


def test_nothing_seen_fuses_to_nothing() -> None:
    assert len(fuse([Detections.empty(), Detections.empty()])) == 0


def test_what_two_teachers_see_is_kept_and_what_one_sees_is_for_review(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([HERE, ELSEWHERE], [0.6, 0.6]), Seer([NEAR], [0.5])])

    assert list(zip(found.origin, found.kept.tolist(), strict=True)) == [(Origin.AGREED, True), (Origin.SINGLE, False)]
    assert 100 < found.xyxy[0, 0] < 105
    assert found.confidence[0] == pytest.approx(0.55)


def test_one_teacher_who_is_very_sure_may_decide_alone(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([HERE], [0.85]), Seer([], [])])

    assert found.origin == (Origin.SINGLE,)
    assert found.kept.tolist() == [True]


def test_a_class_that_one_teacher_alone_knows_needs_no_second(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([HERE], [0.5]), Seer([], [], knows=(1, 2))])

    assert found.kept.tolist() == [True]


def test_boxes_too_far_apart_are_not_agreed(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([(0, 0, 100, 100, 0)], [0.6]), Seer([(40, 0, 140, 100, 0)], [0.6])])

    assert found.origin == (Origin.SINGLE, Origin.SINGLE)
    assert not found.kept.any()


def test_of_two_names_for_one_object_the_surer_stands(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([(*HERE[:4], 1)], [0.5]), Seer([(*HERE[:4], 2)], [0.7])])

    assert found.origin == (Origin.DISPUTED,)
    assert found.class_id.tolist() == [2]


def test_pictures_are_not_enlarged_beyond_use(blank: Picture) -> None:
    seer = Seer([], [])

    fused_labels(blank, [seer], sizes=(1280, 960, 640))
    fused_labels(blank[:100, :100], [seer], sizes=(1280, 640))

    assert seer.asked == [(640, 960), (640,)]


def test_a_persons_box_wins_over_a_teachers(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([HERE, ELSEWHERE], [0.9, 0.9])])

    done = complete(labelled([NEAR]), found, ALL_OURS)

    assert done.origin == (Origin.HUMAN, Origin.SINGLE)
    assert done.xyxy[0].tolist() == list(NEAR[:4])
    assert done.xyxy[1].tolist() == list(ELSEWHERE[:4])


def test_a_class_that_people_labelled_is_not_filled_but_its_extras_are_for_review(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([ELSEWHERE], [0.9])])

    done = complete(labelled([HERE]), found, Policy((0,), {}, frozenset({1})))

    assert done.kept.tolist() == [True, False]


def test_teachers_say_what_kind_of_vehicle_a_persons_box_holds(blank: Picture) -> None:
    policy = policy_for(
        ["Vehicle"], ["person", "car", "bus"], renamed={}, types={"Vehicle": ["car", "bus"]}, completed=()
    )
    found = fused_labels(blank, [Seer([(*HERE[:4], 2), (*ELSEWHERE[:4], 0)], [0.5, 0.9])])

    done = complete(labelled([(*NEAR[:4], 0), (*ELSEWHERE[:4], 0)]), found, policy)

    assert done.class_id[:2].tolist() == [2, 1]
    assert done.xyxy[0].tolist() == list(NEAR[:4])


def test_boxes_inside_a_group_drawn_as_one_are_not_added(blank: Picture) -> None:
    found = fused_labels(blank, [Seer([(120, 120, 150, 200, 0)], [0.9])])

    assert len(complete(labelled([HERE]), found, ALL_OURS)) == 1


def test_a_class_that_is_nowhere_is_asked_about() -> None:
    with pytest.raises(UsageError, match="--map Vehicle=car"):
        policy_for(["Vehicle"], ["car"], renamed={}, types={}, completed=())
    with pytest.raises(UsageError, match="did you mean 'Vehicle'"):
        policy_for(["Vehicle"], ["car"], renamed={"vehicle": "car"}, types={}, completed=())


def test_labels_origins_and_review_tell_one_story(dataset: Dataset, tmp_path: Path) -> None:
    policy = policy_for(dataset.names, ["car", "person", "dog"], renamed={}, types={}, completed=())
    seer = Seer([(100, 60, 150, 110, 2), (10, 60, 40, 110, 2)], [0.9, 0.2])

    outcome = label(dataset, [seer], policy, ["car", "person", "dog"], tmp_path / "out")

    data = read(outcome.yaml)
    origins = json.loads((tmp_path / "out" / "origins.json").read_text())
    assert data.names == ("car", "person", "dog")
    for image in data:
        said = origins[image.path.relative_to(tmp_path / "out").as_posix()]
        assert [data.names[number] for number in image.class_id] == [box["class"] for box in said]
        np.testing.assert_allclose(image.xyxy, [box["xyxy"] for box in said], atol=0.02)
    assert outcome.boxes == {"human": 7, "single": 6}
    tasks = json.loads((tmp_path / "out" / "review.json").read_text())
    assert outcome.review == len(tasks) == 6
    proposed = tasks[0]["predictions"][0]["result"]
    assert [box["meta"]["text"][0] for box in proposed] == ["human", "single", "single, not in the labels"]
