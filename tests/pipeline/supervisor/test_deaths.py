"""What dies again and again by no fault of its own is started again, and the report says how often in few entries."""

import logging
import os
import select
import subprocess
from pathlib import Path

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.process import Process, Role
from pipeline.restarts import RestartLimits
from pipeline.supervisor.deaths import FEW, Deaths
from pipeline.supervisor.status import Status
from pipeline.wall import rfc3339
from pipeline.worker import NO_ROOM


class House:
    """A supervisor's processes, which end as they are told to."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.status = Status()
        self.processes = [Process(Role(stage), RestartLimits()) for stage in ("alert", "deliver")]
        self._deaths = Deaths(self.processes, self.status, folder, self.clock)

    def dies(self, process: Process, code: int, reason: str = "") -> None:
        """Of ``reason``, as it says itself."""
        process.child = subprocess.Popen(["sh", "-c", f"exit {code}"])
        process.pidfd = os.pidfd_open(process.child.pid)
        select.select([process.pidfd], [], [])
        process.fatal = reason
        self.clock.advance(SECOND)
        self._deaths.died(process)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_restarts_on_a_full_disk_do_not_make_the_report_grow(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            for process in house.processes:
                house.dies(process, NO_ROOM, f"OSError: no room for /tmp/{number}")
    for stage in ("alert", "deliver"):
        mine = [restart for restart in house.status.restarts if restart.stage == stage]
        assert [restart.count for restart in mine] == [1] * FEW + [20 - FEW]
        assert [restart.reason[-6:] for restart in mine] == [f"/tmp/{number}" for number in range(FEW + 1)]
    assert house.status.restarts[-1].time == rfc3339(8 * SECOND)
    assert house.status.restarts[-1].last == rfc3339(40 * SECOND)
    assert len(caplog.records) == 2 * (FEW + 1), "nor the log"
    assert not any(process.finished for process in house.processes)


def test_another_cause_in_between_begins_a_new_row(house: House) -> None:
    alert = house.processes[0]
    for code in [NO_ROOM] * (FEW + 2) + [1] + [NO_ROOM] * (FEW + 2):
        house.dies(alert, code)
    assert [restart.count for restart in house.status.restarts] == [*[1] * FEW, 2, 1, *[1] * FEW, 2]


def test_what_a_process_dies_of_by_itself_is_told_each_time(house: House) -> None:
    for _ in range(FEW + 2):
        house.dies(house.processes[0], 1, "RuntimeError: no")
    assert [restart.count for restart in house.status.restarts] == [1] * (FEW + 2)
