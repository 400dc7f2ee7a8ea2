"""What in the picture the detector rested on when the event was raised, and whether the answer can be believed."""

from pathlib import Path

import numpy as np

from lab.detector import open_detector, view
from lab.explain.command import FAINTEST
from lab.explain.explanation import Effort, Explanation, explain
from lab.explain.masked import Masks, saliency
from lab.explain.overlay import overlay
from lab.explain.picture import PICTURES, read
from lab.explain.scorer import detection_scorer
from lab.explain.target import Target, Window, targets_of
from lab.report.page import Page
from lab.train.progress import Progress
from pipeline.configuration.analysis import content_sha256
from pipeline.errors import UsageError
from pipeline.messages import Event, EventObject
from pipeline.models import find, is_name
from pipeline.stage import Picture
from stages.alert.geometry import overlap

CONTEXT = 2.5
"""Window looked at, in sizes of the box."""
LEAST_OVERLAP = 0.5
"""Of the box that is found now with the event's own."""


def explained(
    event: Event, source: Path, *, masks: int = 400, effort: Effort | None = None
) -> tuple[Picture, Explanation]:
    """The frame of the event, and a map of its object by D-RISE with its deletion score.

    ``source``: the recording, or a picture of that frame without anything drawn on it. Raises ``UsageError`` where the
    event has no detected object, or the detector or the frame is another one.
    """
    seen = event.object
    if seen is None or not seen.track_id:
        raise UsageError("--saliency: this event is about no detected object, so no detection can be explained")
    weights = _weights(event)
    picture = _frame(event, seen, source)
    detector = open_detector(weights, confidence=FAINTEST, imgsz=640, threads=1)
    target = _target(seen, targets_of(detector.process([view(picture)])[0], detector.names), source)
    window = Window.around(target.xyxy, CONTEXT, within=(picture.shape[0], picture.shape[1]))
    scorer, effort = detection_scorer(detector, target), effort or Effort()
    with Progress("explaining", total=masks + effort.pictures) as progress:
        found = saliency(picture, window, scorer, Masks(masks), advance=progress.advance)
        return picture, explain(picture, window, target, found, scorer, effort=effort, advance=progress.advance)


def add(page: Page, picture: Picture, explanation: Explanation) -> None:
    """A section of the page."""
    curves, verdict = explanation.verdict.curves, explanation.verdict
    page.section("What the detector rested on").note(str(verdict), "good" if verdict.explains else "bad")
    drawn = overlay(picture, explanation.window, explanation.saliency, explanation.target)
    page.picture(drawn, f"{explanation.target}, by D-RISE; the grey frame is the window that was looked at")
    rows = [("this map", curves.deleted, curves.inserted, curves.gain)]
    rows += [(name, each.deleted, each.inserted, each.gain) for name, each in explanation.baselines.items()]
    page.table(("map", "deletion (small is good)", "insertion", "gain"), rows)
    page.text(f"Advantage over random maps: {verdict.advantage} (mean, and the range of 95 % of them).")


def said(explanation: Explanation) -> str:
    """One line for the terminal."""
    curves = explanation.verdict.curves
    return (
        f"Saliency of {explanation.target}: deletion {curves.deleted:.3f}, insertion {curves.inserted:.3f}; "
        f"{explanation.verdict}"
    )


def _weights(event: Event) -> Path:
    name, digest = event.model.get("name", ""), event.model.get("sha256", "")
    if not is_name(name):
        raise UsageError(f"--saliency: the detector {name!r} is none of the models that Bartizan knows by name")
    weights = find(name)
    if content_sha256(weights) != digest:
        raise UsageError(f"--saliency: {name} is not the detector of this event any more: its weights differ")
    return weights


def _frame(event: Event, seen: EventObject, source: Path) -> Picture:
    picture = read(source, None if source.suffix.lower() in PICTURES else event.frame - 1)
    wanted = round(seen.box_px[2] / seen.box[2]), round(seen.box_px[3] / seen.box[3])
    if abs(picture.shape[1] - wanted[0]) > 1 or abs(picture.shape[0] - wanted[1]) > 1:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise UsageError(f"--saliency {source}: is {size}, the event was raised on {wanted[0]}x{wanted[1]}")
    return picture


def _target(seen: EventObject, targets: list[Target], source: Path) -> Target:
    """The detection that is the event's object."""
    same = [target for target in targets if target.name == seen.class_name]
    likeness = [overlap(target.xyxy.tolist(), seen.box_px) for target in same]
    if not same or max(likeness) < LEAST_OVERLAP:
        raise UsageError(
            f"--saliency {source}: the detector finds no {seen.class_name} at the place of the event; "
            "is it the recording that the event is from?"
        )
    return same[int(np.argmax(likeness))]
