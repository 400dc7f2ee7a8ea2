"""The detection behind an event, explained on its own frame."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.explain.explanation import Effort
from lab.why.saliency import explained, said
from pipeline.configuration.analysis import content_sha256
from pipeline.errors import UsageError
from pipeline.messages import Event, EventObject
from pipeline.models import find
from pipeline.store.sample_event import sample_event

CAMPUS = Path(__file__).parents[3] / "sample_videos" / "campus.mp4"
PERSON = EventObject(
    class_name="person",
    track_id=2,
    confidence=0.747616,
    box_px=(374.309387, 183.065887, 400.19696, 261.2612),
    box=(0.487382, 0.317823, 0.52109, 0.453578),
    path=[],
)
"""As the demo tells it at frame 122."""


@pytest.fixture(scope="module")
def model() -> dict[str, str]:
    return {"name": "bartizan-n", "sha256": content_sha256(find("bartizan-n"))}


def event(model: dict[str, str], **changes: Any) -> Event:
    return sample_event(**{"object": PERSON, "frame": 122, "model": model, **changes})


@pytest.mark.slow
def test_the_object_of_the_event_is_found_on_its_frame_and_its_map_is_put_to_the_test(model: dict[str, str]) -> None:
    picture, explanation = explained(event(model), CAMPUS, masks=48, effort=Effort(steps=3, rivals=19))
    assert picture.shape == (576, 768, 3)
    assert explanation.target.xyxy == pytest.approx(np.array(PERSON.box_px), abs=8)
    assert explanation.verdict.curves.deleted < explanation.verdict.curves.inserted
    assert said(explanation).startswith("Saliency of person 0.")


def test_an_event_about_the_scene_has_no_detection(model: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="about no detected object"):
        explained(event(model, object=None), CAMPUS)


def test_a_detector_without_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="'motion' is none of the models"):
        explained(event({"name": "motion", "sha256": ""}), CAMPUS)


def test_a_detector_that_has_changed_since_is_refused() -> None:
    with pytest.raises(UsageError, match="not the detector of this event any more"):
        explained(event({"name": "bartizan-n", "sha256": "0" * 64}), CAMPUS)


def test_a_picture_of_another_size_is_refused(model: dict[str, str], tmp_path: Path) -> None:
    import cv2

    (tmp_path / "crop.png").write_bytes(cv2.imencode(".png", np.zeros((40, 30, 3), np.uint8))[1].tobytes())
    with pytest.raises(UsageError, match="is 30x40, the event was raised on 768x576"):
        explained(event(model), tmp_path / "crop.png")
