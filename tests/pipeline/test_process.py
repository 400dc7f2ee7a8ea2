"""A process's end is told for what it was: by itself, killed, frozen, hung, refused. Real processes throughout."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.control import Backlog, Closed, Fatal, GiveUp, Notice, Pong, Started
from pipeline.process import Death, Process, Role, is_stopped
from pipeline.restarts import RestartLimits
from pipeline.spec import RunSpec
from pipeline.worker import NO_ROOM
from tests.full_disk import fill

WITHIN_S = 120.0
Heard = TypeVar("Heard", bound=Notice)
Launch = Callable[..., Process]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "clip.mp4").touch()
    return saved(folder, default_config([str(folder / "clip.mp4")]), folder)


def saved(folder: Path, config: PipelineConfig, out: Path) -> Path:
    RunSpec(
        config=config.to_spec(),
        out=str(out),
        run_dir=str(folder),
        ring_dir=str(folder),
        endpoint=f"ipc://{folder}/none",
        analysis_sha256="a" * 64,
        cameras=["clip"],
    ).save(folder / "spec")
    return folder / "spec"


@pytest.fixture
def launch(spec: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    """Start a process that behaves as named in ``child_roles.play``."""
    monkeypatch.chdir(root)
    processes: list[Process] = []

    def begin(behaviour: str, given: Path | None = None) -> Process:
        process = Process(Role("tests.pipeline.child_roles:play", behaviour), RestartLimits())
        processes.append(process)
        process.launch(given or spec, 0, stderr=None)
        return process

    yield begin
    for process in processes:
        process.kill("the test is over")
        if process.alive:
            process.bury(0)


def hear(process: Process, kind: type[Heard]) -> Heard:
    """The next notice of this kind."""
    deadline = time.monotonic() + WITHIN_S
    assert process.line is not None
    while time.monotonic() < deadline:
        select.select([process.line], [], [], 0.1)
        for notice in process.line.receive():
            if isinstance(notice, kind):
                return notice
    raise AssertionError(f"no {kind.__name__} within {WITHIN_S} s")


def bury(process: Process) -> Death:
    """Once it has ended; notes a last word as the supervisor does."""
    assert select.select([process.pidfd], [], [], WITHIN_S)[0], "it lives on"
    assert process.line is not None
    try:
        for notice in process.line.receive():
            if isinstance(notice, Fatal):
                process.fatal = notice.reason
    except Closed:
        pass
    return process.bury(5)


def pid_of(process: Process) -> int:
    assert process.child is not None
    return process.child.pid


def test_a_process_answers_takes_orders_and_ends_when_it_is_drained(launch: Launch) -> None:
    process = launch("obey")
    hear(process, Started)
    for number in (1, 2):
        process.send_ping(number)
        assert hear(process, Pong) == Pong(number)
    process.send(GiveUp("gate", "gone"))
    assert hear(process, Backlog) == Backlog(1, 0, 0)
    process.drain()
    assert bury(process) == Death("exited with 0", True, 0, 5)
    assert not process.alive


def test_who_is_told_to_drain_before_the_restart_drains_after_it(launch: Launch, spec: Path) -> None:
    process = launch("obey")
    first = process.incarnation
    process.draining = True
    process.kill("it is in the way")
    assert bury(process).reason == "it is in the way"
    process.launch(spec, 9, stderr=None)
    assert bury(process).code == 0
    assert process.incarnation != first
    assert process.launches == 2


def test_a_kill_from_outside_does_not_count_as_its_own_doing(launch: Launch) -> None:
    process = launch("obey")
    hear(process, Started)
    os.kill(pid_of(process), signal.SIGKILL)
    assert bury(process) == Death("killed from outside (SIGKILL)", False, -9, 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_leaves_it_to_the_supervisor_to_end_a_process(
    launch: Launch, number: signal.Signals
) -> None:
    """systemd and timeout(1) send SIGTERM to every process of a run, Ctrl-C sends SIGINT."""
    process = launch("obey")
    hear(process, Started)
    os.kill(pid_of(process), number)
    process.send_ping(1)
    assert hear(process, Pong) == Pong(1)
    process.drain()
    assert bury(process).code == 0


@pytest.mark.parametrize(
    ("number", "reason", "by_itself"),
    [
        (signal.SIGABRT, "died of SIGABRT", True),
        (signal.SIGSEGV, "died of SIGSEGV", True),
        (signal.SIGBUS, "died of SIGBUS", True),
        (signal.SIGHUP, "killed from outside (SIGHUP)", False),
        (signal.SIGRTMIN + 3, f"died of signal {signal.SIGRTMIN + 3}", True),
    ],
)
def test_a_death_by_signal_is_told_by_its_name(launch: Launch, number: int, reason: str, by_itself: bool) -> None:
    assert bury(launch(f"die {number}")) == Death(reason, by_itself, -number, 5)


def test_an_exit_code_is_told(launch: Launch) -> None:
    assert bury(launch("exit 7")) == Death("exited with 7", True, 7, 5)


def test_a_process_that_cannot_start_says_why_and_exits_with_3(launch: Launch) -> None:
    reason = "CannotStart: weights yolo.pt: no such file; name one that is there"
    assert bury(launch("refuse")) == Death(reason, True, 3, 5)


def test_an_error_is_told_in_one_line_without_the_password(launch: Launch) -> None:
    death = bury(launch("fail"))
    assert death.code == 1
    assert death.reason == "RuntimeError: rtsp://***@gate/1 says no"


@pytest.mark.parametrize("behaviour", ["fail", "refuse"])
def test_a_live_run_does_not_blame_a_process_for_a_full_disk(
    launch: Launch, tmp_path: Path, small_disk: Path, behaviour: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fill(small_disk)
    live = saved(tmp_path, default_config(["synthetic:320x240@20"], live=True), small_disk)
    death = bury(launch(behaviour, live))
    assert (death.by_itself, death.code) == (False, NO_ROOM)
    assert "Traceback" not in capfd.readouterr().err, "it will fail so again and again"
    drained = launch(behaviour, live)
    drained.drain()
    assert bury(drained).by_itself, "else a run would not end before there is room"
    (tmp_path / "spec").unlink()
    recording = saved(tmp_path, default_config(["synthetic:320x240@20?recording=yes"]), small_disk)
    assert bury(launch(behaviour, recording)).by_itself, "nothing is lost if it ends"


def test_a_frozen_process_was_frozen_from_outside_and_a_hung_one_hangs_by_itself(launch: Launch) -> None:
    frozen, hung = launch("obey"), launch("hang")
    hear(frozen, Started)
    hear(hung, Started)
    os.kill(pid_of(frozen), signal.SIGSTOP)
    deadline = time.monotonic() + WITHIN_S
    while not frozen.is_stopped() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert frozen.is_stopped()
    assert not hung.is_stopped()
    for process in (frozen, hung):
        process.kill("no answer for 2 s")
        process.kill("a second reason")
    assert bury(frozen) == Death("frozen from outside (SIGSTOP): no answer for 2 s", False, -9, 5)
    assert bury(hung) == Death("no answer for 2 s", True, -9, 5)


def test_burying_leaves_no_descriptor_open_and_counts_the_processor_time(launch: Launch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    process = launch("exit 0")
    bury(process)
    assert len(os.listdir("/proc/self/fd")) == before
    assert process.cpu_s > 0.0


def test_orders_to_a_process_that_is_not_there_are_lost_quietly() -> None:
    process = Process(Role("detect", "0"), RestartLimits())
    process.send_ping(1)
    process.drain()
    process.kill("why not")
    assert not process.is_stopped()
    assert process.killed_for == ""


def test_a_pid_that_does_not_exist_is_not_stopped() -> None:
    assert not is_stopped(2**22 + 1)


def test_titles_name_camera_or_worker() -> None:
    assert Role("detect", "0").title == "bartizan: detect[0]"
    assert Role("dispatch").label == "dispatch"
