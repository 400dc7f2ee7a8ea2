"""A clip in which nobody can be recognised whom its event is not about, made when it is handed out."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline.clock import SECOND
from pipeline.errors import LogError, MessageError
from pipeline.integrity.clip_moments import clip_moments
from pipeline.messages import Event
from pipeline.registry import resolve
from pipeline.stage import Moment

logger = logging.getLogger(__name__)

PLAY = "stages.record.playing:play"
FILM = "stages.record.filming:Film"
FILM_OPTIONS = "stages.record.options:RecordOptions"
BLUR = "stages.evidence.clip_blur:ClipBlur"
PEOPLE = "stages.evidence.options:PEOPLE"
SLACK_S = 0.2
"""A detector may miss somebody for so long."""
APART_S = {"file": 0.0, "shared": 0.0, "camera": 0.1}
"""How far the times of a clip may be from those of the analysis, where both have this clock."""
UNKNOWN_S = 0.8
"""The same where they have not, and nobody could measure it."""

Progress = Callable[[str, int, int], None]
"""Name of the clip, pictures so far, pictures in all."""


@dataclass(frozen=True, slots=True)
class Blurred:
    """What came of it."""

    pictures: int
    unknown: int
    """Those of which nothing can be made out, because it is not known who was where."""
    reason: str = ""
    """Why that is known of none."""


class Hiding(msgspec.Struct, frozen=True):
    """What the note beside a clip says of what is to be hidden in it."""

    people: list[str] | None = None
    """Classes that are people; empty: nobody is hidden; None: the usual ones."""
    areas: list[list[tuple[float, float]]] = []
    """Polygons, in shares of the picture, that analysis did not see and the clip shows."""
    roles: list[str] | None = None
    """Public keys of the roles that may see it as it is; empty: there were none; None: the note does not say."""


def hiding_of(note: dict[str, Any]) -> Hiding:
    """What is to be hidden in a clip. A note that does not say it, as those of earlier versions, means everybody."""
    try:
        hiding = msgspec.convert(note.get("hide"), Hiding)
    except msgspec.ValidationError:
        hiding = Hiding()
    if hiding.people is not None:
        return hiding
    return msgspec.structs.replace(hiding, people=list(resolve(PEOPLE, {})))


def offset_of(note: dict[str, Any]) -> tuple[float, float]:
    """By how many seconds a clip shows things later than the analysis says, and how far from that it may be."""
    offset_s, within_s = note.get("offset_s"), note.get("offset_within_s")
    if isinstance(offset_s, int | float) and isinstance(within_s, int | float):
        return float(offset_s), float(within_s)
    return 0.0, UNKNOWN_S if "offset_s" in note else APART_S.get(str(note.get("clock")), UNKNOWN_S)


def blur_clip(
    out: Path, name: str, note: dict[str, Any], messages: Sequence[Event], target: Path, tell: Progress
) -> Blurred:
    """Write the clip ``name`` of some results as ``target``, with everybody hidden but those whom the event is about,
    and whatever masks cover. Where nobody is to be hidden it is not asked who was where.

    Raises ``SourceError`` if it cannot be decoded, ``OSError`` if it cannot be written.
    """
    hiding, (later_s, within_s), reason = hiding_of(note), offset_of(note), ""
    moments: list[Moment] = []
    try:
        if hiding.people:
            moments = clip_moments(out, messages[0].camera, note, later_ns=round(later_s * SECOND))
            reason = "" if moments else "nothing was analysed then, or the log of the camera is gone"
    except (LogError, MessageError) as error:
        reason = str(error)
    except (KeyError, TypeError, ValueError):
        reason = "the note beside it does not say when it was"
    blur = resolve(BLUR, {})(
        messages, moments, people=hiding.people or (), areas=hiding.areas, slack_ns=round((SLACK_S + within_s) * SECOND)
    )
    film = resolve(FILM, {})(target, resolve(FILM_OPTIONS, {})())
    pictures = unknown = 0
    for pixels, at_ns in resolve(PLAY, {})(out / name):
        picture, is_known = blur.process(pixels, at_ns)
        film.add(picture, at_ns)
        pictures, unknown = pictures + 1, unknown + (not is_known)
        tell(name, pictures, int(note.get("frames") or 0))
    film.close()
    return Blurred(pictures, unknown, reason)
