"""What rules with a model of normal have in common: the generation that they go by, and whom it may judge.

Without ``online`` that is the generation that was in use when options were checked. With it, the rule follows the
folder's ``current.json``: the camera's log says from which frame on which generation counts, and what it said last
stands in ``Scene.followed``. Nothing of that is kept here but generations that were read before.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from pipeline.errors import CannotStart
from stages.alert.normal.appearance import Appearance
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.dismissed import Dismissed
from stages.alert.normal.feedback import read_feedback
from stages.alert.normal.model import NormalModel
from stages.alert.normal.nearest import Examples
from stages.alert.normal.observed import Observed
from stages.alert.normal.store import CURRENT, GENERATIONS, MANIFEST, Stored, in_use, read_generation, read_named
from stages.alert.options import RuleOptions
from stages.alert.rule import News
from stages.alert.scene import Scene

MOST_READ = 5
"""Generations that are kept in memory, those that were asked for last."""


def _settled(folder: Path, info: ValidationInfo) -> Path:
    """The generation in use, or the folder itself where that may still change, or nothing of it counts."""
    online, learning = info.data.get("online") or info.data.get("mode") == "auto", info.data.get("mode") == "learning"
    if online or learning:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is no folder")
        if online and folder.parent.name == GENERATIONS:
            raise ValueError(f"{folder} is one generation: to follow a model of normal, name {folder.parent.parent}")
        return folder
    try:
        return read_generation(in_use(folder)).path
    except CannotStart as error:
        raise ValueError(str(error)) from error


NormalFolder = Annotated[Path, AfterValidator(_settled), Field(json_schema_extra={"content": MANIFEST})]
"""Folder of a camera's model of normal. The options that it depends on, ``online`` and ``mode``, come before it.

Without ``online`` it is read when options are checked, and the value is the folder of the generation then in use, so
that a process which starts again goes on with that one. Its manifest vouches for all that decides; crops may be
deleted.
"""
log = logging.getLogger(__name__)


class TaughtOptions(RuleOptions):
    """Options of rules that have a folder ``normal``."""

    online: bool = Field(
        default=False,
        description="Take up a new generation while running, from a frame on that the log names; the folder need not "
        "exist yet. Else the rule keeps to the generation in use at the start.",
    )

    normal: NormalFolder = Field(description="Folder of the camera's model of normal, as `bartizan learn` makes it.")

    @property
    def is_online(self) -> bool:
        """Whether the generation may change while it runs."""
        return self.online

    @property
    def is_settled(self) -> bool:
        """Whether it goes by the generation that was in use at the start."""
        return not self.is_online

    @property
    def follows(self) -> Mapping[str, Path]:
        """What says which generation is in use, if it is online."""
        return {str(self.normal): self.normal / CURRENT} if self.is_online else {}


@dataclass(frozen=True)
class Lesson:
    """One generation, read."""

    stored: Stored
    examples: Examples
    """Of what is normal, to be shown beside what is not."""
    dismissed: Dismissed
    """Examples of what is of no interest."""

    @classmethod
    def of(cls, stored: Stored) -> "Lesson":
        """With its examples. Raises ``CannotStart`` if they were changed."""
        return cls(stored, Examples.of(stored), Dismissed(read_feedback(stored)))

    @property
    def model(self) -> NormalModel:
        """What is normal."""
        return self.stored.model

    @property
    def calibration(self) -> Calibration:
        """What normal time says of scores."""
        return self.stored.calibration

    @property
    def generation(self) -> int:
        """Its number."""
        return self.stored.manifest.generation

    @property
    def facts(self) -> dict[str, Any]:
        """Which model it is, for events."""
        return {"generation": self.generation, "sha256": self.stored.digest}


class Taught:
    """The generations that a rule may go by. Raises ``CannotStart`` for one that cannot be read."""

    def __init__(self, options: TaughtOptions) -> None:
        self._options = options
        self._folder = options.normal
        self._read: dict[bytes, Lesson] = {}
        self._blind: set[tuple[str, str]] = set()
        """Cameras and generations of which it was said that looks cannot be judged."""
        self.pinned = Lesson.of(read_generation(in_use(self._folder))) if options.is_settled else None
        """The only one, where it may not change."""

    @property
    def name(self) -> str:
        """The folder's own name, which holds nothing of this machine."""
        folder = self._folder
        return folder.parent.parent.name if folder.parent.name == GENERATIONS else folder.name

    def lesson(self, followed: Mapping[str, bytes]) -> Lesson | None:
        """What to go by at a frame with ``Scene.followed``; None while there is no generation."""
        if self.pinned is not None or not self._options.is_online:
            return self.pinned
        said = followed.get(str(self._folder), b"")
        return self.named(said) if said else None

    def named(self, said: bytes) -> Lesson:
        """The generation that this content of a ``current.json`` names. Raises ``CannotStart``."""
        found = self._read.pop(said, None) or Lesson.of(read_named(self._folder, said))
        self._read[said] = found
        for old in list(self._read)[:-MOST_READ]:
            del self._read[old]
        return found

    def heed(self, camera: str, news: News) -> str:
        """Why it cannot go by this news; empty if it can. Raises ``CannotStart`` for what cannot be read."""
        if not news.value:
            return ""
        lesson = self.named(news.value)
        try:
            lesson.stored.check_detector(news.detector)
        except CannotStart as error:
            return str(error)
        if news.value != news.before:
            self._warn_of_stranger(camera, lesson)
        return ""

    def meet(self, camera: str, detector: str) -> None:
        """Raise ``CannotStart`` if the only one was learned from another detector's boxes; say so if on another
        camera."""
        if self.pinned is not None:
            self.pinned.stored.check_detector(detector)
            self._warn_of_stranger(camera, self.pinned)

    def check_looks(self, lesson: Lesson, scene: Scene, seen: Observed) -> None:
        """Say once if the model judges what objects look like, and this run cannot tell it."""
        feature = lesson.model.features.get(Appearance.name)
        unknown = not len(scene) or scene.still or (scene.embedding is not None and seen.looks is None)
        if unknown or not isinstance(feature, Appearance) or not (fault := feature.fault(seen.looks)):
            return
        if (about := (scene.frame.camera, lesson.stored.digest)) not in self._blind:
            self._blind.add(about)
            log.warning(
                "camera %s: appearance is left out: %s (generation %d of %s); the threshold is that with it, so fewer "
                "alarms come: set `embedding: true` for the detector that it was learned with, or learn again",
                *(scene.frame.camera, fault, lesson.generation, self._folder),
            )

    def tell(self, camera: str, rule: str, news: News, state: str) -> None:
        """Log that another generation counts from now on, or that there is none; ``state``: what the rule does."""
        if not news.value:
            log.info(
                "camera %s: rule %r is learning: there is no model of normal in %s yet, so it raises nothing; "
                "make one, also while this runs: bartizan learn RESULTS --camera %s --out %s",
                *(camera, rule, self._folder, camera, self._folder),
            )
            return
        now, before = self.named(news.value), self._read.get(news.before or b"")
        log.info(
            "camera %s: rule %r is %s by generation %d of %s%s",
            *(camera, rule, state, now.generation, self._folder),
            f", no longer by generation {before.generation}" if before is not None else "",
        )

    def _warn_of_stranger(self, camera: str, lesson: Lesson) -> None:
        learned = lesson.stored.manifest.camera
        if learned != camera:
            log.warning(
                "camera %s: the model of normal in %s was learned on camera %s; another camera's normal is another: "
                "learn it anew unless both names mean the same camera",
                camera,
                self._folder,
                learned,
            )
