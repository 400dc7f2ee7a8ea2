"""When a rule is armed. Sinks have schedules too, so it lies where both find it."""

from pipeline.schedule import Schedule

__all__ = ["Schedule"]
