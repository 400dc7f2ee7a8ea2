"""What rules with a model of normal have in common: the model, and whom it may judge."""

import logging
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.errors import CannotStart
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.model import NormalModel
from stages.alert.normal.nearest import Examples
from stages.alert.normal.store import MANIFEST, in_use, read_generation


def _readable(folder: Path) -> Path:
    try:
        return read_generation(in_use(folder)).path
    except CannotStart as error:
        raise ValueError(str(error)) from error


NormalFolder = Annotated[Path, AfterValidator(_readable), Field(json_schema_extra={"content": MANIFEST})]
"""Folder of a camera's model of normal, as ``bartizan learn`` makes it; it is read when options are checked.

The value is the folder of the generation then in use, so that a process which starts again goes on with that one.
Its manifest vouches for all that decides; crops may be deleted.
"""
log = logging.getLogger(__name__)


class Taught:
    """The generation of a model of normal that is in use. Raises ``CannotStart`` for one that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stored = read_generation(in_use(folder))
        self.examples = Examples.of(self._stored)
        """Of what is normal, to be shown beside what is not."""

    @property
    def model(self) -> NormalModel:
        """What is normal."""
        return self._stored.model

    @property
    def calibration(self) -> Calibration:
        """What normal time says of scores."""
        return self._stored.calibration

    @property
    def facts(self) -> dict[str, Any]:
        """Which model it is, for events."""
        return {"generation": self._stored.manifest.generation, "sha256": self._stored.digest}

    def meet(self, camera: str, detector: str) -> None:
        """Raise ``CannotStart`` if it was learned from another detector's boxes; say so if on another camera."""
        self._stored.check_detector(detector)
        learned = self._stored.manifest.camera
        if learned != camera:
            log.warning(
                "camera %s: the model of normal in %s was learned on camera %s; another camera's normal is another: "
                "learn it anew unless both names mean the same camera",
                camera,
                self._folder,
                learned,
            )
