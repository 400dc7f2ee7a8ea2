"""How an event is told: the messages of one camera, built from the changes of its episodes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from pipeline.clock import SECOND
from pipeline.messages import BestFrame, Event, EventObject, Frame
from stages.alert.episode import Episode
from stages.alert.identity import event_id, message_id
from stages.alert.options import Anchor
from stages.alert.rule import WHOLE_SCENE, CameraRule
from stages.alert.scene import anchor_points
from stages.alert.sighting import PATH, Box, Sighting
from stages.alert.views import CLEARLY, View, best_first
from stages.alert.watch import Change, End

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ENDINGS: dict[End, str] = {
    "left": "{who} is gone",
    "lost": "{who} is not seen any more",
    "momentary": "{who} is done",
    "end_of_stream": "the video ends and {who} had not left",
    "evidence_lost": "{who} cannot be checked any more (evidence_lost), the camera is away",
}


class Account:
    """Names, numbers and words of one camera's events."""

    def __init__(
        self,
        camera: str,
        *,
        analysis_sha256: str,
        origin: str,
        version: str = "",
        clips: bool = False,
        live: bool = False,
    ) -> None:
        """``origin``: what the frames are, see ``identity.origin``. ``version``: of Bartizan. ``clips``: whether the
        camera's events have one. ``live``: pictures of frames that are past are kept, and need not wait for the end."""
        self._camera = camera
        self._analysis_sha256 = analysis_sha256
        self._origin = origin
        self._version = version
        self._clips = clips
        self._live = live

    def tell(
        self,
        change: Change,
        *,
        frame: Frame,
        media_ns: int,
        wall_ns: int | None,
        ordinal: int,
        names: list[str],
        model: dict[str, str],
        sightings: Mapping[int, Sighting],
    ) -> Event:
        """The message for a change, decided at ``frame`` or, after it, at ``media_ns``. Names a new event."""
        options, episode = change.rule.options, change.episode
        sighting = sightings.get(episode.subject)
        if change.kind == "start":
            episode.event = event_id(
                analysis_sha256=self._analysis_sha256,
                origin=self._origin,
                camera=self._camera,
                rule=options.rule,
                name=options.title,
                track_id=sighting.track_id if sighting else episode.subject,
                frame=frame.index,
                occasion=episode.occasion,
            )
        name = message_id(event=episode.event, kind=change.kind, ordinal=ordinal)
        views = self._views(change, sighting)
        return Event(
            id=episode.event,
            message_id=name,
            type=change.kind,
            camera=self._camera,
            rule=options.rule,
            name=options.title,
            severity=options.severity,
            ordinal=ordinal,
            media_time=_seconds(media_ns),
            started=_seconds(episode.started_ns),
            frame=frame.index + 1,
            wall_time=None if wall_ns is None else rfc3339(wall_ns),
            reason=_sentence(change, sighting, names, media_ns),
            ended=change.ended or "",
            object=self._describe(sighting, episode, names, frame, options.anchor),
            also_about=list(change.episode.also_about),
            best=[_best(view) for view in views],
            region=change.rule.region(),
            score_history=[(_number(t), _number(c)) for t, c in sighting.scores] if sighting else [],
            why=change.why,
            evidence=self._evidence(change, name, views),
            model=model,
            analysis_sha256=self._analysis_sha256,
            version=self._version,
            correlation_id=f"{self._camera}/{frame.session}/{frame.index}",
        )

    def _views(self, change: Change, sighting: Sighting | None) -> list[View]:
        """What an end says of its object, and an update of a live camera if it was seen clearly better since."""
        views, episode = best_first(change.episode.views), change.episode
        if sighting is None or not views or change.kind == "start":
            return []
        if change.kind == "update" and (not self._live or views[0].score <= CLEARLY * episode.shown):
            return []
        episode.shown = views[0].score
        return views

    def _evidence(self, change: Change, name: str, views: list[View]) -> dict[str, str]:
        """What proves it: the start has a snapshot, if there was a picture, a message that names the best frames the
        best picture, and the whole event a clip."""
        snapshot = {"snapshot": f"media/{name}.jpg"} if change.kind == "start" and change.pictured else {}
        clip = {"clip": f"media/{self._camera}/{change.episode.event}.mp4"} if self._clips else {}
        best = {"best": f"media/{name}.jpg", "crop": f"media/{name}.crop.jpg"} if views else {}
        return snapshot | best | clip

    def _describe(
        self, sighting: Sighting | None, episode: Episode, names: list[str], frame: Frame, anchor: Anchor
    ) -> EventObject | None:
        if sighting is not None:
            return describe_object(sighting, names, anchor)
        return None if episode.place is None else describe_place(episode.place, frame)


