"""Which cameras are recorded."""

from pydantic import Field

from pipeline.configuration.settings.settings import Settings


class RecordSource(Settings):
    """Which cameras are recorded, and from where."""

    cameras: tuple[str, ...] = Field(default=(), description="Cameras that are recorded; empty: all.")
    source: str = Field(
        default="",
        max_length=4096,
        repr=False,
        description="Where the video that is kept comes from, such as the camera's main stream while analysis has its "
        "sub-stream; empty: where analysis has its own. Only with one camera.",
    )
