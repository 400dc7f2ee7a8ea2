"""What processes tell the supervisor."""

from pipeline.control import (
    Backlog,
    ClassifyLost,
    Closed,
    Consumed,
    Fatal,
    GiveUp,
    Metrics,
    Notice,
    OverdueWorker,
    Pong,
    Progress,
    Started,
)
from pipeline.histogram import Histogram
from pipeline.process import Process
from pipeline.supervisor.status import Status


class Notices:
    """Takes what processes say into the status of the run."""

    def __init__(self, processes: list[Process], status: Status) -> None:
        self._processes = processes
        self._status = status
        self._latencies: dict[str, Histogram] = {}

    def listen(self, process: Process) -> None:
        """Read what a process has said."""
        if process.line is None:
            return
        try:
            notices = process.line.receive()
        except Closed:
            return  # its pidfd will tell
        for notice in notices:
            self._take(process, notice)

    def _take(self, process: Process, notice: Notice) -> None:
        match notice:
            case Pong(number):
                process.answered = max(process.answered, number)
            case Started():
                process.started = True
                if process.role.stage == "dispatch":
                    for camera, reason in self._status.given_up.items():
                        process.send(GiveUp(camera, reason))
                if process.role.stage == "alert":
                    for name, reason in self._status.classifiers_lost.items():
                        process.send(ClassifyLost(name, reason))
            case Fatal(reason):
                process.fatal = reason
            case Progress(cameras, refused, workers):
                self._status.cameras, self._status.refused = cameras, refused
                self._status.workers.update(workers)
            case Consumed(cameras, latency_ms):
                self._status.consumed = cameras
                self._latencies[process.incarnation] = latency_ms
            case Backlog(done=done) if process.role.stage == "classify":
                self._status.backlogs[process.role.label] = notice
                self._status.answers[process.incarnation] = done
            case Backlog():
                self._status.backlogs[process.role.label] = notice
            case OverdueWorker(worker):
                self._kill_overdue(worker)
            case Metrics(snapshot):
                self._status.metrics[process.role.label] = snapshot

    def _kill_overdue(self, worker: str) -> None:
        for process in self._processes:
            if process.incarnation == worker:
                process.kill("held a frame for longer than its lease")

    def latency_ms(self) -> Histogram:
        """Of all incarnations of alert together."""
        total = Histogram()
        for histogram in self._latencies.values():
            total.merge(histogram)
        return total
