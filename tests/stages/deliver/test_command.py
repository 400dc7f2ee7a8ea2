"""A program of the user's own: started for each message, believed when it exits with 0, killed when it does not."""

import json
import logging
import os
import stat
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from pipeline.errors import DeliveryError
from pipeline.store.sample_event import sample_event
from stages.deliver.command import CommandOptions, CommandSink
from tests.e2e.running import until


def send(*command: str, **options: Any) -> None:
    sink = CommandSink(CommandOptions.model_validate({"command": command, **options}))
    sink.send(sample_event(), key="k-1")
    sink.close()


def shell(script: str, **options: Any) -> None:
    send("sh", "-c", script, **options)


def test_it_gets_the_message_and_its_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell(
        f'cat > {out}; echo "$BARTIZAN_KEY $BARTIZAN_CAMERA $BARTIZAN_SEVERITY $SITE" >> {out}',
        environment={"SITE": "north"},
    )
    body, _, told = out.read_text().rpartition("}")
    assert json.loads(body + "}")["id"] == "sample-gate-1"
    assert told.strip() == "k-1 gate high north"


def test_no_shell_reads_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    send(str(script), "$HOME", "a b", "; exit 3")
    assert (tmp_path / "arguments").read_text() == "$HOME\na b\n; exit 3\n"


def test_a_large_message_that_it_does_not_read_holds_nobody_up() -> None:
    sink = CommandSink(CommandOptions(command=("true",)))
    sink.send(sample_event(reason="x" * 500_000), key="1")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo the siren is broken >&2; exit 3", "sh ended with code 3: the siren is broken"),
        ("kill -9 $$", "sh was ended by signal 9"),
        ("exit 1", "sh ended with code 1"),
    ],
)
def test_what_fails_is_worth_another_try_and_told_in_its_own_words(script: str, complaint: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        shell(script)
    assert str(caught.value) == complaint


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"sh took longer than 1 s and was killed: waiting"):
        shell(f"echo waiting; sleep 61 & echo $! > {tmp_path}/pid; wait", timeout_s=1)
    assert time.monotonic() - began < 61
    child = int((tmp_path / "pid").read_text())
    for _ in until(60, "the child's child to be gone"):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break


def test_what_it_leaves_running_does_not_hold_up_the_message(tmp_path: Path) -> None:
    began = time.monotonic()
    shell(f"sleep 61 & echo $! > {tmp_path}/pid")
    assert time.monotonic() - began < 61
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_much_output_is_cut_short_and_secrets_in_it_hidden(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        shell("echo $TOKEN_OF_MINE; yes | head -c 3000000", environment={"TOKEN_OF_MINE": "s3same-street"})
    (record,) = caplog.records
    assert len(record.getMessage()) < 400
    assert "s3same-street" not in record.getMessage()


def test_signals_that_the_pipeline_ignores_reach_it() -> None:
    import signal

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(DeliveryError, match="ended by signal 15"):
            shell("kill -15 $$; exit 0")
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_program_that_is_gone_is_told() -> None:
    with pytest.raises(DeliveryError, match="siren cannot be started: No such file"):
        send("/nowhere/siren")


def test_the_check_finds_a_program_that_is_not_there() -> None:
    options = CommandOptions(command=("no-such-siren", "loud"))
    assert [key for key, _ in options.faults()] == [("command", 0)]
    assert list(CommandOptions(command=("sh", "-c", "true")).faults()) == []


def test_it_leaves_no_process_and_no_file_behind() -> None:
    shell("true")
    files, children = psutil.Process().num_fds(), len(psutil.Process().children())
    for _ in range(5):
        shell("echo hello")
    assert psutil.Process().num_fds() == files
    assert len(psutil.Process().children()) == children


@pytest.mark.parametrize(
    "options",
    [{"command": []}, {"command": [" "]}, {"command": "siren loud"}, {"command": ["a"], "environment": {"A=B": "c"}}],
)
def test_what_is_no_command_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CommandOptions.model_validate(options)
