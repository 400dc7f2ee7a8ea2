"""How processes are watched and restarted."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.configuration.settings.settings import Settings


class SupervisorOptions(Settings):
    """How processes are watched and restarted."""

    liveness_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Seconds without an answer from a process's work loop until it is replaced.",
    )
    start_timeout_s: float = Field(
        default=180.0,
        gt=0,
        le=3600,
        description="Seconds a process may take to start (loading and exporting a model).",
    )
    drain_timeout_s: float | None = Field(
        default=None,
        gt=0,
        le=604800,
        description="Seconds after which the end of a run no longer waits for receivers, once all else is done. Unset: "
        "as long as they acknowledge something, and 30 s more.",
    )
    grace_s: float = Field(
        default=5.0,
        gt=0,
        le=600,
        description="Seconds between asking a process to end and killing it.",
    )
    backoff_first_s: float = Field(
        default=0.5,
        gt=0,
        le=600,
        description="Seconds until the first restart of a process.",
    )
    backoff_max_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Most seconds between restarts; each wait doubles.",
    )
    restarts: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Restarts within `window_s` after which a process is given up.",
    )
    window_s: float = Field(
        default=60.0,
        gt=0,
        le=86400,
        description="The window in which `restarts` are counted, in seconds.",
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError(
                f"backoff_max_s ({self.backoff_max_s}) must be at least backoff_first_s ({self.backoff_first_s})"
            )
        return self
