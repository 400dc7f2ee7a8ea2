"""Who else was in the frames of the cameras of a run, for whoever draws one of them."""

import logging
from collections.abc import Callable

from pipeline.errors import LogError, MessageError
from pipeline.spec import RunSpec
from pipeline.stage import Around
from pipeline.surroundings import Surroundings

logger = logging.getLogger(__name__)


class Bystanders:
    """The surroundings of every camera, opened when they are first asked for."""

    def __init__(self, spec: RunSpec, answer: Callable[[], None] = lambda: None) -> None:
        """``answer`` is called now and then while a long log is read."""
        self._spec = spec
        self._answer = answer
        self._cameras: dict[str, Surroundings] = {}

    def at(self, camera: str, index: int, *, event: str) -> Around | None:
        """Everybody in a frame of a camera; None where that cannot be told, with a warning that names the event."""
        if camera not in self._cameras:
            log, tracks = self._spec.log_path(camera), self._spec.spool_path(camera)
            self._cameras[camera] = Surroundings(log, tracks, self._answer)
        try:
            return self._cameras[camera].at(index)
        except (LogError, MessageError) as error:
            logger.warning("camera %s: event %s: who else is there cannot be told: %s", camera, event, error)
            return None

    def close(self) -> None:
        """Close the logs."""
        for surroundings in self._cameras.values():
            surroundings.close()
