"""What a model of normal said of an event, and the normal examples that are most like it."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lab.normal.examples import Album
from lab.normal.keeping import keep
from lab.normal.learning import learn
from lab.why.finding import Results
from lab.why.moment import moments
from lab.why.normal import crops, features, nearest, rarity
from lab.why.page import page
from lab.why.scene import View
from lab.why.text import text
from pipeline.errors import CannotStart, UsageError
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.alert.normal.dwell import Dwell
from stages.alert.normal.heading import Heading
from stages.alert.normal.store import EXEMPLARS, Stored
from tests.lab.normal.conftest import film
from tests.lab.normal.test_examples import frame


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A model of normal with examples."""
    clip, album = film(90, 1), Album()
    for seen in clip:
        album.look(frame(seen.index))
    learned = learn([clip], names=["person"], detector="d" * 64)
    folder = tmp_path_factory.mktemp("normal") / "gate"
    exemplars = album.examples([clip], ["person"])
    return keep(folder, "gate", learned.model, learned.calibration, learned.footage, exemplars=exemplars)


def unusual(stored: Stored, **changes: Any) -> Event:
    like = [
        {"crop": "00.jpg", "class": "person", "distance": 1.25, "speed": 1.1},
        {"crop": "gone.jpg", "class": "person", "distance": 2.5, "speed": 0.9},
    ]
    claim = {
        "time": 12.5,
        "predicate": "surprise",
        "value": 19.2,
        "comparison": ">=",
        "threshold": 15.0,
        "features": [
            {"feature": "speed", "value": 3.2, "unit": "px/s", "p": 0.0004, "quantile": 0.9996, "normal": 1.9},
            {"feature": "class", "value": 0.1, "unit": "", "p": 0.7, "quantile": 0.3},
        ],
        "normal": {"generation": stored.manifest.generation, "sha256": stored.digest},
        "nearest": like,
        **changes,
    }
    return sample_event(rule="anomaly", why=[claim])


def test_each_feature_stands_beside_what_is_normal(stored: Stored) -> None:
    assert list(features(unusual(stored))) == [
        ("speed", "3.2", "1.9", "99.96%", "1 in 2,500", "px/s"),
        ("class", "0.1", "", "30.00%", "usual", ""),
    ]


@pytest.mark.parametrize(
    ("p", "extrapolated", "words"),
    [(0.0004, False, "1 in 2,500"), (1e-9, True, "1 in 1,000,000,000 (extrapolated)"), (0.8, False, "usual")],
)
def test_how_rare_it_is_says_what_was_extrapolated(p: float, extrapolated: bool, words: str) -> None:
    assert rarity(p, extrapolated=extrapolated) == words


def test_a_way_that_nobody_goes_and_a_stay_beyond_the_longest_are_told_in_their_units(stored: Stored) -> None:
    found = [
        {"feature": "dwell", "value": 25.2, "unit": Dwell.unit, "p": 0.0002, "quantile": 0.9998, "normal": 20.8}
        | {"extrapolated": True},
        {"feature": "heading", "value": 180.0, "unit": Heading.unit, "p": 0.008, "quantile": 0.992},
    ]
    assert list(features(unusual(stored, features=found))) == [
        ("dwell", "25.2", "20.8", "99.98%", "1 in 5,000 (extrapolated)", "s since it was first seen"),
        ("heading", "180", "", "99.20%", "1 in 120", "degrees clockwise from rightwards"),
    ]


def test_the_nearest_examples_say_how_they_differ(stored: Stored) -> None:
    assert list(nearest(unusual(stored))) == [
        ("person 00.jpg", "1.25", "speed 1.1 (3.2)"),
        ("person gone.jpg", "2.5", "speed 0.9 (3.2)"),
    ]


def test_examples_that_are_still_there_are_shown_and_deleted_ones_are_not(stored: Stored) -> None:
    (crop,) = crops(unusual(stored), stored.path.parents[1])
    assert crop.pixels.ndim == 3
    assert crop.caption == "person 00.jpg, distance 1.25: speed 1.1 (3.2)"


def test_another_model_than_the_one_that_judged_is_refused(stored: Stored) -> None:
    folder = stored.path.parents[1]
    with pytest.raises(UsageError, match="generation 1 is not the one that judged this event"):
        crops(unusual(stored, normal={"generation": 1, "sha256": "0" * 64}), folder)
    with pytest.raises(UsageError, match="no model of normal has judged this event; its rule is in_field"):
        crops(sample_event(), folder)
    with pytest.raises(CannotStart):
        crops(unusual(stored), folder / "nowhere")


def test_an_example_that_was_changed_is_refused(stored: Stored) -> None:
    path = stored.path / EXEMPLARS / "00.jpg"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole + b"x")
        with pytest.raises(CannotStart, match="digest differs"):
            crops(unusual(stored), stored.path.parents[1])
    finally:
        path.write_bytes(whole)


def test_text_and_page_tell_both(stored: Stored, tmp_path: Path) -> None:
    event = unusual(stored)
    (tmp_path / "events.jsonl").write_bytes(msgspec.json.encode(event))
    results = Results(tmp_path / "events.jsonl", (event,))
    course, empty = results.find("1"), View(np.zeros((90, 160, 3), np.uint8), "")
    said = text(results, course)
    assert "What was unusual" in said
    assert "Most like it in normal time" in said
    assert f"generation 1, SHA-256 {stored.digest[:16]}" in said
    html = page(results, course, empty, moments(course), crops(event, stored.path.parents[1])).html()
    assert "person 00.jpg, distance 1.25" in html
    assert html.count("data:image/jpeg") == 2
