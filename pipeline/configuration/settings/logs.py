"""What is logged, and how."""

from enum import StrEnum

from pydantic import Field

from pipeline.configuration.settings.settings import Settings


class LogLevel(StrEnum):
    """Least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log record is written."""

    TEXT = "text"
    JSON = "json"


class LogOptions(Settings):
    """What is logged, and how. Credentials never are."""

    level: LogLevel = Field(
        default=LogLevel.INFO,
        description="Records below this severity are not logged.",
    )
    format: LogFormat = Field(
        default=LogFormat.TEXT,
        description="Lines for people, or one JSON object a line.",
    )
