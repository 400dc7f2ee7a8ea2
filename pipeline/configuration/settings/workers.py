"""How many processes share a stage's work."""

from pydantic import Field

from pipeline.configuration.settings.settings import Settings


class WorkerOptions(Settings):
    """How many processes share a stage's work."""

    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes of this stage; results do not depend on it.",
    )
