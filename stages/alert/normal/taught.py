"""What rules with a model of normal have in common: the model, and whom it may judge."""

import logging
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from pipeline.errors import CannotStart
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.model import NormalModel
from stages.alert.normal.nearest import Examples
from stages.alert.normal.store import read


def _readable(folder: Path) -> Path:
    try:
        read(folder)
    except CannotStart as error:
        raise ValueError(str(error)) from error
    return folder


NormalFolder = Annotated[Path, AfterValidator(_readable)]
"""Folder of a camera's model of normal, as ``bartizan learn`` makes it; it is read when options are checked."""
log = logging.getLogger(__name__)


class Taught:
    """The generation of a model of normal that is in use. Raises ``CannotStart`` for one that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stored = read(folder)
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
