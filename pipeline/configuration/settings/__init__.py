"""Options of the machine itself: what the sections of the YAML that belong to no stage may say."""

from pipeline.configuration.settings.classify import ClassifyOptions
from pipeline.configuration.settings.dispatch import DispatchOptions
from pipeline.configuration.settings.governor import GovernorOptions
from pipeline.configuration.settings.integrity import IntegrityOptions, RoleName
from pipeline.configuration.settings.links import LinkOptions
from pipeline.configuration.settings.logs import LogFormat, LogLevel, LogOptions
from pipeline.configuration.settings.metrics import MetricsOptions
from pipeline.configuration.settings.record import RecordSource
from pipeline.configuration.settings.settings import Settings
from pipeline.configuration.settings.store import StoreOptions
from pipeline.configuration.settings.supervisor import SupervisorOptions
from pipeline.configuration.settings.workers import WorkerOptions

__all__ = [
    "ClassifyOptions",
    "DispatchOptions",
    "GovernorOptions",
    "IntegrityOptions",
    "LinkOptions",
    "LogFormat",
    "LogLevel",
    "LogOptions",
    "MetricsOptions",
    "RecordSource",
    "RoleName",
    "Settings",
    "StoreOptions",
    "SupervisorOptions",
    "WorkerOptions",
]
