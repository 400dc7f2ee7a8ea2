"""What is known of a run while it lasts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.control import Backlog, CameraConsumed, CameraProgress
from pipeline.histogram import Histogram
from pipeline.process import Process
from pipeline.report import Restart


@dataclass
class Status:
    """What is known of a run, from what its processes said last."""

    cameras: dict[str, CameraProgress] = field(default_factory=dict)
    consumed: dict[str, CameraConsumed] = field(default_factory=dict)
    backlogs: dict[str, Backlog] = field(default_factory=dict)
    """Of ``evidence``, ``deliver``, and record and classify processes, by label."""
    answers: dict[str, int] = field(default_factory=dict)
    """Given by each incarnation of a classify process."""
    classifiers_lost: dict[str, str] = field(default_factory=dict)
    """Classify processes that will not come back in this run, and why."""
    refused: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    latency_ms: Histogram = field(default_factory=Histogram)
    restarts: list[Restart] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)
    """Cameras that will not come back in this run, and why."""
    unfinished: list[str] = field(default_factory=list)
    """What was cut short at the end of the run."""
    failed: str = ""
    """Why the run as a whole cannot go on."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """Processor time by process, at the end of the run."""
    metrics: dict[str, dict[str, object]] = field(default_factory=dict)
    """Latest snapshot of each process's counters, by label."""

    @property
    def frames(self) -> int:
        """Frames committed so far."""
        return sum(camera.next_index for camera in self.cameras.values())


Observer = Callable[[Status, list[Process]], None]
"""Somebody who looks at a run now and then."""