def class_name(names: list[str], class_id: int) -> str:
    """The detector's name for a class, or its number where it has none."""
    return names[class_id] if 0 <= class_id < len(names) else f"class {class_id}"


def describe_object(sighting: Sighting, names: list[str], anchor: Anchor) -> EventObject:
    """What an event is about, as it was last seen."""
    return EventObject(
        class_name=class_name(names, sighting.class_id),
        track_id=sighting.track_id,
        confidence=_number(sighting.confidence),
        box_px=_box(sighting.box_px),
        box=_box(sighting.box),
        path=_path(sighting, anchor),
        attributes=sighting.attributes,
    )


def _best(view: View) -> BestFrame:
    return BestFrame(
        frame=view.index + 1,
        media_time=_seconds(view.media_ns),
        track_id=view.track_id,
        confidence=_number(view.confidence),
        box_px=_box(view.box_px),
        box=_box(view.box),
        score=_number(view.score),
    )


def describe_place(place: Box, frame: Frame) -> EventObject:
    """A thing that no detector named: ``object`` without a track, with a place alone."""
    left, top, right, bottom = place
    pixels = (left * frame.width, top * frame.height, right * frame.width, bottom * frame.height)
    return EventObject(class_name="object", track_id=0, confidence=0.0, box_px=_box(pixels), box=_box(place), path=[])


def rfc3339(wall_ns: int) -> str:
    """UTC nanoseconds since 1970 as ``2026-11-21T08:00:00.123456Z`` (RFC 3339)."""
    moment = _EPOCH + timedelta(microseconds=wall_ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _path(sighting: Sighting, anchor: Anchor) -> list[tuple[float, float, float]]:
    """The remembered way and where it is now, at most ``PATH`` points."""
    steps = sighting.path[-(PATH - 1) :]
    if not steps or steps[-1][0] < sighting.last_ns / SECOND:
        steps = [*steps, (sighting.last_ns / SECOND, sighting.box)]
    points = anchor_points(np.array([box for _, box in steps], np.float64), anchor).tolist()
    return [(_number(x), _number(y), _number(time)) for (time, _), (x, y) in zip(steps, points, strict=True)]


def _sentence(change: Change, sighting: Sighting | None, names: list[str], media_ns: int) -> str:
    subject, rule = change.episode.subject, change.rule
    who = "the scene" if subject == WHOLE_SCENE else rule.name(subject) if isinstance(rule, CameraRule) else "something"
    if sighting is not None:
        who = f"{class_name(names, sighting.class_id)} {sighting.track_id}"
    told = change.rule.describe(who, change.claim) if change.claim is not None else ""
    lasted = f"{(media_ns - change.episode.started_ns) / SECOND:.1f} s"
    match change.kind:
        case "start":
            return told
        case "update":
            return f"{told}, {lasted} after the start"
    if change.ended == "momentary":
        return told
    where = f"{change.rule.options.rule} {change.rule.options.title!r}"
    return f"{_ENDINGS[change.ended or 'left'].format(who=who)}: {where} ends {lasted} after its start"


def _seconds(time_ns: int) -> float:
    return round(time_ns / SECOND, 6)


def _number(value: Any) -> float:
    """Rounded to a millionth; never ``-0.0``, which would print differently from 0.0."""
    return round(float(value), 6) + 0.0


def _box(box: Box) -> Box:
    left, top, right, bottom = (_number(side) for side in box)
    return left, top, right, bottom
