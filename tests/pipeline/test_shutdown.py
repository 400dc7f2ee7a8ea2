"""A signal becomes a request that a waiting loop notices; afterwards everything is as before."""

import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.shutdown import Shutdown

WAIT_FOR_REQUESTS = """
import select
from pipeline.shutdown import Shutdown
with Shutdown() as shutdown:
    print("ready", flush=True)
    for said in ("asked", "urgent"):
        assert select.select([shutdown], [], [], 20)[0]
        shutdown.drain()
        assert getattr(shutdown, said)
        print(said, flush=True)
"""


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def readable(shutdown: Shutdown) -> bool:
    return bool(select.select([shutdown], [], [], 0)[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_is_urgent(number: signal.Signals) -> None:
    with Shutdown() as shutdown:
        assert (shutdown.asked, shutdown.urgent, readable(shutdown)) == (False, False, False)
        signal.raise_signal(number)
        assert (shutdown.asked, shutdown.urgent, readable(shutdown)) == (True, False, True)
        shutdown.drain()
        assert not readable(shutdown), "seen once, a wake-up is forgotten"
        assert shutdown.asked, "the request is not"
        signal.raise_signal(number)
        assert shutdown.urgent
        assert readable(shutdown)


def test_a_request_from_within_wakes_the_loop_as_a_signal_does() -> None:
    with Shutdown() as shutdown:
        shutdown.request()
        assert shutdown.asked
        assert readable(shutdown)


def test_a_thousand_signals_at_once_break_nothing() -> None:
    with Shutdown() as shutdown:
        for _ in range(1000):
            signal.raise_signal(signal.SIGTERM)
        assert shutdown.urgent
        while readable(shutdown):
            shutdown.drain()
        shutdown.drain()


def test_handlers_and_wake_up_are_given_back_also_after_an_error() -> None:
    before = handlers()
    with Shutdown():
        assert handlers() != before
    with pytest.raises(ZeroDivisionError), Shutdown():
        1 / 0  # noqa: B018  # any error will do
    assert handlers() == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_loop_that_sleeps_in_another_process_wakes_up_for_each_signal(root: Path) -> None:
    command = [sys.executable, "-c", WAIT_FOR_REQUESTS]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "urgent\n"
    assert process.returncode == 0
