"""What capture measures of a camera's consecutive frames because a rule asked for it."""

from typing import Any, Protocol

from pipeline.stage import Picture

Features = dict[str, Any]
"""What was measured of one frame, by name: values that MessagePack can carry."""


class Measurement(Protocol):
    """Built from the camera's options when a rule of the camera needs it (``RuleOptions.needs``), by its name in
    ``pipeline.registry.MEASUREMENTS``. Equal frames at equal media times give equal values; a recording is replayed
    from its start, so what a measurement remembers is never saved."""

    def measure(self, pixels: Picture, media_ns: int) -> Any:
        """Take in the next frame, masks applied, and say what goes into ``Frame.features``."""
        ...

    def reset(self) -> None:
        """The next frame does not follow the one before: a stream was opened again or jumped in time."""
        ...
