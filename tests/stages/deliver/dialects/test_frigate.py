"""Frigate's messages: every field of its tables, the facts of ours, and nothing that nobody knows."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipeline.messages import BestFrame, Event
from stages.deliver.dialects.table import DIALECTS
from tests.stages.deliver.dialects.telling import END, START, STORY, UPDATE, scene

OBJECT_FIELDS = """
id camera frame_time snapshot label sub_label top_score false_positive start_time end_time score box area ratio region
current_zones entered_zones has_snapshot has_clip active stationary motionless_count position_changes attributes
current_attributes pending_loitering max_severity current_estimated_speed average_estimated_speed velocity_angle
path_data recognized_license_plate recognized_license_plate_score thumbnail
"""
SNAPSHOT_FIELDS = {"frame_time", "box", "area", "region", "score", "attributes"}
REVIEW_FIELDS = {"id", "camera", "start_time", "end_time", "severity", "thumb_path", "data"}
DATA_FIELDS = "detections objects verified_objects sub_labels zones audio thumb_time metadata"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


def told(dialect: str, *story: Event) -> list[dict[str, Any]]:
    """What is sent for each message of an event."""
    return [json.loads(DIALECTS[dialect].body(event, story[:place])) for place, event in enumerate(story)]


def test_every_message_has_the_fields_of_the_tables_and_no_others() -> None:
    for message in told("frigate", *STORY):
        assert set(message) == {"type", "before", "after"}
        assert set(message["before"]) == set(message["after"]) == set(OBJECT_FIELDS.split())
        assert set(message["after"]["snapshot"]) == SNAPSHOT_FIELDS
    for message in (*told("frigate_reviews", *STORY), *told("frigate_reviews", scene())):
        assert set(message) == {"type", "before", "after"}
        for review in (message["before"], message["after"]):
            assert set(review) == REVIEW_FIELDS
            assert set(review["data"]) == set(DATA_FIELDS.split())


def test_an_event_read_back_from_its_messages_says_the_same() -> None:
    new, update, end = told("frigate", *STORY)
    assert [message["type"] for message in (new, update, end)] == ["new", "update", "end"]
    for message, event in zip((new, update, end), STORY, strict=True):
        after, thing = message["after"], event.object
        assert thing is not None
        assert (after["camera"], after["label"], after["score"]) == (event.camera, thing.class_name, thing.confidence)
        assert tuple(after["box"]) == thing.box_px
        assert after["region"] == [0, 0, 768, 576]
        assert after["frame_time"] == pytest.approx(NOON - 10.0 + event.media_time, abs=1e-5)
        assert after["start_time"] == pytest.approx(NOON - 10.0 + event.started, abs=1e-5)
        back = [((x, y), at_s - (NOON - 10.0)) for (x, y), at_s in after["path_data"]]
        assert [(x, y) for (x, y), _ in back] == [(x, y) for x, y, _ in thing.path]
        assert [at_s for _, at_s in back] == pytest.approx([at_s for *_, at_s in thing.path], abs=1e-5)
    assert [message["after"]["end_time"] for message in (new, update, end)] == [None, None, NOON + 10.0]


def test_before_is_what_the_message_before_said_and_in_the_beginning_nothing_was_entered() -> None:
    new, update, end = told("frigate", *STORY)
    assert update["before"] == new["after"]
    assert end["before"] == update["after"]
    assert (new["before"]["entered_zones"], new["after"]["entered_zones"]) == ([], ["yard"])
    assert (new["before"]["false_positive"], new["after"]["false_positive"]) == (True, False)
    assert (new["before"]["has_snapshot"], new["after"]["has_snapshot"]) == (False, True)
    assert end["after"]["current_zones"] == []
    assert end["after"]["entered_zones"] == ["yard"]


def test_the_best_picture_of_an_end_takes_the_place_of_the_snapshot() -> None:
    best = BestFrame(
        frame=161,
        media_time=16.0,
        track_id=7,
        confidence=0.97,
        box_px=(300.0, 200.0, 400.0, 400.0),
        box=(300 / 768, 200 / 576, 400 / 768, 400 / 576),
        score=137.2,
    )
    end = msgspec.structs.replace(END, best=[best], evidence={"best": "media/sample-gate-3.jpg"})
    after = told("frigate", START, UPDATE, end)[-1]["after"]
    assert after["snapshot"]["box"] == [300, 200, 400, 400]
    assert after["snapshot"]["frame_time"] == pytest.approx(NOON + 6.0, abs=1e-5)
    assert (after["snapshot"]["score"], after["has_snapshot"]) == (0.97, True)
    assert after["box"] != after["snapshot"]["box"]
    review = told("frigate_reviews", START, UPDATE, end)[-1]["after"]
    assert review["thumb_path"] == "media/sample-gate-3.jpg"
    assert review["data"]["thumb_time"] == pytest.approx(NOON + 6.0, abs=1e-5)


def test_ids_have_the_form_of_frigates_and_the_beginning_of_ours() -> None:
    ids = {message[side]["id"] for message in told("frigate", *STORY) for side in ("before", "after")}
    (one,) = ids
    assert re.fullmatch(r"\d+\.\d{6}-[a-z0-9]{6}", one)
    assert START.id.startswith(one.partition("-")[2])
    reviews = {message["after"]["id"] for message in told("frigate_reviews", *STORY)}
    (review,) = reviews
    assert review != one
    assert re.fullmatch(r"\d+\.\d{6}-[a-z0-9]{6}", review)
    assert told("frigate_reviews", START)[0]["after"]["data"]["detections"] == [one]


def test_the_highest_severity_of_an_event_counts_and_four_become_two() -> None:
    severities = [message["after"]["severity"] for message in told("frigate_reviews", *STORY)]
    assert severities == ["detection", "alert", "alert"]
    assert [message["after"]["max_severity"] for message in told("frigate", *STORY)] == severities
    for severity, word in {"low": "detection", "medium": "detection", "high": "alert", "critical": "alert"}.items():
        event = msgspec.structs.replace(START, severity=severity)
        assert told("frigate_reviews", event)[0]["after"]["severity"] == word


def test_a_covered_camera_is_a_review_and_no_object() -> None:
    assert not DIALECTS["frigate"].tells(scene())
    assert DIALECTS["frigate_reviews"].tells(scene())
    (message,) = told("frigate_reviews", scene(msgspec.structs.replace(START, severity="critical")))
    assert message["after"]["data"]["objects"] == ["camera_health"]
    assert (message["after"]["severity"], message["after"]["thumb_path"]) == ("alert", None)


def test_a_recording_without_start_time_counts_from_1970_and_makes_no_hour_up() -> None:
    timeless = msgspec.structs.replace(START, wall_time=None)
    (message,) = told("frigate", timeless)
    assert message["after"]["id"] == "10.400000-73c285"
    assert (message["after"]["start_time"], message["after"]["frame_time"]) == (10.4, 12.5)


def test_a_message_whose_earlier_ones_are_gone_is_still_told() -> None:
    message = json.loads(DIALECTS["frigate"].body(UPDATE))
    assert (message["type"], message["before"]["entered_zones"]) == ("update", [])
    with pytest.raises(ValueError, match="has no object"):
        DIALECTS["frigate"].body(scene())
    gone = msgspec.structs.replace(END, object=None)
    assert json.loads(DIALECTS["frigate"].body(gone, STORY[:2]))["after"]["label"] == "person"
